"""docs/real-site.md is walked command by command: a fresh Vault and Keycloak, and no root token after the bootstrap."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.estate import Estate
from lab.servers import kubernetes, prometheus
from model import load_site
from tests.support.fresh import Fresh, fresh_servers
from tests.support.shell import REPOSITORY, Shell, copy_program
from tests.support.walk import Block, Walk, blocks, exported, machine

PAGE = REPOSITORY / "docs" / "real-site.md"
SITE = "baytown"
VAULT, KEYCLOAK = "Vault's administrator", "Keycloak's administrator"
CLUSTER, DEPLOYER = "The cluster's administrator", "The deployer"
# What no lab can run, by the command's beginning, and why.
SKIPPED = {
    "make site": "would replace the environment that runs the tests; tests/unit/lab runs `uv` in its place",
    "for plugin in": "no registry carries Pulumi's plugins: the lab's stand-ins are installed",
    "sitectl new": "asks questions on a terminal: tests/unit/sitectl/test_new.py answers them",
    "docker ": "builds images, which the lab has no runtime for",
    "mvn ": "feeds the build of an image; `make tools` gets the same archive",
    "pytest tests/acceptance": "wants a broker's listeners, which no lab has; make test runs them at the lab's site",
}
# Lines that are right as they stand on the page.
AS_WRITTEN = {
    "SITE", "PATH", "VAULT_CACERT", "SSL_CERT_DIR", "VAULT_TOKEN", "PULUMI_BACKEND_URL", "IOT_BROKER_SITE",
    "IOT_BROKER_CA_FILE", "KEYCLOAK_REALM", "KEYCLOAK_CLIENT_ID", "KEYCLOAK_CLIENT_SECRET", "REGISTRY", "STRIMZI",
    "JDK", "KAFKA_NAMESPACE",
}  # fmt: skip
UNINSTALL = "Uninstall a site"
UNSCALED = """
policy:
  autoscaling: null
identity:
  dashboard:
    proxy:
      autoscaling: null
