# What signs reviews (docs/pipelines.md), beside iot-SITE-review, which reads: a key of its own, so that whoever reviews
# puts no signature under a record or a report.

path "transit/sign/review" {
  capabilities = ["update"]
}
path "transit/keys/review" {
  capabilities = ["read"]
}
