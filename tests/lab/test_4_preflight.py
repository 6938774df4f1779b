"""`sitectl preflight` against real servers: it passes where all is well, and names what is not."""

import json
import re
from pathlib import Path

import yaml

from components.requirements import needed_apis, needed_secrets
from lab.estate import Estate
from lab.tools.catalogue import catalogue
from model import Site, load_site, site_names
from model.contracts import CorePlatform, read_contracts
from tests.support import servers
from tests.support.shell import Shell
from tests.support.variants import STACKS


def findings(shell: Shell, site: str, **environment: str) -> tuple[int, list[dict[str, str]]]:
    """Return preflight's exit code and the findings that need something done."""
    outcome = shell.run("sitectl", "preflight", site, "--json", check=False, variables=environment)
    assert "Traceback" not in outcome.text
    found = json.loads(outcome.out)["findings"]
    assert len(found) > 1 or outcome.code
    return outcome.code, [entry for entry in found if not entry["passed"]]


def test_passes_where_everything_is_there(shell: Shell, site: Site) -> None:
    assert findings(shell, site.name) == (0, [])


def test_the_platform_keeps_its_contract(shell: Shell, estate: Estate) -> None:
    """The other end of the core platform's contract: versions as the servers themselves say them."""
    contract = read_contracts(STACKS)["core-platform"].value
    assert isinstance(contract, CorePlatform)
    cluster = json.loads(shell.kubectl("get", "--raw", "/version").out)["gitVersion"]
    said = {
        "kubernetes": cluster,
        "vault": servers.vault_root(shell, estate).get("/sys/health")["version"],
        "keycloak": servers.keycloak(shell, "serverinfo").get("")["systemInfo"]["version"],
        "prometheus": _release(servers.prometheus(shell).get("/status/buildinfo")["data"]["version"]),
        # Kafka tells clients which requests it knows, and not its version: this is the one that was started.
        "kafka": catalogue()["kafka"].version,
    }
    for server in contract.servers:
        assert _numbers(said[server.name]) >= _numbers(server.at_least), server.name
    # What only other kinds of site need, this platform need not serve.
    asked = {(api.api_version, api.kind) for site in _sites() for api in needed_apis(site)}
    promised = {(api.api, kind) for api in contract.apis for kind in api.kinds}
    for version in sorted({version for version, _ in asked & promised}):
        path = f"/apis/{version}" if "/" in version else f"/api/{version}"
        found = json.loads(shell.kubectl("get", "--raw", path).out)["resources"]
        served = {(version, entry["kind"]) for entry in found}
        assert {entry for entry in asked if entry[0] == version} <= served
    assert asked <= promised


def _sites() -> list[Site]:
    return [load_site(STACKS, name) for name in site_names(STACKS)]


def _release(module: str) -> str:
    """Return Prometheus' release of its Go module's version: v0.316.0 is 3.16.0."""
    found = re.fullmatch(r"v0\.(\d)(\d\d)\.(\d+)", module)
    return f"{found[1]}.{int(found[2])}.{found[3]}" if found else module


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def test_prints_a_table_and_the_next_step(shell: Shell, site: Site) -> None:
    printed = shell.run("sitectl", "preflight", site.name).out
    assert f"pulumi preview -s {site.name}" in printed
    assert "\x1b[" not in printed, "no colour where nobody looks"


def test_names_an_api_that_is_not_served_and_who_brings_it(shell: Shell, site: Site, tmp_path: Path) -> None:
    name = "podmonitors.monitoring.coreos.com"
    definition = shell.get("customresourcedefinition", name)
    kept = {
        "apiVersion": definition["apiVersion"],
        "kind": definition["kind"],
        "metadata": {"name": name, "annotations": definition["metadata"].get("annotations", {})},
        "spec": definition["spec"],
    }
    shell.kubectl("delete", "customresourcedefinition", name)
    try:
        code, failed = findings(shell, site.name)
    finally:
        file = tmp_path / "definition.json"
        file.write_text(json.dumps(kept))
        shell.kubectl("create", "-f", str(file))
        shell.kubectl("wait", "--for=condition=Established", f"crd/{name}", "--timeout=30s")
    assert code == 1
    assert [entry["what"] for entry in failed] == ["monitoring.coreos.com/v1 is served"]
    assert "PodMonitor" in failed[0]["detail"]
    assert "prometheus-operator" in failed[0]["remedy"]


