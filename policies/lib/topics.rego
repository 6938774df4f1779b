# METADATA
# title: MQTT topics
# description: What a topic and a topic filter are, and when a filter holds nothing that another does not hold.
package lib.topics

# What a client subscribes to, without the group of a shared subscription (`$share/<group>/<filter>`, `$queue/<filter>`).
real_filter(filter) := substring(filter, count(parts[0]), -1) if {
	parts := regex.find_n(`^\$(share/[^/+#]+|queue)/`, filter, 1)
	count(parts) == 1
} else := filter

# A name that one can publish to: no wildcard, and no topic of the broker's own (`$SYS/…`).
is_topic(topic) if {
	topic != ""
	not startswith(topic, "$")
	not regex.match(`[+#\x00]`, topic)
}

# A filter that one can subscribe to: `+` stands for a whole level, `#` for the last one.
is_filter(filter) if {
	filter != ""
	not startswith(filter, "$")
	not contains(filter, "\u0000")
	levels := split(filter, "/")
	last := count(levels) - 1
	every number, level in levels {
		is_level(level, number == last)
	}
}

# What is said to a device: below a level `command`, or as one of Sparkplug's commands. The OT mirror's tags are data.
is_command(topic) if {
	levels := split(topic, "/")
	not levels[0] in {"ot", "spBv1.0"}
	"command" in array.slice(levels, 1, count(levels))
}

is_command(topic) if {
	levels := split(topic, "/")
	levels[0] == "spBv1.0"
	levels[2] in {"NCMD", "DCMD"}
}

# Where a Sparkplug host says whether it is there: by Sparkplug 3.0, and by 2.2.
is_host_state(topic) if array.slice(split(topic, "/"), 0, 2) == ["spBv1.0", "STATE"]

is_host_state(topic) if split(topic, "/")[0] == "STATE"

# Every topic that `filter` matches is matched by `allowed`, too. A topic is a filter without wildcards.
contained(filter, allowed) if {
	not endswith(allowed, "#")
	given := split(filter, "/")
	permitted := split(allowed, "/")
	count(given) == count(permitted)
	levels_contained(given, permitted)
}

# `a/#` matches `a` itself and everything below it.
contained(filter, allowed) if {
	endswith(allowed, "#")
	given := split(filter, "/")
	levels := split(allowed, "/")
	permitted := array.slice(levels, 0, count(levels) - 1)
	count(given) >= count(permitted)
	levels_contained(array.slice(given, 0, count(permitted)), permitted)
}

levels_contained(given, permitted) if {
	every number, level in given {
		level_contained(level, permitted[number])
	}
}

level_contained(level, permitted) if {
	level != "#"
	permitted == "+"
}

level_contained(level, permitted) if {
	level != "#"
	level == permitted
}

is_level(level, _) if not regex.match(`[+#]`, level)

is_level("+", _)

is_level("#", true)
