"""The lab's stand-ins for three operators: Strimzi's topic and user operators, EMQX's, and OPA's kube-mgmt."""
