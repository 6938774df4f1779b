package iot.mqtt_test

import data.iot.mqtt

carrier := "kafka-worker-0.workers.field.example"

ot_carrier := "ot-worker-0.workers.field.example"

carriers := {"field": object.union(sites.field, {"workers": {
	carrier: {
		"group": "kafka",
		"filters": ["field/+/#", "spBv1.0/field/+/+/#", "$kit/audit/#", "$SYS/brokers/+/stats/#"],
		"publishes": ["spBv1.0/field/NCMD/+"],
	},
	ot_carrier: {"group": "ot", "filters": ["ot/field/#"], "publishes": []},
}})}

carried(question) := decision.result if {
	decision := mqtt.decision with input as question with data.sites as carriers
}

test_a_worker_hears_its_own_filters_shared_by_its_own_group if {
	every filter in ["field/+/#", "spBv1.0/field/+/+/#", "$kit/audit/#", "$SYS/brokers/+/stats/#"] {
		carried(asking(carrier, "subscribe", filter)) == "allow"
		carried(asking(carrier, "subscribe", concat("", ["$share/kafka/", filter]))) == "allow"
		carried(asking(carrier, "subscribe", concat("", ["$share/ot/", filter]))) == "deny"
		carried(asking(carrier, "subscribe", concat("", ["$queue/", filter]))) == "deny"
	}
}

test_a_worker_hears_nothing_else_not_even_less if {
	every filter in [
		"field/#", "field/pump-7/#", "#", "+/+/#", "$kit/#", "$kit/audit/connected", "$SYS/#", "$SYS/brokers/+/metrics/#",
		"ot/field/#", "ot/field/unit/1", "spBv1.0/#", "field/readiness",
	] {
		carried(asking(carrier, "subscribe", filter)) == "deny"
		carried(asking(carrier, "subscribe", concat("", ["$share/kafka/", filter]))) == "deny"
	}
}

test_the_mirrors_worker_hears_the_mirror_alone if {
	carried(asking(ot_carrier, "subscribe", "$share/ot/ot/field/#")) == "allow"
	every filter in ["$share/kafka/ot/field/#", "field/+/#", "$kit/audit/#", "ot/#", "#"] {
		carried(asking(ot_carrier, "subscribe", filter)) == "deny"
	}
}

test_a_worker_asks_for_a_rebirth_and_says_nothing_else if {
	carried(asking(carrier, "publish", "spBv1.0/field/NCMD/gw-7")) == "allow"
	every topic in [
		"spBv1.0/field/DCMD/gw-7/pump", "spBv1.0/other/NCMD/gw-7", "spBv1.0/STATE/desk", "field/x", "field/readiness",
		"ot/field/unit/1", "$kit/audit/connected", "$SYS/brokers/a/stats/b", "field/pump-7/command/start/now",
	] {
		carried(asking(carrier, "publish", topic)) == "deny"
	}
	carried(asking(ot_carrier, "publish", "spBv1.0/field/NCMD/gw-7")) == "deny"
	carried(asking(ot_carrier, "publish", "ot/field/unit/1")) == "deny"
}

test_no_rule_gives_a_worker_more if {
	rule := {
		"name": "too-wide",
		"who": {"common_names": ["*.workers.field.example"]},
		"actions": ["publish", "subscribe"],
		"topics": ["field/#"],
	}
	wider := {"field": object.union(carriers.field, {"rules": [rule]})}
	every action in ["publish", "subscribe"] {
		question := asking(carrier, action, "field/x")
		"too-wide" in mqtt.permits with input as question with data.sites as wider
		decision := mqtt.decision with input as question with data.sites as wider
		decision.result == "deny"
	}
}

test_nobody_else_comes_near_what_the_broker_says_to_a_worker if {
	every name in [device, service, mirror, host, listed, "kafka-worker-9.workers.field.example"] {
		every topic in ["$kit/audit/#", "$kit/#", "$kit/audit/connected", "$share/kafka/$kit/audit/#", "$SYS/brokers/+/stats/#"] {
			carried(asking(name, "subscribe", topic)) == "deny"
		}
		carried(asking(name, "publish", "$kit/audit/connected")) == "deny"
	}
}

test_a_token_makes_nobody_a_worker if {
	every holder in ["person", "gateway"] {
		carried(bringing_token(holder, carrier, "subscribe", "field/+/#")) == "deny"
		carried(bringing_token(holder, carrier, "subscribe", "$kit/audit/#")) == "deny"
		carried(bringing_token(holder, carrier, "publish", "spBv1.0/field/NCMD/gw-7")) == "deny"
	}
}

test_a_worker_has_its_own_session if {
	question := object.union(asking(carrier, "subscribe", "field/+/#"), {"clientid": "kafka-worker-0"})
	carried(question) == "deny"
	borrowed := object.union(asking(carrier, "subscribe", "field/+/#"), {"username": ot_carrier})
	carried(borrowed) == "deny"
}

test_where_there_are_no_workers_the_name_is_nobodys if {
	answer(asking(carrier, "subscribe", "field/+/#")) == "deny"
	answer(asking(carrier, "publish", "spBv1.0/field/NCMD/gw-7")) == "deny"
}
