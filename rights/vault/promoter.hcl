# What signs changes of phase and reports by a key that several share: sitectl promote, rollback, retire and sign
# (docs/promotion.md). Whoever has it can put a signature under a record; whoever deploys does not need it, and it
# approves nothing: each who approves signs for themselves (rights/vault/approver.hcl).

# A key that never leaves Vault: transit/keys/promotion, of type ed25519.
path "transit/sign/promotion" {
  capabilities = ["update"]
}
path "transit/keys/promotion" {
  capabilities = ["read"]
}
