package iot.mqtt_test

import data.iot.mqtt

sites := {"field": {
	"reserved_client_ids": ["incumbent_in"],
	"confined": {"broker-probe.services.field.example": ["field/readiness"]},
	"realm": "field",
	"longest_token": 86400,
	"hosts": {
		"scada.services.field.example": {
			"states": ["spBv1.0/STATE/desk", "STATE/desk"],
			"topics": [
				"spBv1.0/STATE/desk",
				"STATE/desk",
				"spBv1.0/field/NCMD/+",
				"field/+/command/start/#",
			],
		},
		"starter.services.field.example": {"states": [], "topics": ["field/+/command/start/#"]},
	},
	"gateways": {"gw-7.gateways.field.example": {"spaces": ["field/separator", "wells/north"]}},
	"classes": {
		"device": "devices.field.example",
		"gateway": "gateways.field.example",
		"service": "services.field.example",
		"mirror": "mirrors.field.example",
	},
	"rules": [
		{
			"name": "devices-publish",
			"who": {"class": "device"},
			"actions": ["publish"],
			"topics": ["field/${username}/#"],
		},
		{
			"name": "devices-take-commands",
			"who": {"class": "device"},
			"actions": ["subscribe"],
			"topics": ["field/${username}/command/#"],
		},
		{
			"name": "gateways-speak-sparkplug",
			"who": {"class": "gateway"},
			"actions": ["publish"],
			"topics": ["spBv1.0/field/+/${username}/#"],
		},
		{
			"name": "services-read",
			"who": {"class": "service"},
			"actions": ["subscribe"],
			"topics": ["field/#", "ot/field/#"],
		},
		{
			"name": "mirror-publishes",
			"who": {"class": "mirror"},
			"actions": ["publish", "subscribe"],
			"topics": ["ot/field/#", "field/#"],
		},
		{
			"name": "bridges-write",
			"who": {"common_names": ["bridge-*.gateways.field.example", "bridge-*.services.field.example"]},
			"actions": ["publish"],
			"topics": ["field/bridged/#", "ot/field/#"],
		},
		{
			"name": "users-look",
			"who": {"class": "user"},
			"actions": ["publish", "subscribe"],
			"topics": ["field/${username}/#"],
		},
		{
			"name": "users-read",
			"who": {"class": "user"},
			"actions": ["subscribe"],
			"topics": ["field/all/#"],
		},
	],
}}

device := "pump-7.devices.field.example"

service := "historian.services.field.example"

mirror := "plant.mirrors.field.example"

bridge := "bridge-1.services.field.example"

asking(name, action, topic) := {
	"site": "field",
	"username": name,
	"clientid": name,
	"topic": topic,
	"action": action,
	"qos": "1",
	"retain": "false",
	"peerhost": "192.0.2.7",
	"cert_common_name": name,
	"realm": "",
	"holder": "",
}

# What is asked of who came without a certificate, under a token of the realm that the broker has verified.
bringing_token(holder, name, action, topic) := object.union(asking(name, action, topic), {
	"cert_common_name": "undefined",
	"realm": "field",
	"holder": holder,
})

person(name, action, topic) := bringing_token("person", name, action, topic)

answer(question) := decision.result if {
	decision := mqtt.decision with input as question with data.sites as sites
}

objections(question) := found if {
	found := mqtt.objections with input as question with data.sites as sites
}

test_a_device_publishes_in_its_own_subtree if {
	answer(asking(device, "publish", "field/pump-7.devices.field.example/temperature")) == "allow"
}

test_a_device_publishes_nowhere_else if {
	every topic in ["field/pump-8.devices.field.example/temperature", "field", "other/x"] {
		answer(asking(device, "publish", topic)) == "deny"
	}
}

test_a_device_hears_its_own_commands_and_nothing_wider if {
	answer(asking(device, "subscribe", "field/pump-7.devices.field.example/command/#")) == "allow"
	every filter in ["#", "field/#", "field/+/command/#", "field/pump-7.devices.field.example/#"] {
		answer(asking(device, "subscribe", filter)) == "deny"
	}
}

