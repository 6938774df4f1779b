# METADATA
# title: Identities
# description: Who a client is, by its certificate's common name, or by what a verified token says of its holder.
package lib.identities

# What the broker sends when there is no certificate.
absent := {"", "undefined"}

# What a token's claim says of whom the token is for.
person := "person"

gateway := "gateway"

holders := {person, gateway}

# There is a certificate, and it has a common name.
is_certified(common_name) if {
	is_string(common_name)
	not common_name in absent
}

# The class whose subdomain the common name is in, `<name>.devices.<domain>`: labels as Vault signs them, letters of every
# script among them, then the class's domain. None of them can stand for a level or a wildcard of a topic.
class_of(common_name, domains) := name if {
	some name, domain in domains
	suffix := concat("", [".", domain])
	endswith(common_name, suffix)
	every label in split(trim_suffix(common_name, suffix), ".") {
		regex.match(`^[A-Za-z0-9\x{80}-\x{10FFFF}]([A-Za-z0-9_\x{80}-\x{10FFFF}-]*[A-Za-z0-9\x{80}-\x{10FFFF}])?\z`, label)
	}
}

# A name that can stand in a topic as one level, and nothing else.
is_safe(name) if regex.match(`^[A-Za-z0-9\x{80}-\x{10FFFF}][A-Za-z0-9._@\x{80}-\x{10FFFF}-]*\z`, name)
