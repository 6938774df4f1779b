package iot.mqtt_test

import data.iot.mqtt

carrying := "bridge.workers.field.example"

inwards := {"field": object.union(sites.field, {"bridges": {carrying: {
	"filters": [],
	"publishes": [],
	"spaces": [
		{"begins": "field", "commands": false},
		{"begins": "spBv1.0/field", "commands": false},
		{"begins": "elsewhere/pads", "commands": true},
	],
}}})}

outwards := {"field": object.union(sites.field, {"bridges": {carrying: {
	"filters": ["field/#", "spBv1.0/field/#", "iot-broker/bridge"],
	"publishes": ["iot-broker/bridge"],
	"spaces": [],
}}})}

brought(question) := decision.result if {
	decision := mqtt.decision with input as question with data.sites as inwards
}

taken(question) := decision.result if {
	decision := mqtt.decision with input as question with data.sites as outwards
}

test_what_the_bridge_brings_in_is_published_in_the_spaces_that_cross if {
	every topic in [
		"field/pump-7/state", "field", "field/pump-7//state", "spBv1.0/field/DDATA/gw-7/pump", "elsewhere/pads/pump-7/state",
	] {
		brought(asking(carrying, "publish", topic)) == "allow"
		taken(asking(carrying, "publish", topic)) == "deny"
	}
}

test_commands_are_brought_in_where_the_site_says_so_alone if {
	every topic in [
		"field/pump-7/command/start", "field/command", "field/pump-7/NCMD", "spBv1.0/field/NCMD/gw-7",
		"spBv1.0/field/DCMD/gw-7/pump",
	] {
		brought(asking(carrying, "publish", topic)) == "deny"
	}
	brought(asking(carrying, "publish", "elsewhere/pads/pump-7/command/start")) == "allow"
}

test_the_bridge_says_nothing_elsewhere if {
	every topic in [
		"ot/field/unit/1", "fields/x", "other/x", "elsewhere/x", "spBv1.0/STATE/desk", "spBv1.0/other/DDATA/gw-7", "STATE/desk",
		"$kit/audit/connected", "$SYS/brokers", "iot-broker/bridge", "field/#", "field/+",
	] {
		brought(asking(carrying, "publish", topic)) == "deny"
	}
}

test_the_bridge_hears_nothing_while_it_brings_in if {
	every filter in ["field/#", "spBv1.0/field/#", "iot-broker/bridge", "#", "elsewhere/pads/#"] {
		brought(asking(carrying, "subscribe", filter)) == "deny"
	}
}

test_the_bridge_hears_what_goes_out_and_itself if {
	every filter in ["field/#", "spBv1.0/field/#", "iot-broker/bridge"] {
		taken(asking(carrying, "subscribe", filter)) == "allow"
	}
	taken(asking(carrying, "publish", "iot-broker/bridge")) == "allow"
	every filter in ["field/pump-7/#", "#", "ot/field/#", "$share/a/field/#", "$kit/audit/#", "spBv1.0/#", "iot-broker/#"] {
		taken(asking(carrying, "subscribe", filter)) == "deny"
	}
}

test_no_rule_gives_the_bridge_more if {
	rule := {
		"name": "too-wide",
		"who": {"common_names": ["*.workers.field.example"]},
		"actions": ["publish", "subscribe"],
		"topics": ["#"],
	}
	wider := {"field": object.union(inwards.field, {"rules": [rule]})}
	question := asking(carrying, "subscribe", "field/#")
	"too-wide" in mqtt.permits with input as question with data.sites as wider
	decision := mqtt.decision with input as question with data.sites as wider
	decision.result == "deny"
}

test_a_token_makes_nobody_the_bridge if {
	every holder in ["person", "gateway"] {
		brought(bringing_token(holder, carrying, "publish", "field/x")) == "deny"
		taken(bringing_token(holder, carrying, "publish", "iot-broker/bridge")) == "deny"
	}
}

test_nobody_else_says_the_heartbeat_or_hears_it if {
	every name in [device, service, mirror, host, "other.workers.field.example"] {
		taken(asking(name, "publish", "iot-broker/bridge")) == "deny"
		taken(asking(name, "subscribe", "iot-broker/bridge")) == "deny"
	}
}

test_where_the_broker_is_the_bridge_the_name_is_nobodys if {
	answer(asking(carrying, "publish", "field/x")) == "deny"
	answer(asking(carrying, "subscribe", "field/#")) == "deny"
}
