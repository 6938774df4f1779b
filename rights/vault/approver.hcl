# What each person signs with: approvals, records and reports of their own (docs/promotion.md). It is the same policy
# for everybody, and lets nobody sign as another: the role certifies the name of the login alone, and the path of a key
# holds that name.

# Certificates of minutes for keys of minutes. The role `promoter` takes the name from the login (docs/promotion.md).
path "signing/sign/promoter" {
  capabilities = ["update"]
}

# Or, instead: a key of one's own in transit, named as the person's entity in Vault.
path "transit/sign/person-{{identity.entity.name}}" {
  capabilities = ["update"]
}
path "transit/keys/person-{{identity.entity.name}}" {
  capabilities = ["read"]
}
