"""Runs the keycloak plugin as the process that the Pulumi engine starts."""

from lab.plugins.keycloak.provider import KeycloakProvider
from lab.plugins.service import serve

if __name__ == "__main__":
    serve(KeycloakProvider())
