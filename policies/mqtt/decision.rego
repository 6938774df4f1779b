# METADATA
# title: MQTT authorization
# description: |
#   Decides whether a client may publish to a topic, or subscribe to a filter. The broker asks with a flat map of
#   strings: site, username, clientid, topic, action, qos, retain, peerhost, cert_common_name. What is allowed is in
#   data.sites[<site>]; what nothing allows is denied. The answer is an object, because the broker reads its `result`.
package iot.mqtt

import data.lib.identities
import data.lib.topics

default decision := {"result": "deny"}

decision := {"result": "allow"} if {
	count(permits) > 0
	count(objections) == 0
}

site := data.sites[input.site]

# A gateway that the site lists may come with a token: its user name is the one that its certificate would have.
brings_token if {
	input.cert_common_name in identities.absent
	some name, _ in site.gateways
	input.username == name
}

class := "gateway" if brings_token

class := identities.class_of(input.cert_common_name, site.classes) if not brings_token

asked := input.topic if input.action == "publish"

asked := topics.real_filter(input.topic) if input.action == "subscribe"

# Names of the site's rules that allow what is asked.
permits contains rule.name if {
	some rule in site.rules
	input.action in rule.actions
	is_meant(rule.who)
	some filter in rule.topics
	topics.contained(asked, own(filter))
}

# What the site says of a single gateway: the topics of its assets.
permits contains "the topics of the gateway's assets" if {
	class == "gateway"
	input.action in {"publish", "subscribe"}
	some space in site.gateways[input.username].spaces
	topics.contained(asked, sprintf("%s/#", [space]))
}

# What a host that the site names says to devices.
permits contains "the host's own words" if commanded

commanded if {
	input.action == "publish"
	class == "service"
	some filter in site.hosts[input.username].topics
	topics.contained(asked, filter)
}

# Reasons to deny that no rule of a site can overrule.
objections contains "the topic is not one that can be published to" if {
	input.action == "publish"
	not topics.is_topic(asked)
}

objections contains "the filter is not one that can be subscribed to" if {
	input.action == "subscribe"
	not topics.is_filter(asked)
}

objections contains "the user name is not the certificate's common name" if {
	not input.cert_common_name in identities.absent
	input.username != input.cert_common_name
}

objections contains "the client id is not bound to who the client is" if not bound

objections contains "the client id is one of the broker's own" if {
	some prefix in site.reserved_client_ids
	startswith(input.clientid, prefix)
}

objections contains "the user name cannot stand in a topic" if not identities.is_safe(input.username)

objections contains "only the OT mirror publishes under ot/" if {
	input.action == "publish"
	split(asked, "/")[0] == "ot"
	not class == "mirror"
}

objections contains "the OT mirror publishes under ot/ and nowhere else" if {
	input.action == "publish"
	split(asked, "/")[0] != "ot"
	class == "mirror"
}

objections contains "nothing flows towards the OT mirror" if {
	input.action == "subscribe"
	class == "mirror"
}

objections contains "only a host that the site names speaks to devices" if {
	input.action == "publish"
	topics.is_command(asked)
	not commanded
}

objections contains "only a host that the site names says that it is there" if {
	input.action == "publish"
	topics.is_host_state(asked)
	not commanded
}

objections contains "people only read" if {
	input.action == "publish"
	class == "user"
}

# With a certificate the client id is its common name. With a token it is the user name, or begins with it and a slash.
# The broker sees to that when a client connects; here is what holds if it was not told to.
bound if {
	not input.cert_common_name in identities.absent
	input.clientid == input.cert_common_name
}

bound if {
	input.cert_common_name in identities.absent
	split(input.clientid, "/")[0] == input.username
}

is_meant(who) if who.class == class

is_meant(who) if {
	not input.cert_common_name in identities.absent
	some pattern in who.common_names
	glob.match(pattern, ["."], input.cert_common_name)
}

# A filter of the data with the client's own name in the level that asks for it.
own(filter) := concat("/", [level | some part in split(filter, "/"); level := named(part)])

named("${username}") := input.username

named(part) := part if part != "${username}"