"""


@pytest.fixture(scope="module")
def fresh(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    with fresh_servers(tmp_path_factory.mktemp("fresh"), estate.state) as found:
        yield found


@pytest.fixture(scope="module")
def walk(shell: Shell, fresh: Fresh, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """An engineer's machine before step 1: the kit's folder, a site's file, the authorities, and nothing else."""
    base = tmp_path_factory.mktemp("real")
    folder, home = copy_program(base / "kit"), base / "home"
    home.mkdir()
    # A site of its own, protected, without the sinks that other pages are about.
    text = (folder / "stacks" / "sites" / f"{SITE}.yaml").read_text()
    text = re.sub(r"\nprotect: false\n", "\n", text)
    text = re.sub(r"\n  sinks:\n.*?(?=\nretention:)", "\n", text, flags=re.DOTALL)
    text = re.sub(r"\nretention:\n.*?(?=\nplatform:)", "", text, flags=re.DOTALL)
    # The lab's cluster has no metrics by which anything could scale.
    text = text.replace("\nstreams:\n", "\nstreams:\n  bridge:\n    autoscaling: null\n", 1) + UNSCALED
    (folder / "stacks" / "sites" / f"{SITE}.yaml").write_text(text)
    lab = fresh.lab
    authority = lab.authority.certificate
    for name in ("kubernetes", "vault", "keycloak", "prometheus"):
        (folder / "stacks" / "ca").mkdir(exist_ok=True)
        shutil.copy(authority, folder / "stacks" / "ca" / f"{name}.pem")
    handover = base / "handover"
    handover.mkdir(mode=0o700)
    shutil.copy(authority, handover / "kafka-ca.crt")
    lab_folder = Path(shell.environment["KUBECONFIG"]).parents[1]
    programs = [lab_folder / "bin", lab.tools["keycloak"] / "bin", lab.tools["java"] / "bin"]
    (base / "state").mkdir()
    (base / "bootstrap-state").mkdir()
    values = {
        "VAULT_ADDR": lab.url("vault"),
        "KEYCLOAK_URL": lab.url("keycloak"),
        "KUBERNETES_URL": lab_url(shell),
        "KUBERNETES_CONTEXT": kubernetes.CONTEXT,
        "PROMETHEUS_URL": shell.environment["PROMETHEUS_URL"],
        "STATE": f"file://{base / 'state'}",
        "BOOTSTRAP_STATE": f"file://{base / 'bootstrap-state'}",
        "HANDOVER": str(handover),
        "KEYCLOAK_ADMIN": fresh.keycloak_administrator[0],
        "KAFKA_BOOTSTRAP": shell.environment["KAFKA_BOOTSTRAP"],
        "OPA_URL": shell.environment["OPA_URL"],
    }
    own = {
        DEPLOYER: {"KUBECONFIG": shell.environment["KUBECONFIG"]},
        CLUSTER: {"KUBECONFIG": shell.administration["KUBECONFIG"]},
    }
    pulumi = {
        name: value
        for name, value in shell.environment.items()
        if name in ("PULUMI_HOME", "PULUMI_SKIP_UPDATE_CHECK", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION")
    }
    # In place of the person who would confirm.
    pulumi["PULUMI_SKIP_CONFIRMATIONS"] = "true"
    walk = Walk(folder, machine(programs, home) | pulumi, values, own, SKIPPED)
    walk.bring(VAULT, VAULT_TOKEN=fresh.root_token)
    walk.bring(KEYCLOAK, KC_CLI_PASSWORD=fresh.keycloak_administrator[1])
    walk.bring(
        DEPLOYER,
        PROMETHEUS_USER=prometheus.USER,
        PROMETHEUS_PASSWORD=shell.environment["PROMETHEUS_PASSWORD"],
    )
    return walk


def lab_url(shell: Shell) -> str:
    """Return where the lab's API server is."""
    view = shell.kubectl("config", "view", "--output=jsonpath={.clusters[0].cluster.server}")
    return view.out.strip()


def page() -> list[Block]:
    return list(blocks(PAGE.read_text(encoding="utf-8")))


def test_the_page_takes_a_site_from_nothing_to_deployed_and_away_again(
    walk: Walk, shell: Shell, fresh: Fresh
) -> None:
    site = load_site(walk.folder / "stacks", SITE)
    try:
        for block in page():
            if block.heading == UNINSTALL and block.role == VAULT:
                assert not shell.exists("namespace", site.namespace)
                walk.bring(VAULT, VAULT_TOKEN=fresh.another_root_token())
            said = walk.follow(block)
            if "vault token revoke -self" in block.commands:
                assert fresh.vault(fresh.root_token).ask("GET", "/v1/auth/token/lookup-self").status == 403
            if block.heading.startswith("11."):
                assert f"{SITE} can be deployed" in said
    finally:
        if shell.exists("namespace", site.namespace):
            shell.kubectl("delete", "namespace", site.namespace)
    root = fresh.vault(fresh.another_root_token())
    for kind in ("auth", "mounts"):
        assert not [name for name in root.must("GET", f"/v1/sys/{kind}")["data"] if SITE in name]
    assert not [name for name in policies(fresh) if SITE in name]
    assert walk.passed_over == SKIPPED.keys(), "a reason for a command that is not on the page"


def policies(fresh: Fresh) -> list[str]:
    root = fresh.vault(fresh.another_root_token())
    names: list[str] = root.must("GET", "/v1/sys/policies/acl?list=true")["data"]["keys"]
    return names


def test_every_value_of_the_reader_is_filled_in_or_right_as_it_stands(walk: Walk) -> None:
    written = {name for block in page() for command in block.commands for name in exported(command)}
    given = {*walk.values, *(name for values in walk.own.values() for name in values)}
    assert written == AS_WRITTEN | given
