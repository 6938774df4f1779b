package iot.login_test

import data.iot.login

sites := {"field": {
	"realm": "field",
	"longest_token": 86400,
	"gateways": {"gw-7.gateways.field.example": {"spaces": []}},
}}

now := 1700000000

listed := "gw-7.gateways.field.example"

# A token's text; the broker, not the policy, looks at what it is signed with.
token(claims) := io.jwt.encode_sign({"typ": "JWT", "alg": "HS256"}, claims, {"kty": "oct", "k": "c2VjcmV0"})

claims(holder, name) := {
	"exp": now + 300,
	"preferred_username": name,
	"client_attrs": {"realm": "field", "holder": holder},
}

asking(name, said) := {"site": "field", "username": name, "token": token(said)}

answer(question) := decision.result if {
	decision := login.decision with input as question with data.sites as sites with time.now_ns as now * 1000000000
}

test_a_good_token_is_left_to_the_broker if {
	answer(asking("alice", claims("person", "alice"))) == "ignore"
	answer(asking(listed, claims("gateway", listed))) == "ignore"
}

test_a_token_that_has_ended_is_left_to_the_broker if {
	answer(asking("alice", object.union(claims("person", "alice"), {"exp": now - 1}))) == "ignore"
}

test_a_token_that_does_not_end_soon_is_refused if {
	whole := claims("person", "alice")
	answer(asking("alice", object.remove(whole, ["exp"]))) == "deny"
	every end in [null, "", "1700000300", now + 86401, 4102444800, [now + 300]] {
		answer(asking("alice", object.union(whole, {"exp": end}))) == "deny"
	}
}

test_a_token_that_does_not_say_realm_and_holder_is_refused if {
	whole := claims("person", "alice")
	answer(asking("alice", object.remove(whole, ["client_attrs"]))) == "deny"
	every attributes in [
		{"realm": "field"},
		{"holder": "person"},
		{"realm": "field", "holder": ""},
		{"realm": "other", "holder": "person"},
		{"realm": "field", "holder": ["person"]},
		{"realm": ["field"], "holder": "person"},
	] {
		said := object.union(object.remove(whole, ["client_attrs"]), {"client_attrs": attributes})
		answer(asking("alice", said)) == "deny"
	}
}

test_a_person_who_is_named_like_a_listed_gateway_does_not_come_in if {
	answer(asking(listed, claims("person", listed))) == "deny"
}

test_a_gateway_that_the_site_does_not_list_does_not_come_in if {
	other := "gw-8.gateways.field.example"
	answer(asking(other, claims("gateway", other))) == "deny"
}

test_what_is_no_token_is_refused if {
	every password in ["", "undefined", "no token", "a.b.c", null, 7] {
		answer({"site": "field", "username": "alice", "token": password}) == "deny"
	}
	whole := asking("alice", claims("person", "alice"))
	every name in ["site", "username", "token"] {
		answer(object.remove(whole, [name])) == "deny"
	}
	answer({}) == "deny"
	answer(object.union(whole, {"site": "elsewhere"})) == "deny"
}

# Whatever is asked, nobody comes in by this answer alone.
test_no_answer_lets_anybody_in if {
	every name in ["alice", listed] {
		every holder in ["person", "gateway", "superuser", ""] {
			answer(asking(name, claims(holder, name))) in {"deny", "ignore"}
		}
	}
}