test_a_service_reads_the_site_and_the_mirror if {
	every filter in ["field/#", "field/+/temperature", "ot/field/unit/1", "$share/readers/field/#"] {
		answer(asking(service, "subscribe", filter)) == "allow"
	}
}

test_a_shared_subscription_opens_nothing_more if {
	answer(asking(service, "subscribe", "$share/readers/other/#")) == "deny"
}

test_a_service_writes_nothing if {
	answer(asking(service, "publish", "field/x")) == "deny"
}

test_a_rule_can_name_clients_by_a_pattern if {
	answer(asking(bridge, "publish", "field/bridged/x")) == "allow"
	answer(asking("bridge-1.devices.field.example", "publish", "field/bridged/x")) == "deny"
}

test_a_pattern_never_means_a_client_without_certificate if {
	question := object.union(asking(bridge, "publish", "field/bridged/x"), {"cert_common_name": ""})
	answer(question) == "deny"
}

test_only_the_mirror_publishes_under_ot if {
	answer(asking(mirror, "publish", "ot/field/unit/1")) == "allow"
	question := asking(bridge, "publish", "ot/field/unit/1")
	answer(question) == "deny"
	objections(question) == {"only the OT mirror publishes under ot/"}
}

test_the_mirror_publishes_nowhere_else if {
	question := asking(mirror, "publish", "field/x")
	answer(question) == "deny"
	objections(question) == {"the OT mirror publishes under ot/ and nowhere else"}
}

test_nothing_flows_towards_the_mirror if {
	question := asking(mirror, "subscribe", "ot/field/#")
	answer(question) == "deny"
	objections(question) == {"nothing flows towards the OT mirror"}
}

test_a_user_name_other_than_the_certificates_is_denied if {
	question := object.union(
		asking(device, "publish", "field/pump-8.devices.field.example/x"),
		{"username": "pump-8.devices.field.example"},
	)
	answer(question) == "deny"
	objections(question) == {"the user name is not the certificate's common name"}
}

host := "scada.services.field.example"

test_a_named_host_says_what_the_site_lets_it_say if {
	every topic in ["spBv1.0/STATE/desk", "STATE/desk", "spBv1.0/field/NCMD/gw-7", "field/pump-7/command/start/now"] {
		answer(asking(host, "publish", topic)) == "allow"
	}
	every topic in ["spBv1.0/STATE/other", "STATE/other", "spBv1.0/field/DCMD/gw-7/pump", "field/pump-7/command/stop", "field/pump-7/flow"] {
		answer(asking(host, "publish", topic)) == "deny"
	}
}

test_a_named_host_hears_its_own_state if {
	every filter in ["spBv1.0/STATE/desk", "STATE/desk"] {
		answer(asking(host, "subscribe", filter)) == "allow"
		answer(asking("starter.services.field.example", "subscribe", filter)) == "deny"
		answer(asking(service, "subscribe", filter)) == "deny"
	}
	answer(asking(host, "subscribe", "STATE/other")) == "deny"
}

test_a_named_host_hears_all_of_sparkplug_where_there_is_one_site if {
	question := asking(host, "subscribe", "spBv1.0/#")
	answer(question) == "allow"
	answer(asking(service, "subscribe", "spBv1.0/#")) == "deny"
	answer(asking("starter.services.field.example", "subscribe", "spBv1.0/#")) == "deny"
	answer(asking(host, "subscribe", "#")) == "deny"
	both := object.union(sites, {"other": sites.field})
	decision := mqtt.decision with input as question with data.sites as both
	decision.result == "deny"
}

