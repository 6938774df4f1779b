# METADATA
# title: What the policy server answers
# description: The broker asks for decisions, the kubelet for health, Prometheus for metrics; nobody changes anything.
package system.authz

default allow := false

allow if {
	input.method == "POST"
	input.path in [["v0", "data", "iot", "mqtt", "decision"], ["v0", "data", "iot", "login", "decision"]]
}

allow if {
	input.method == "GET"
	input.path in [["health"], ["metrics"]]
}
