package lib.identities_test

import data.lib.identities

domains := {"device": "devices.field.example", "mirror": "mirrors.field.example"}

test_the_class_is_the_subdomain_of_the_common_name if {
	identities.class_of("pump-7.devices.field.example", domains) == "device"
	identities.class_of("historian.mirrors.field.example", domains) == "mirror"
}

# Vault signs whatever ends in the class's domain and is a host name, also an international one.
test_a_name_that_vault_signs_has_its_class if {
	every name in ["a.b", "PUMP", "1", "xn--bro-hoa", "büro", "泵-7", "a.gateways"] {
		identities.class_of(sprintf("%s.devices.field.example", [name]), domains) == "device"
		identities.is_safe(sprintf("%s.devices.field.example", [name]))
	}
}

test_a_common_name_elsewhere_has_no_class if {
	every common_name in [
		"pump-7.devices.other.example",
		"devices.field.example",
		".devices.field.example",
		"a..b.devices.field.example",
		"a.+.devices.field.example",
		"pump.devices.field.example.",
		"a@pump.devices.field.example",
		"pump.DEVICES.field.example",
		"a b.devices.field.example",
		"pump-7\n.devices.field.example",
		"-a.devices.field.example",
		"pump/7.devices.field.example",
		"evildevices.field.example",
		"pump-7\n.devices.field.example",
	] {
		not identities.class_of(common_name, domains)
	}
}

test_who_has_no_certificate_has_no_class_by_it if {
	every common_name in ["", "undefined", null, 7, ["pump-7.devices.field.example"]] {
		not identities.is_certified(common_name)
		not identities.class_of(common_name, domains)
	}
	identities.is_certified("pump-7.devices.field.example")
}

test_a_safe_name_is_one_plain_level if {
	every name in ["pump-7.devices.field.example", "alice", "alice@field.example", "a_b"] {
		identities.is_safe(name)
	}
	every name in ["", "+", "#", "a/b", "$SYS", "a b", ".a", "a\n"] {
		not identities.is_safe(name)
	}
}