def test_names_a_cluster_that_does_not_answer(shell: Shell, site: Site, tmp_path: Path) -> None:
    away = yaml.safe_load(Path(shell.environment["KUBECONFIG"]).read_text())
    away["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(away))
    code, failed = findings(shell, site.name, KUBECONFIG=str(file))
    assert code == 1
    assert [entry["what"] for entry in failed] == ["API server answers"]
    assert "KUBECONFIG" in failed[0]["remedy"]


def test_names_the_rights_that_a_cluster_login_lacks(shell: Shell, site: Site, tmp_path: Path) -> None:
    shell.kubectl("create", "serviceaccount", "looks-only", "--namespace=kafka")
    try:
        token = shell.kubectl("create", "token", "looks-only", "--namespace=kafka").out.strip()
        shell.logs.pop()
        config = yaml.safe_load(Path(shell.environment["KUBECONFIG"]).read_text())
        config["users"][0]["user"] = {"token": token}
        file = tmp_path / "kubeconfig"
        file.write_text(yaml.safe_dump(config))
        code, failed = findings(shell, site.name, KUBECONFIG=str(file))
    finally:
        shell.kubectl("delete", "serviceaccount", "looks-only", "--namespace=kafka")
    assert code == 1
    lacking = next(entry for entry in failed if entry["what"] == f"rights in namespace {site.namespace}")
    assert "create deployments" in lacking["detail"]
    assert "administrator" in lacking["remedy"]


def test_names_the_secrets_and_keys_that_a_site_has_yet_to_make(shell: Shell) -> None:
    """Baytown makes its Secrets itself, and is not deployed here: first nothing is there, then a part."""

    def missing() -> str:
        # As an administrator, for whom there are rights in a namespace that is not there yet.
        _, failed = findings(shell, "baytown", **shell.administration)
        return next(entry for entry in failed if entry["what"] == "Secrets in namespace iot-baytown")[
            "detail"
        ]

    first = missing()
    wanted = needed_secrets(load_site(STACKS, "baytown"))
    assert [name for name in wanted if f"{name} (" not in first] == []
    # The password of Kafka's user comes with the first `up`.
    assert "broker-kafka (ca.crt)" in first
    assert "sinks-kafka (ca.crt)" in first
    shell.kubectl("create", "namespace", "iot-baytown")
    try:
        literal = "--from-literal=kafka-ca.crt=PEM"
        namespace = "--namespace=iot-baytown"
        shell.kubectl("create", "secret", "generic", "sink-historian", literal, namespace)
        # The other key of the same Secret is still missing.
        assert "sink-historian (password" in missing()
    finally:
        shell.kubectl("delete", "namespace", "iot-baytown", "--timeout=60s")


def test_names_the_paths_that_a_vault_token_may_not_write(shell: Shell, estate: Estate, site: Site) -> None:
    body = {"policies": ["default"], "ttl": "30m"}
    made = servers.vault_root(shell, estate).ask("POST", "/auth/token/create", body)
    code, failed = findings(shell, site.name, VAULT_TOKEN=made.json["auth"]["client_token"])
    assert code == 1
    assert [entry["what"] for entry in failed] == ["the token's rights"]
    assert f"sys/mounts/pki-{site.name}-root" in failed[0]["detail"]
    assert f"iot-{site.name}-deployer" in failed[0]["remedy"]


def test_names_a_site_whose_bootstrap_has_not_run(shell: Shell) -> None:
    """Baytown is not deployed here: no login of its own, and no right for the deployer."""
    _, failed = findings(shell, "baytown")
    vault = {entry["what"]: entry for entry in failed if entry["area"] == "vault"}
    assert vault["logins for certificates"]["detail"] == "there is none at auth/kubernetes-baytown"
    assert "pulumi up -s baytown" in vault["logins for certificates"]["remedy"]
    assert "iot-baytown-deployer" in vault["the token's rights"]["remedy"]
    (rights,) = (entry for entry in failed if entry["what"] == "rights in namespace iot-baytown")
    assert "it is not there yet" in rights["detail"]
    assert "sitectl rights baytown kubernetes deployer" in rights["remedy"]


def test_names_a_vault_token_that_is_not_valid(shell: Shell, site: Site) -> None:
    code, failed = findings(shell, site.name, VAULT_TOKEN="hvs.expired")
    assert code == 1
    assert [entry["area"] for entry in failed] == ["vault"]
    assert "vault login" in failed[0]["remedy"]


def test_names_a_keycloak_login_that_is_wrong(shell: Shell, site: Site) -> None:
    code, failed = findings(shell, site.name, KEYCLOAK_CLIENT_SECRET="wrong")
    assert code == 1
    assert [entry["area"] for entry in failed] == ["keycloak"]
    assert "KEYCLOAK_" in failed[0]["remedy"]


def test_asks_keycloak_itself_whether_a_login_may_make_a_realm(shell: Shell, estate: Estate) -> None:
    """Baytown has no realm here. The administrator's token, of `admin-cli`, says no role of his."""
    what = "rights to make a realm"
    reviewer = {
        "KEYCLOAK_CLIENT_ID": "iot-review",
        "KEYCLOAK_CLIENT_SECRET": (estate.state / "keycloak" / "iot-review-secret").read_text(),
    }
    for variables, passed in (({}, True), (shell.administration, True), (reviewer, False)):
        outcome = shell.run("sitectl", "preflight", "baytown", "--json", check=False, variables=variables)
        (found,) = (entry for entry in json.loads(outcome.out)["findings"] if entry["what"] == what)
        assert found["passed"] == passed, found
    assert found["detail"] == "lacks `create-realm`"
    realms = {entry["realm"] for entry in servers.keycloak(shell).get("")}
    assert "baytown" not in realms


def test_names_missing_settings(shell: Shell, site: Site, tmp_path: Path) -> None:
    outcome = shell.run(
        "sitectl",
        "preflight",
        site.name,
        check=False,
        variables={"PULUMI_OPTION_CONFIG_FILE": str(tmp_path / "none.yaml")},
    )
    assert outcome.code == 1
    assert "there is no such file" in outcome.text
    assert "Traceback" not in outcome.text
