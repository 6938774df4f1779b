"""Starts the stand-in kubernetes plugin for the Pulumi engine."""

from lab.plugins.kubernetes.provider import KubernetesProvider
from lab.plugins.service import serve

if __name__ == "__main__":
    serve(KubernetesProvider())
