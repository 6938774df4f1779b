"""Starts the plugin: `python -m lab.plugins.vault ENGINE_ADDRESS`."""

from lab.plugins.service import serve
from lab.plugins.vault.provider import VaultProvider

if __name__ == "__main__":
    serve(VaultProvider())
