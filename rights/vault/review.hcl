# What the identity that reviews changes of ${site}, and looks for drift, may do in Vault: read, and nothing else.
# The bootstrap writes it as iot-${site}-review.

path "sys/mounts" {
  capabilities = ["read"]
}
path "sys/auth" {
  capabilities = ["read"]
}
path "sys/mounts/pki-${site}-root" {
  capabilities = ["read"]
}
path "sys/mounts/pki-${site}-issuing" {
  capabilities = ["read"]
}
path "sys/mounts/pki-${site}-root/tune" {
  capabilities = ["read"]
}
path "sys/mounts/pki-${site}-issuing/tune" {
  capabilities = ["read"]
}
path "sys/internal/ui/mounts/pki-${site}-root" {
  capabilities = ["read"]
}
path "sys/internal/ui/mounts/pki-${site}-issuing" {
  capabilities = ["read"]
}

# The authorities and roles, as they are.
path "pki-${site}-root/config/+" {
  capabilities = ["read"]
}
path "pki-${site}-root/issuer/+" {
  capabilities = ["read"]
}
path "pki-${site}-root/key/+" {
  capabilities = ["read"]
}
path "pki-${site}-root/cert/+" {
  capabilities = ["read"]
}
path "pki-${site}-issuing/config/+" {
  capabilities = ["read"]
}
path "pki-${site}-issuing/issuer/+" {
  capabilities = ["read"]
}
path "pki-${site}-issuing/key/+" {
  capabilities = ["read"]
}
path "pki-${site}-issuing/roles/+" {
  capabilities = ["read"]
}
path "pki-${site}-issuing/cert/+" {
  capabilities = ["read"]
}

# What the bootstrap made: policies and logins.
path "sys/policies/acl/iot-${site}-*" {
  capabilities = ["read"]
}
path "sys/auth/kubernetes-${site}" {
  capabilities = ["read"]
}
path "sys/auth/approle-${site}" {
  capabilities = ["read"]
}
path "sys/mounts/auth/kubernetes-${site}/tune" {
  capabilities = ["read"]
}
path "sys/mounts/auth/approle-${site}/tune" {
  capabilities = ["read"]
}
# Vault wants sudo for looking at how a login is tuned by this path, which Pulumi's plugin takes; it changes nothing.
path "sys/auth/kubernetes-${site}/tune" {
  capabilities = ["read", "sudo"]
}
path "sys/auth/approle-${site}/tune" {
  capabilities = ["read", "sudo"]
}
path "auth/kubernetes-${site}/config" {
  capabilities = ["read"]
}
path "auth/kubernetes-${site}/role/+" {
  capabilities = ["read"]
}
path "auth/approle-${site}/role/+" {
  capabilities = ["read"]
}
path "auth/approle-${site}/role/+/role-id" {
  capabilities = ["read"]
}

# A preview reads the stack's state, and so the key of its secrets: it decrypts, and encrypts nothing.
path "transit/decrypt/iot-broker-${site}" {
  capabilities = ["update"]
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "sys/capabilities-self" {
  capabilities = ["update"]
}
