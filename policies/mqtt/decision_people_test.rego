package iot.mqtt_test

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
