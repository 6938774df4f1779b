# METADATA
# title: MQTT authorization
# description: |
#   Decides whether a client may publish to a topic, or subscribe to a filter. The broker asks with a flat map of
#   strings: site, username, clientid, topic, action, qos, retain, peerhost, cert_common_name, and, of a token that the
#   broker has verified, realm and holder. What is allowed is in data.sites[<site>]; what nothing allows is denied. The
#   answer is an object, because the broker reads its `result`.
package iot.mqtt

import data.lib.identities
import data.lib.topics

default decision := {"result": "deny"}

decision := {"result": "allow"} if {
	count(permits) > 0
	count(objections) == 0
}

site := data.sites[input.site]

# Without one of these as a text there is no answer but no.
needed := {"site", "username", "clientid", "topic", "action", "cert_common_name"}

# The handshake has verified who has a certificate.
certified if identities.is_certified(input.cert_common_name)

# Who has none is who a token says. The broker opens its listeners before it can verify a token: until then it lets in
# whoever comes, and says neither realm nor holder of them.
vouched if {
	input.cert_common_name in identities.absent
	input.realm == site.realm
	input.holder in identities.holders
}

class := identities.class_of(input.cert_common_name, site.classes) if certified

class := "user" if {
	vouched
	input.holder == identities.person
}

# By the token's own word, not by its name: a person may be called what a gateway is called.
class := "gateway" if {
	vouched
	input.holder == identities.gateway
	site.gateways[input.username]
}

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

# A worker asks for a rebirth by the right of a host that the site names.
commanded if {
	input.action == "publish"
	carried
}

# What it must hear: whether it is said to be there.
permits contains "the host's own state" if {
	input.action == "subscribe"
	class == "service"
	some filter in site.hosts[input.username].states
	topics.contained(asked, filter)
}

# A Sparkplug host asks for all of Sparkplug at once. Where the policy server knows one site, that is the site's.
permits contains "all of Sparkplug, where there is one site" if {
	input.action == "subscribe"
	class == "service"
	count(data.sites) == 1
	count(site.hosts[input.username].states) > 0
	topics.contained(asked, "spBv1.0/#")
}

# What an identity of the kit's own is for.
permits contains "the identity's own topics" if {
	input.action == "subscribe"
	class == "service"
	some filter in site.confined[input.username]
	topics.contained(asked, filter)
}

# Who carries messages to Kafka: a certificate of the kit's own. Nobody is one by a name in a token.
worker := site.workers[input.cert_common_name] if certified

permits contains "what the worker carries" if carried

# Its filters, as the data write them; where the broker says by which group they are shared, by the worker's own.
carried if {
	input.action == "subscribe"
	asked in worker.filters
	input.topic in {asked, sprintf("$share/%s/%s", [worker.group, asked])}
}

carried if {
	input.action == "publish"
	some filter in worker.publishes
	topics.contained(asked, filter)
}

# The program that carries messages between this broker and the one that it replaces, likewise.
bridge := site.bridges[input.cert_common_name] if certified

permits contains "what the bridge carries" if bridged

# Its filters, as the data write them.
bridged if {
	input.action == "subscribe"
	input.topic in bridge.filters
}

# What it says of itself, to hear it.
bridged if {
	input.action == "publish"
	asked in bridge.publishes
}

# What it brings in: no command, unless the site lets commands cross in that space.
bridged if {
	input.action == "publish"
	some space in bridge.spaces
	topics.contained(asked, sprintf("%s/#", [space.begins]))
	crosses(space)
}

crosses(space) if space.commands

crosses(_) if count({level | some level in split(asked, "/"); level in {"command", "NCMD", "DCMD"}}) == 0

# A command that crosses was allowed where it comes from.
commanded if {
	input.action == "publish"
	bridged
}

# Reasons to deny that no rule of a site can overrule.
objections contains "the bridge is for what crosses alone" if {
	bridge
	not bridged
}

objections contains "the worker is for its own topics alone" if {
	worker
	not carried
}

objections contains "the identity is for its own topics alone" if {
	site.confined[input.username]
	not within_its_own
}

within_its_own if {
	input.action == "subscribe"
	some filter in site.confined[input.username]
	topics.contained(asked, filter)
}

objections contains sprintf("the question has no %s", [name]) if {
	some name in needed
	type_name(object.get(input, name, null)) != "string"
}

objections contains "neither a certificate nor a token of the realm vouches for the client" if {
	not certified
	not vouched
}

objections contains "the topic is not one that can be published to" if {
	input.action == "publish"
	not topics.is_topic(asked)
}

objections contains "the filter is not one that can be subscribed to" if {
	input.action == "subscribe"
	not topics.is_filter(asked)
	not carried
}

objections contains "the user name is not the certificate's common name" if {
	certified
	not input.username == input.cert_common_name
}

objections contains "the client id is not bound to who the client is" if not bound

objections contains "the client id is one of the broker's own" if {
	some prefix in site.reserved_client_ids
	startswith(input.clientid, prefix)
}

objections contains "only the OT mirror publishes under ot/" if {
	input.action == "publish"
	split(asked, "/")[0] == "ot"
	not class == "mirror"
}

objections contains "the OT mirror publishes under ot/ and nowhere else" if {
	input.action == "publish"
	not split(asked, "/")[0] == "ot"
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
# The broker sees to that when a client connects; here is what holds if it does not.
bound if {
	certified
	input.clientid == input.cert_common_name
}

bound if {
	vouched
	input.username != ""
	split(input.clientid, "/")[0] == input.username
}

is_meant(who) if who.class == class

is_meant(who) if {
	certified
	some pattern in who.common_names
	glob.match(pattern, ["."], input.cert_common_name)
}

# A filter of the data with the client's own name in the level that asks for it. Where a name cannot stand in a topic
# there is no such filter; a level never drops out.
own(filter) := filter if not "${username}" in split(filter, "/")

own(filter) := concat("/", [level | some part in levels; level := named(part)]) if {
	levels := split(filter, "/")
	"${username}" in levels
	identities.is_safe(input.username)
}

named(part) := part if part != "${username}"

named("${username}") := input.username
