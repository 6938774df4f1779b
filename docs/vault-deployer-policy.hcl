# What the identity that runs `pulumi up` may do in Vault; the lab's own deployer token has exactly this.
# Everything is bound to the names that the kit uses: mounts pki-*, auth mounts kubernetes-*, policies iot-*.
# Whoever may write policies and bind them to logins can reach whatever those policies reach: give this token to the
# pipeline alone, with a short life.

# The secret engines of the certificate authorities.
path "sys/mounts" {
  capabilities = ["read"]
}
path "sys/mounts/pki-*" {
  capabilities = ["create", "read", "update", "delete"]
}
# `sys/remount` and `sys/mounts-tuning` of other engines stay closed.
path "sys/internal/ui/mounts/pki-*" {
  capabilities = ["read"]
}
path "pki-*" {
  capabilities = ["create", "read", "update", "patch", "delete", "list"]
}
# Deleting a root's key needs sudo.
path "pki-+/root" {
  capabilities = ["delete", "sudo"]
}

# The logins of the sites' clusters; Vault wants sudo for mounting any login.
path "sys/auth" {
  capabilities = ["read"]
}
path "sys/auth/kubernetes-*" {
  capabilities = ["create", "read", "update", "delete", "sudo"]
}
path "sys/mounts/auth/kubernetes-*" {
  capabilities = ["read", "update"]
}
path "auth/kubernetes-*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}

# What those logins may do.
path "sys/policies/acl/iot-*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}
path "sys/policy/iot-*" {
  capabilities = ["create", "read", "update", "delete"]
}

# Its own token; and whether a login plugin is there, for the preflight.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "sys/capabilities-self" {
  capabilities = ["update"]
}
path "sys/plugins/catalog/auth/kubernetes" {
  capabilities = ["read"]
}

# Which secrets are there, for the preflight: the names of their keys, never a value. `iot` is the key-value engine that
# the sites' data names in `platform.external_secrets.path`.
path "iot/subkeys/*" {
  capabilities = ["read"]
}
