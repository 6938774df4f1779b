"""What the acceptance checks look at: a real site that `IOT_BROKER_SITE` names, or the lab's sample site.

At a site, set IOT_BROKER_SITE and log in as for `pulumi up`; KAFKA_BOOTSTRAP and OPA_URL say where those two are
reached. As a part of all tests they look at the lab. Asked for alone they must be given a site: an engineer who forgot
it would check the lab, and see green. IOT_BROKER_ACCEPTANCE=lab asks for the lab alone.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

from model import Site, load_site
from sitectl.root import program_root
from sitectl.settings import load_settings

LAB_SITE = "eagle-ford"
FOLDER = Path(__file__).parent
REFUSAL = (
    "say which site to accept: `export IOT_BROKER_SITE=SITE`, and log in as for `pulumi up` (docs/real-site.md). "
    "Without it these checks could only look at the lab; IOT_BROKER_ACCEPTANCE=lab asks for that"
)


def pytest_collection_modifyitems(config: pytest.Config) -> None:
    """Refuse, before any check, to look at the lab where these checks are asked for by themselves."""
    named = os.environ.get("IOT_BROKER_SITE") or os.environ.get("IOT_BROKER_ACCEPTANCE") == "lab"
    if not named and asked_for_alone(config.args, config.invocation_params.dir):
        raise pytest.UsageError(REFUSAL)


def asked_for_alone(arguments: Iterable[str], folder: Path) -> bool:
    """Say whether each path that pytest was given, seen from `folder`, is in this folder."""
    paths = [(folder / argument.partition("::")[0]).resolve() for argument in arguments]
    return all(path.is_relative_to(FOLDER) for path in paths)


@dataclass(frozen=True)
class Target:
    """The deployed site: its model, where its servers are, and whether a broker listens (none runs in the lab)."""

    site: Site
    addresses: Mapping[str, str]
    authority: str | None
    context: str
    has_broker: bool


@pytest.fixture(scope="session")
def host() -> Host:
    """The machine that the checks run on."""
    return testinfra.get_host("local://")


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest, environment: pytest.MonkeyPatch) -> Target:
    """The site to look at; brings the lab's own up when no real one is named."""
    name = os.environ.get("IOT_BROKER_SITE")
    in_lab = not name
    if in_lab:
        shell = request.getfixturevalue("deployed")
        for variable, value in shell.environment.items():
            environment.setenv(variable, value)
    root = program_root()
    site = load_site(root / "stacks", name or LAB_SITE)
    settings = load_settings(root, site.name)
    addresses = {"vault": settings.vault_address, "keycloak": settings.keycloak_url}
    addresses["kubernetes"] = settings.kubernetes_host
    for server, variable in (("kafka", "KAFKA_BOOTSTRAP"), ("opa", "OPA_URL")):
        if variable not in os.environ:
            pytest.fail(f"set {variable}: where the site's {server} is reached from here")
        addresses[server] = os.environ[variable].split(",")[0]
    return Target(
        site,
        addresses,
        os.environ.get("IOT_BROKER_CA_FILE"),
        settings.kubernetes_context,
        has_broker=not in_lab,
    )


@pytest.fixture(scope="session")
def environment() -> Iterator[pytest.MonkeyPatch]:
    """Changes of this process's environment, undone at the end of the run."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch
