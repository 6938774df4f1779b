"""The authority of every server is renewed: a deployed site is refreshed, drift is found, and the rest goes on."""

import json
import shutil
from pathlib import Path

import pytest

from lab.certificates import Authority
from lab.estate import Estate
from model import Site
from tests.support.shell import Shell

PROVIDER = "pulumi:providers:keycloak"


@pytest.fixture
def renewed(deployed: Shell, estate: Estate) -> Shell:
    """A shell at the lab, whose servers all have certificates of an authority that was made just now."""
    tls = estate.state / "tls"
    former = (tls / "ca.crt").read_text()
    estate.down()
    shutil.rmtree(tls)
    estate.up()
    assert (tls / "ca.crt").read_text() != former
    return deployed


def test_a_renewed_authority_stops_neither_refresh_nor_drift_nor_up(renewed: Shell, site: Site) -> None:
    # None of these runs the program: the providers are those of the state.
    refreshed = renewed.pulumi("refresh", "--yes", "--skip-preview", "--stack", site.name)
    assert "error" not in refreshed.text
    drift = renewed.pulumi("refresh", "--preview-only", "--stack", site.name)
    assert "error" not in drift.text
    taken = renewed.pulumi("destroy", "--preview-only", "--stack", site.name)
    assert "to delete" in taken.text
    # What tells others of the authority is a change of the site's, and arrives.
    changed = {step.type_token.rsplit(":", 1)[-1] for step in renewed.preview(site.name)}
    assert changed <= {"ConfigMap", "Issuer", "EMQX", "Job", "Deployment", "ExternalSecret"}, changed
    assert changed >= {"ConfigMap", "Issuer"}
    renewed.bootstrap(site.name)
    renewed.up(site.name)
    assert renewed.preview(site.name) == []


def test_an_authority_that_the_state_keeps_would_stop_all_of_them(
    deployed: Shell, site: Site, tmp_path: Path
) -> None:
    """The control: the provider as it was before, with an authority in its inputs that is no longer the server's."""
    kept = deployed.pulumi("stack", "export", "--stack", site.name).out
    state = json.loads(kept)
    (provider,) = (one for one in state["deployment"]["resources"] if one["type"] == PROVIDER)
    assert "rootCaCertificate" not in provider["inputs"]
    stranger = Authority(tmp_path / "tls", "no longer the server's").ensure().read_text()
    for part in ("inputs", "outputs"):
        provider[part]["rootCaCertificate"] = stranger
    deployed.pulumi("stack", "import", "--stack", site.name, text=json.dumps(state))
    refused = deployed.pulumi("refresh", "--yes", "--skip-preview", "--stack", site.name, check=False)
    assert refused.code != 0
    assert "certificate" in refused.text
    # What runs the program takes it out of the state.
    deployed.up(site.name)
    refreshed = deployed.pulumi("refresh", "--yes", "--skip-preview", "--stack", site.name)
    assert "error" not in refreshed.text
