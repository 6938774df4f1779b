# What the identity that runs `pulumi up -s ${site}` may do in Vault. The bootstrap writes it as iot-${site}-deployer.
# It makes authorities and roles. It writes no policy, makes no login, issues no certificate of its own, and makes no
# token but its own longer: each of these would be a way to every right that there is.

# The secret engines of the certificate authorities, and no engine of another kind in their place.
path "sys/mounts" {
  capabilities = ["read"]
}
path "sys/mounts/pki-${site}-root" {
  capabilities       = ["create", "read", "update", "delete"]
  allowed_parameters = { "type" = ["pki"], "*" = [] }
}
path "sys/mounts/pki-${site}-issuing" {
  capabilities       = ["create", "read", "update", "delete"]
  allowed_parameters = { "type" = ["pki"], "*" = [] }
}
path "sys/mounts/pki-${site}-root/tune" {
  capabilities = ["read", "update"]
}
path "sys/mounts/pki-${site}-issuing/tune" {
  capabilities = ["read", "update"]
}
path "sys/internal/ui/mounts/pki-${site}-root" {
  capabilities = ["read"]
}
path "sys/internal/ui/mounts/pki-${site}-issuing" {
  capabilities = ["read"]
}

# The root: its key is made in Vault and stays there; it signs the issuing CA. No key is brought in or taken out.
path "pki-${site}-root/config/+" {
  capabilities = ["create", "read", "update"]
}
path "pki-${site}-root/config/ca" {
  capabilities = ["deny"]
}
path "pki-${site}-root/issuers/generate/root/internal" {
  capabilities = ["create", "update"]
}
path "pki-${site}-root/root/generate/internal" {
  capabilities = ["create", "update"]
}
path "pki-${site}-root/issuer/+" {
  capabilities = ["read", "update", "patch", "delete"]
}
path "pki-${site}-root/issuer/+/sign-intermediate" {
  capabilities = ["create", "update"]
}
path "pki-${site}-root/root/sign-intermediate" {
  capabilities = ["create", "update"]
}
# Deleting a root's key needs sudo.
path "pki-${site}-root/root" {
  capabilities = ["delete", "sudo"]
}
path "pki-${site}-root/key/+" {
  capabilities = ["read", "update", "delete"]
}
path "pki-${site}-root/issuers" {
  capabilities = ["list"]
}
path "pki-${site}-root/keys" {
  capabilities = ["list"]
}
path "pki-${site}-root/cert/+" {
  capabilities = ["read"]
}

# The issuing CA and its roles. `issue` and `sign` belong to the logins that the bootstrap makes.
path "pki-${site}-issuing/config/+" {
  capabilities = ["create", "read", "update"]
}
path "pki-${site}-issuing/config/ca" {
  capabilities = ["deny"]
}
path "pki-${site}-issuing/issuers/generate/intermediate/internal" {
  capabilities = ["create", "update"]
}
path "pki-${site}-issuing/intermediate/generate/internal" {
  capabilities = ["create", "update"]
}
path "pki-${site}-issuing/intermediate/set-signed" {
  capabilities = ["create", "update"]
}
path "pki-${site}-issuing/issuer/+" {
  capabilities = ["read", "update", "patch", "delete"]
}
path "pki-${site}-issuing/key/+" {
  capabilities = ["read", "update", "delete"]
}
path "pki-${site}-issuing/issuers" {
  capabilities = ["list"]
}
path "pki-${site}-issuing/keys" {
  capabilities = ["list"]
}
path "pki-${site}-issuing/roles" {
  capabilities = ["list"]
}
path "pki-${site}-issuing/roles/+" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
path "pki-${site}-issuing/cert/+" {
  capabilities = ["read"]
}

# The key of the state's secrets (`--secrets-provider=hashivault://iot-broker-${site}`): it is used, never changed.
path "transit/encrypt/iot-broker-${site}" {
  capabilities = ["update"]
}
path "transit/decrypt/iot-broker-${site}" {
  capabilities = ["update"]
}

# Its own token, and what that may do, for the preflight.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "sys/capabilities-self" {
  capabilities = ["update"]
}

# Which secrets are there, for the preflight: the names of their keys, never a value.
path "${secrets}/subkeys/${site}/*" {
  capabilities = ["read"]
}
