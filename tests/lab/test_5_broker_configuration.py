"""A broker that refuses its configuration fails the rollout in the operator's words, though its resource stays Ready.

What is refused is what an earlier kit rendered, which left an empty root out: each step renders its own configuration.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from components import names
from components.emqx_configuration import document
from components.settings import KEYS, Settings
from lab import hocon
from model import Site
from tests.support.shell import Shell

# Put into the program's copy: what the configuration has beside, or lacks.
STEP = """
from components import emqx_configuration

_document = emqx_configuration.document


def document(site, settings):
    found = _document(site, settings)
    {change}
    return found


emqx_configuration.document = document
"""
WITH_SOURCE = (
    'found["connectors"]["mqtt"] = {"away": {"server": "a:1"}}; '
    'found["sources"]["mqtt"] = {"space": {"connector": "away"}}'
)
WITHOUT_ROOT = 'del found["sources"]'


@pytest.fixture
def program(deployed: Shell, site: Site) -> Iterator[Any]:
    """Deploy with a changed rendering; afterwards the program is as it was, and deployed."""
    file = deployed.folder / "__main__.py"
    text = file.read_text()

    def up(change: str, *, check: bool = True) -> Any:
        file.write_text(text.replace("\n\ndef main()", STEP.format(change=change) + "\n\ndef main()", 1))
        return deployed.up(site.name, check=check)

    yield up
    file.write_text(text)
    deployed.up(site.name)
    assert kept(deployed, site) == rendered(deployed, site)
    assert deployed.preview(site.name) == []


def kept(shell: Shell, site: Site) -> dict[str, Any]:
    """Return what the simulated broker keeps."""
    data = shell.get("configmap", f"{names.BROKER}-effective", site.namespace)["data"]
    found: dict[str, Any] = json.loads(data["configuration.json"])
    return found


def rendered(shell: Shell, site: Site) -> dict[str, Any]:
    """Return what the resource asks for."""
    broker = shell.get("emqx", names.BROKER, site.namespace)
    return hocon.read(broker["spec"]["config"]["data"])


def job(shell: Shell, site: Site) -> dict[str, Any]:
    """Return the newest Job that looked at the broker's configuration."""
    found = shell.all("job", site.namespace, "app.kubernetes.io/name=broker-configuration")
    return max(found, key=lambda entry: str(entry["metadata"]["creationTimestamp"]))


def condition(document: dict[str, Any], name: str) -> str | None:
    conditions = document["status"].get("conditions") or []
    return next((entry["status"] for entry in conditions if entry["type"] == name), None)


def test_the_broker_has_what_was_rolled_out(deployed: Shell, site: Site) -> None:
    assert kept(deployed, site) == rendered(deployed, site)
    assert kept(deployed, site)["sources"] == {}
    assert condition(job(deployed, site), "Complete") == "True"


def test_a_refused_configuration_fails_the_rollout_in_the_operators_words(
    program: Any, deployed: Shell, site: Site
) -> None:
    program(WITH_SOURCE)
    assert "away" in kept(deployed, site)["connectors"]["mqtt"]
    refused = program(WITHOUT_ROOT, check=False)
    assert refused.code != 0
    assert "the broker refuses its configuration: the broker has not taken the configuration" in refused.text
    assert "connector_has_active_channels" in refused.text
    assert "status : 400 Bad Request" in refused.text
    assert "Traceback" not in refused.text
    # This is why conditions alone say nothing.
    assert condition(deployed.get("emqx", names.BROKER, site.namespace), "Ready") == "True"
    events = deployed.all("events", site.namespace)
    assert "ReconcilerFailed" in {event["reason"] for event in events}
    assert "away" in kept(deployed, site)["connectors"]["mqtt"]
    # The probe does not ask a broker that is not what was rolled out.
    newest = max(
        deployed.all("job", site.namespace, "app.kubernetes.io/name=broker-probe"),
        key=lambda entry: str(entry["metadata"]["creationTimestamp"]),
    )
    assert newest["metadata"]["creationTimestamp"] < job(deployed, site)["metadata"]["creationTimestamp"]


def test_its_account_may_read_one_resource_and_events_and_nothing_else(deployed: Shell, site: Site) -> None:
    user = f"--as=system:serviceaccount:{site.namespace}:{names.BROKER_CONFIGURATION}"

    def may(*what: str) -> bool:
        return (
            deployed.kubectl("auth", "can-i", *what, user, f"--namespace={site.namespace}", check=False).code
            == 0
        )

    assert may("get", f"emqxes.apps.emqx.io/{names.BROKER}")
    assert may("list", "events")
    for verb, kind in (
        ("list", "emqxes.apps.emqx.io"),
        ("get", "emqxes.apps.emqx.io/another"),
        ("patch", f"emqxes.apps.emqx.io/{names.BROKER}"),
        ("get", "secrets"),
        ("list", "pods"),
        ("create", "events"),
        ("get", "configmaps"),
    ):
        assert not may(verb, kind), (verb, kind)


def test_what_is_rendered_is_what_the_components_say(deployed: Shell, site: Site) -> None:
    configuration = json.loads(deployed.pulumi("config", "--json", "--stack", site.name).out)
    values = {
        key: configuration[f"iot-broker:{key}"]["value"]
        for key in KEYS
        if f"iot-broker:{key}" in configuration
    }
    wanted = document(site, Settings.read(values))
    found = rendered(deployed, site)
    del found["rule_engine"]["rules"]["configuration"]
    assert found == wanted
