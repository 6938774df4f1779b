"""The typed site: merge, validate, provenance. Pure: no Pulumi, no network, no clock."""