test_nobody_else_speaks_to_devices_though_a_rule_would_let_it if {
	every topic in ["field/pump-7.devices.field.example/command/stop", "field/pump-7.devices.field.example/command"] {
		question := asking(device, "publish", topic)
		answer(question) == "deny"
		objections(question) == {"only a host that the site names speaks to devices"}
	}
	every kind in ["NCMD", "DCMD"] {
		question := asking(listed, "publish", sprintf("spBv1.0/field/%s/gw-7.gateways.field.example", [kind]))
		answer(question) == "deny"
		objections(question) == {"only a host that the site names speaks to devices"}
	}
	every topic in ["spBv1.0/STATE/desk", "STATE/desk"] {
		state := asking(service, "publish", topic)
		answer(state) == "deny"
		objections(state) == {"only a host that the site names says that it is there"}
	}
}

test_a_client_id_of_another_is_denied if {
	every other in ["pump-8.devices.field.example", "pump-7", "", "pump-7.devices.field.example/2"] {
		question := object.union(
			asking(device, "publish", "field/pump-7.devices.field.example/x"),
			{"clientid": other},
		)
		answer(question) == "deny"
		objections(question) == {"the client id is not bound to who the client is"}
	}
}

test_a_token_binds_the_client_id_by_its_beginning if {
	every own in ["alice", "alice/browser", "alice/a/b"] {
		answer(object.union(person("alice", "subscribe", "field/alice/x"), {"clientid": own})) == "allow"
	}
	every other in ["bob", "alicent", "bob/alice", "browser"] {
		question := object.union(person("alice", "subscribe", "field/alice/x"), {"clientid": other})
		objections(question) == {"the client id is not bound to who the client is"}
	}
}

test_nobody_has_a_client_id_of_the_brokers_own if {
	name := "incumbent_in_1.devices.field.example"
	question := asking(name, "publish", "field/incumbent_in_1.devices.field.example/x")
	answer(question) == "deny"
	objections(question) == {"the client id is one of the broker's own"}
}

test_a_name_that_cannot_stand_in_a_topic_is_put_into_none if {
	every name in ["+", "#", "o'brien", "jane+iot", "a b"] {
		answer(person(name, "subscribe", sprintf("field/%s/x", [name]))) == "deny"
		answer(person(name, "subscribe", "field/all/x")) == "allow"
	}
}

test_letters_of_every_script_can_stand_in_a_topic if {
	answer(person("josé", "subscribe", "field/josé/x")) == "allow"
	answer(person("josé", "subscribe", "field/jose/x")) == "deny"
}

test_a_person_reads_what_data_gives_to_users_and_never_writes if {
	every absent in ["", "undefined"] {
		answer(object.union(person("alice", "subscribe", "field/alice/x"), {"cert_common_name": absent})) == "allow"
	}
	question := person("alice", "publish", "field/alice/x")
	answer(question) == "deny"
	objections(question) == {"people only read"}
}

unvouched := "neither a certificate nor a token of the realm vouches for the client"

test_whoever_came_in_before_tokens_were_verified_is_denied if {
	every name in ["alice", listed, device, host, mirror] {
		every action in ["publish", "subscribe"] {
			question := object.union(asking(name, action, "field/alice/x"), {"cert_common_name": "undefined"})
			answer(question) == "deny"
			unvouched in objections(question)
		}
	}
}

test_a_token_of_another_realm_or_for_nobody_vouches_for_nobody if {
	every change in [
		{"realm": ""},
		{"realm": "other"},
		{"realm": "FIELD"},
		{"realm": "undefined"},
		{"holder": ""},
		{"holder": "undefined"},
		{"holder": "Person"},
		{"holder": "service"},
	] {
		question := object.union(person("alice", "subscribe", "field/alice/x"), change)
		unvouched in objections(question)
		answer(question) == "deny"
	}
}

listed := "gw-7.gateways.field.example"

test_a_listed_gateway_with_a_token_speaks_for_itself_and_its_assets if {
	every topic in ["spBv1.0/field/NDATA/gw-7.gateways.field.example", "field/separator/pressure", "wells/north/7/flow"] {
		answer(bringing_token("gateway", listed, "publish", topic)) == "allow"
		answer(asking(listed, "publish", topic)) == "allow"
	}
	answer(bringing_token("gateway", listed, "subscribe", "field/separator/#")) == "allow"
}

