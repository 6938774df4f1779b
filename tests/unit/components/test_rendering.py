"""A site is rendered without a server: all of it, the same bytes each time, and no secret."""

import base64
import json
import os
import subprocess
import sys

import pytest
import yaml

from components import rendering
from components.recording import Composition
from components.rendering import RenderingError, rendered
from tests.support.shell import REPOSITORY

SITE_FILES = {
    "broker/emqx.conf",
    "kubernetes/emqx/iot-eagle-ford-broker.yaml",
    "keycloak/realm/eagle-ford-realm.yaml",
    "vault/mount/eagle-ford-issuing.yaml",
    "policies/opa-policy/decision.rego",
    "bootstrap/vault/auth-backend-role/eagle-ford-cert-manager.yaml",
    "policies/vault/iot-eagle-ford-issue-device.hcl",
    "policies/vault/iot-eagle-ford-deployer.hcl",
    "outputs.yaml",
}
PROGRAM = """
import json
from pathlib import Path
from components.rendering import rendered
from model import load_site
print(json.dumps(rendered(load_site(Path("stacks"), "eagle-ford"))))
"""


def test_everything_that_the_site_would_get_is_rendered(eagle_ford: Composition) -> None:
    files = rendered(eagle_ford.site)
    assert files.keys() >= SITE_FILES
    documents = [path for path in files if path.startswith(("kubernetes/", "vault/", "keycloak/"))]
    assert len(documents) == len(eagle_ford.objects)


def test_what_is_rendered_is_the_object_itself(eagle_ford: Composition) -> None:
    document = yaml.safe_load(rendered(eagle_ford.site)["kubernetes/emqx/iot-eagle-ford-broker.yaml"])
    assert (document["apiVersion"], document["kind"]) == ("apps.emqx.io/v2beta1", "EMQX")
    assert document["spec"] == eagle_ford.one("EMQX").spec


def test_the_brokers_configuration_is_the_one_inside_its_resource(eagle_ford: Composition) -> None:
    files = rendered(eagle_ford.site)
    assert files["broker/emqx.conf"] == eagle_ford.one("EMQX").spec["config"]["data"]


def test_two_runs_give_the_same_bytes(eagle_ford: Composition) -> None:
    """Also where Python orders its sets differently."""
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    another = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONHASHSEED": seed},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert list(json.loads(another).items()) == list(rendered(eagle_ford.site).items())


def test_no_secret_is_rendered(composition: Composition) -> None:
    """The Secrets that are made say that their value is one; every other is named, never written."""
    files = rendered(composition.site)
    secrets = [path for path in files if path.startswith("kubernetes/secret/")]
    assert len(secrets) == 1 + len(composition.site.identity.gateways)
    assert all("data: (a secret)" in files[path] for path in secrets)
    text = "".join(files.values())
    assert "made-by-keycloak" not in text
    assert base64.b64encode(b"made-by-keycloak").decode() not in text
    assert "PRIVATE KEY" not in text


def test_two_objects_of_one_name_are_refused(
    eagle_ford: Composition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "_file_name", lambda _: "same")
    with pytest.raises(RenderingError) as error:
        rendered(eagle_ford.site)
    assert error.value.path.endswith("/same.yaml")
