# METADATA
# title: Identities
# description: Who a client is, from its certificate's common name; without one it is a user with a token.
package lib.identities

# What the broker sends when there is no certificate.
absent := {"", "undefined"}

# The class whose subdomain the common name is in, `<name>.devices.<domain>`: one label, then the class's domain.
class_of(common_name, domains) := name if {
	some name, domain in domains
	suffix := concat("", [".", domain])
	endswith(common_name, suffix)
	regex.match(`^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$`, trim_suffix(common_name, suffix))
}

# A client without a certificate has signed in with a token.
class_of(common_name, _) := "user" if common_name in absent

# A name that can stand in a topic as one level, and nothing else.
is_safe(name) if regex.match(`^[A-Za-z0-9][A-Za-z0-9._@-]*$`, name)