test_a_listed_gateway_with_a_token_speaks_and_reads_nowhere_else if {
	every topic in ["field/pump/flow", "field/separators/x", "spBv1.0/field/NDATA/gw-8.gateways.field.example", "wells/x"] {
		answer(bringing_token("gateway", listed, "publish", topic)) == "deny"
	}
	every filter in ["field/#", "#", "field/+/pressure", "ot/field/#"] {
		answer(bringing_token("gateway", listed, "subscribe", filter)) == "deny"
	}
	question := bringing_token("gateway", listed, "publish", "ot/field/separator/pressure")
	answer(question) == "deny"
	objections(question) == {"only the OT mirror publishes under ot/"}
}

test_a_person_who_is_named_like_a_listed_gateway_is_a_person if {
	every topic in ["spBv1.0/field/NDATA/gw-7.gateways.field.example", "field/separator/pressure"] {
		question := person(listed, "publish", topic)
		answer(question) == "deny"
		objections(question) == {"people only read"}
	}
	answer(person(listed, "subscribe", "field/separator/#")) == "deny"
}

test_a_gateways_token_is_for_nobody_where_the_site_does_not_list_it if {
	other := "gw-8.gateways.field.example"
	question := bringing_token("gateway", other, "publish", "spBv1.0/field/NDATA/gw-8.gateways.field.example")
	answer(question) == "deny"
}

test_the_brokers_own_topics_are_closed if {
	publish := asking(device, "publish", "$SYS/x")
	objections(publish) == {"the topic is not one that can be published to"}
	subscribe := asking(service, "subscribe", "$SYS/#")
	objections(subscribe) == {"the filter is not one that can be subscribed to"}
	answer(publish) == "deny"
	answer(subscribe) == "deny"
}

test_a_publish_with_a_wildcard_is_denied if {
	answer(asking(device, "publish", "field/pump-7.devices.field.example/#")) == "deny"
}

test_an_unknown_site_is_denied if {
	question := object.union(asking(device, "publish", "field/pump-7.devices.field.example/x"), {"site": "elsewhere"})
	answer(question) == "deny"
}

test_an_unknown_action_is_denied if {
	answer(asking(device, "erase", "field/pump-7.devices.field.example/x")) == "deny"
}

test_an_unknown_certificate_is_denied if {
	answer(asking("pump-7.devices.other.example", "publish", "field/pump-7.devices.other.example/x")) == "deny"
}

test_an_incomplete_question_is_denied if {
	answer({}) == "deny"
	answer({"site": "field", "action": "publish", "topic": "field/x"}) == "deny"
	every whole in [
		asking(device, "publish", "field/pump-7.devices.field.example/x"),
		person("alice", "subscribe", "field/alice/x"),
		bringing_token("gateway", listed, "publish", "field/separator/pressure"),
	] {
		answer(whole) == "allow"
		every name in ["site", "username", "clientid", "topic", "action", "cert_common_name"] {
			answer(object.remove(whole, [name])) == "deny"
			objections(object.remove(whole, [name]))[sprintf("the question has no %s", [name])]
			answer(object.union(whole, {name: null})) == "deny"
			answer(object.union(whole, {name: [whole[name]]})) == "deny"
		}
	}
}

test_the_probe_hears_of_one_topic_though_services_read_all if {
	probe := "broker-probe.services.field.example"
	mqtt.decision == {"result": "allow"} with input as asking(probe, "subscribe", "field/readiness")
		with data.sites as sites
	every topic in ["field/#", "field/+", "#", "ot/field/#", "field/pump-7/flow", "field/readiness/#"] {
		mqtt.decision == {"result": "deny"} with input as asking(probe, "subscribe", topic) with data.sites as sites
	}
	mqtt.decision == {"result": "deny"} with input as asking(probe, "publish", "field/readiness")
		with data.sites as sites

	# The control: what another service may read.
	mqtt.decision == {"result": "allow"} with input as asking(service, "subscribe", "field/#")
		with data.sites as sites
}
