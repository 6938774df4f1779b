"""An object of ours has the type token that the Kubernetes SDK's own class would have."""

import pytest

from components.manifest import type_token


@pytest.mark.parametrize(
    ("api_version", "kind", "token"),
    [
        ("v1", "ConfigMap", "kubernetes:core/v1:ConfigMap"),
        ("apps/v1", "Deployment", "kubernetes:apps/v1:Deployment"),
        ("rbac.authorization.k8s.io/v1", "Role", "kubernetes:rbac.authorization.k8s.io/v1:Role"),
        ("apps.emqx.io/v2beta1", "EMQX", "kubernetes:apps.emqx.io/v2beta1:EMQX"),
    ],
)
def test_the_token_is_the_sdks(api_version: str, kind: str, token: str) -> None:
    assert type_token(api_version, kind) == token
