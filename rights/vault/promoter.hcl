# What signs changes of phase: sitectl promote, rollback, retire, approve and sign (docs/promotion.md).
# Whoever has it can put a signature under a record; whoever deploys does not need it.

# A key that never leaves Vault: transit/keys/promotion, of type ed25519.
path "transit/sign/promotion" {
  capabilities = ["update"]
}
path "transit/keys/promotion" {
  capabilities = ["read"]
}

# Or, instead: certificates of minutes for keys of minutes.
path "signing/sign/promoter" {
  capabilities = ["update"]
}
