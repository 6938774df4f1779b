// The modules whose custom resource definitions the lab installs. No Go code of theirs is built.
module iot-broker/lab/crds

go 1.26.0

require (
	github.com/cert-manager/cert-manager v1.21.2
	github.com/external-secrets/external-secrets v1.3.2
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
