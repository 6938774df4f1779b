# METADATA
# title: MQTT logins by token
# description: |
#   Refuses, before the broker verifies a token, what it would take and the site does not. The broker asks with a flat
#   map of strings: site, username, token (which comes as the password). The answer never lets anybody in: what is not
#   refused is ignored, and the broker's own check of signature, times and claims decides.
package iot.login

import data.lib.identities

default decision := {"result": "deny"}

decision := {"result": "ignore"} if {
	is_string(input.username)
	claims
	count(objections) == 0
}

site := data.sites[input.site]

# Unverified: the broker verifies the same text.
claims := parts[1] if parts := io.jwt.decode(input.token)

objections contains "the token does not end soon" if not ends_soon

objections contains "the token is not of the realm" if not of_the_realm

objections contains "the token does not say whom it is for" if not holder

# A client id begins with the user name, so a person of that name would take over the gateway's session.
objections contains "the name is a gateway's, and the token is not" if {
	site.gateways[input.username]
	holder != identities.gateway
}

objections contains "the token is a gateway's, and the site lists no such gateway" if {
	holder == identities.gateway
	not site.gateways[input.username]
}

of_the_realm if claims.client_attrs.realm == site.realm

holder := said if {
	said := claims.client_attrs.holder
	said in identities.holders
}

# EMQX ends a session with its token, and takes a token that never ends. What has ended is the broker's to say.
ends_soon if {
	is_number(claims.exp)
	claims.exp <= (time.now_ns() / 1000000000) + site.longest_token
}
