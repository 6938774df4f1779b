package lib.topics_test

import data.lib.topics

test_a_topic_is_any_name_without_wildcard if {
	every topic in ["a", "a/b", "a//b", "/a", "ot/site/x y"] {
		topics.is_topic(topic)
	}
}

test_no_topic_has_a_wildcard_or_belongs_to_the_broker if {
	every topic in ["", "a/+", "#", "a/b#", "$SYS/brokers", "$share/g/a", "a\u0000b"] {
		not topics.is_topic(topic)
	}
}

test_a_filter_has_wildcards_for_whole_levels_only if {
	every filter in ["a", "+", "#", "a/+/b", "a/#", "+/#", "a//b"] {
		topics.is_filter(filter)
	}
	every filter in ["", "a/#/b", "a/b#", "a+/b", "#/a", "$SYS/#", "$queue/a", "a\u0000/b"] {
		not topics.is_filter(filter)
	}
}

test_a_command_is_known_by_its_level if {
	every topic in ["a/pump/command", "a/pump/command/stop", "wells/a/b/command/x", "spBv1.0/a/NCMD/n", "spBv1.0/a/DCMD/n/d"] {
		topics.is_command(topic)
	}
	every topic in ["a/pump/commands", "command/pump", "spBv1.0/a/NDATA/n", "spBv1.0/STATE/h", "ot/a/command/value", "spBv1.0"] {
		not topics.is_command(topic)
	}
}

test_a_hosts_state_is_known_by_its_first_levels if {
	every topic in ["spBv1.0/STATE/host", "STATE/host", "STATE"] {
		topics.is_host_state(topic)
	}
	every topic in ["spBv1.0/a/STATE/host", "a/STATE/host", "STATES/host", "state/host"] {
		not topics.is_host_state(topic)
	}
}

test_a_shared_subscription_is_judged_by_its_real_filter if {
	topics.real_filter("$share/group/a/+") == "a/+"
	topics.real_filter("a/$share/group/b") == "a/$share/group/b"
	topics.real_filter("$share/group") == "$share/group"
	topics.real_filter("$share//a") == "$share//a"
	topics.real_filter("$queue/a/+") == "a/+"
	topics.real_filter("$share/g/$share/h/a") == "$share/h/a"
	topics.real_filter("$queue") == "$queue"
}

test_a_filter_is_contained_when_it_can_match_nothing_else if {
	every pair in [
		["a/b", "a/b"],
		["a/b", "a/+"],
		["a/+", "a/+"],
		["a/b/c", "a/#"],
		["a", "a/#"],
		["a/#", "a/#"],
		["a/+/c", "a/#"],
		["a/b/#", "a/+/#"],
		["x/y", "#"],
		["#", "#"],
		["a//b", "a/+/b"],
	] {
		topics.contained(pair[0], pair[1])
	}
}

test_a_filter_that_could_match_more_is_not_contained if {
	every pair in [
		["a/b", "a/c"],
		["a", "a/b"],
		["a/b/c", "a/+"],
		["a/+", "a/b"],
		["a/#", "a/+"],
		["a/#", "a/b/#"],
		["#", "a/#"],
		["+/b", "a/#"],
		["a/#", "a/b"],
		["b", "a/#"],
		["ab/c", "a/#"],
		["#", "+"],
		["#", "+/#"],
	] {
		not topics.contained(pair[0], pair[1])
	}
}
