package iot.mqtt_test

import data.iot.mqtt

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
