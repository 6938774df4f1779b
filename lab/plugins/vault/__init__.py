"""The lab's stand-in for Pulumi's Vault plugin: the types that the kit uses, against a real Vault."""
