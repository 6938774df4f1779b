package system.authz_test

import data.system.authz

asked(method, path) if authz.allow with input as {"method": method, "path": path}

test_the_broker_asks_for_decisions if asked("POST", ["v0", "data", "iot", "mqtt", "decision"])

test_the_broker_asks_about_logins if asked("POST", ["v0", "data", "iot", "login", "decision"])

test_the_kubelet_asks_for_health if asked("GET", ["health"])

test_prometheus_asks_for_metrics if asked("GET", ["metrics"])

test_nobody_reads_data_or_changes_anything if {
	every request in [
		["GET", ["v1", "data"]],
		["POST", ["v1", "data", "iot", "mqtt"]],
		["POST", ["v0", "data"]],
		["PUT", ["v1", "policies", "x"]],
		["DELETE", ["v1", "policies", "x"]],
		["PATCH", ["v1", "data", "sites"]],
		["POST", ["v1", "query"]],
	] {
		not asked(request[0], request[1])
	}
}
