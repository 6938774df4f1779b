"""The lab's stand-in for Pulumi's keycloak plugin: the types that the kit uses, against a real Keycloak."""
