"""The bridge as a program: it is there while the phase has a bridge, with its own rights alone, and EMQX is none."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from components import bridge_settings
from components.bridge_worker_alerts import bridge_worker_alerts
from components.broker_alerts import alerts
from components.emqx_configuration import document
from components.issuing_roles import issuing_roles
from components.kafka_worker import program_files
from components.opa_policies import site_data
from components.recording import OFFLINE, Composition
from components.requirements import needed_apis, needed_secrets
from components.series import SERIES
from components.vault_access import mark
from images.worker.bridge import figures, topics
from images.worker.bridge.settings import Settings, parse
from model import Site, bridge_capacity
from model.incumbent_bridge import crossings
from model.promotion.chain import Chain
from model.units import Rate
from model.warnings import warnings_of
from sitectl.checks.vault import wanted_paths
from tests.support.composing import compose, compose_bootstrap
from tests.support.emqx_schema import EmqxSchema
from tests.support.variants import EDITIONS, PHASES, Variants, sites_with_bridge_worker

BRIDGE = "incumbent-bridge"
TODAY = date(2026, 7, 1)
BRIDGED = ("parallel", "cutover")
CASES = [(phase, edition) for phase in PHASES for edition in EDITIONS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bridges")


def sites(folder: Path, phase: str, edition: str = "opensource", **said: Any) -> tuple[Site, ...]:
    return sites_with_bridge_worker(folder, phase, edition, **said)


def eagle_ford(folder: Path, phase: str, **said: Any) -> Site:
    return next(site for site in sites(folder, phase, **said) if site.name == "eagle-ford")


def told(composition: Composition) -> Any:
    """Return the program's settings, as its file has them."""
    return json.loads(composition.one("ConfigMap", f"{BRIDGE}-settings").inputs["data"]["settings.json"])


def read(composition: Composition) -> Settings:
    """Return the settings as the program reads them."""
    return parse(told(composition))


def pod_of(composition: Composition) -> Any:
    return composition.one("Deployment", BRIDGE).spec["template"]["spec"]


def own(composition: Composition) -> set[tuple[str, str]]:
    return {
        (made.inputs["kind"], made.metadata["name"])
        for made in composition.manifests
        if made.metadata["name"].startswith(BRIDGE)
    }


@pytest.mark.parametrize(("phase", "edition"), CASES)
def test_it_is_there_while_the_phase_has_a_bridge(folder: Path, phase: str, edition: str) -> None:
    expected = {
        *(("ConfigMap", f"{BRIDGE}-{part}") for part in ("program", "settings")),
        *(("Certificate", f"{BRIDGE}-{part}") for part in ("identity", "tls")),
        *((kind, BRIDGE) for kind in ("Deployment", "Issuer", "NetworkPolicy", "PodMonitor")),
    }
    for site in sites(folder, phase, edition):
        found = own(compose(site)) - {("ExternalSecret", BRIDGE)}
        assert found == (expected if phase in BRIDGED else set()), site.name
        assert ("bridges" in json.loads(site_data(site))["sites"][site.name]) == (phase in BRIDGED)


@pytest.mark.parametrize(("phase", "edition"), CASES)
def test_emqx_is_no_bridge_and_says_so_in_every_phase(
    folder: Path, variants: Variants, phase: str, edition: str
) -> None:
    """Every root that may be empty is written, so that nothing of EMQX's own bridge stays behind."""
    plain = {site.name: site for site in variants("pilot", edition)}
    for site in sites(folder, phase, edition):
        values: Any = document(site, OFFLINE)
        without: Any = document(plain[site.name], OFFLINE)
        for root in ("connectors", "actions", "sources"):
            assert values[root] == without[root], (site.name, root)
        assert values["rule_engine"]["rules"].keys() == without["rule_engine"]["rules"].keys()
        assert ("bridge" in values["listeners"]["ssl"]) == (phase in BRIDGED)


@pytest.mark.parametrize(("phase", "edition"), CASES)
def test_emqx_own_schema_takes_it(folder: Path, phase: str, edition: str) -> None:
    schema = EmqxSchema.load(edition)
    for workers in (False, True):
        for site in sites(folder, phase, edition, workers=workers):
            if site.broker.version == "5.8.9":
                assert schema.problems(document(site, OFFLINE)) == []


@pytest.mark.parametrize("phase", BRIDGED)
def test_there_is_one_and_never_a_second_one(folder: Path, phase: str) -> None:
    spec = compose(eagle_ford(folder, phase)).one("Deployment", BRIDGE).spec
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


@pytest.mark.parametrize("phase", BRIDGED)
def test_the_program_reads_its_settings_and_carries_what_the_model_says(folder: Path, phase: str) -> None:
    for site in sites(folder, phase):
        settings = read(compose(site))
        assert settings.direction.value == site.bridge
        ends = (settings.source, settings.target)
        ours, theirs = ends[::-1] if site.bridge == "ingress" else ends
        assert ours.client_id == f"bridge.workers.{site.domain}"
        assert (ours.user, ours.password_file) == (None, None)
        assert (theirs.host, theirs.port, theirs.user) == (
            site.incumbent.address,
            site.incumbent.port,
            f"{site.name}-bridge",
        )
        for crossing in crossings(site):
            there = f"{crossing.theirs}/a/b" if site.bridge == "ingress" else f"{crossing.ours}/a/b"
            moved = crossing.inward(there) if site.bridge == "ingress" else crossing.outward(there)
            assert topics.crossing(settings.spaces, there) == moved is not None


def test_what_it_subscribes_to_here_is_what_the_policy_lets_it(folder: Path) -> None:
    """EMQX ends the session when one filter of several is denied, so there is no room on either side."""
    for site in sites(folder, "cutover"):
        settings = read(compose(site))
        (known,) = json.loads(site_data(site))["sites"][site.name]["bridges"].items()
        assert settings.heartbeat is not None
        wanted = [*(space.filter for space in settings.spaces), settings.heartbeat.topic]
        assert known == (
            settings.source.client_id,
            {"filters": wanted, "publishes": [settings.heartbeat.topic], "spaces": []},
        )


def test_it_says_here_what_crosses_and_hears_nothing_while_it_brings_in(folder: Path) -> None:
    for site in sites(folder, "parallel"):
        settings = read(compose(site))
        (known,) = json.loads(site_data(site))["sites"][site.name]["bridges"].items()
        spaces: list[dict[str, Any]] = [
            {"begins": space.destination, "commands": space.commands} for space in settings.spaces
        ]
        assert known == (settings.target.client_id, {"filters": [], "publishes": [], "spaces": spaces})
        assert not any(space["begins"].split("/")[0] == "ot" for space in spaces)


@pytest.mark.parametrize("phase", BRIDGED)
def test_each_file_that_the_settings_name_is_mounted(folder: Path, phase: str) -> None:
    for plain in sites(folder, phase):
        changed = plain.incumbent.model_copy(update={"client_certificate": True})
        site = plain.model_copy(update={"incumbent": changed})
        composition = compose(site)
        pod, settings = pod_of(composition), read(composition)
        (container,) = pod["containers"]
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        keys = {
            f"{BRIDGE}-identity": ("tls.crt", "tls.key"),
            f"{BRIDGE}-tls": ("tls.crt", "tls.key"),
            BRIDGE: needed_secrets(site)[BRIDGE],
            "site-trust": composition.one("ConfigMap", "site-trust").inputs["data"],
        }
        named = [*settings.source.files, *settings.target.files, *settings.listen.identity.files]
        assert len(named) == 9
        for file in named:
            volume = volumes[mounts[str(file.parent)]]
            source = volume["secret"]["secretName"] if "secret" in volume else volume["configMap"]["name"]
            assert file.name in keys[source], file


def test_the_program_is_that_of_the_workers_whole(folder: Path) -> None:
    composition = compose(eagle_ford(folder, "parallel"))
    data = composition.one("ConfigMap", f"{BRIDGE}-program").inputs["data"]
    (volume,) = [entry for entry in pod_of(composition)["volumes"] if entry["name"] == "program"]
    assert {item["path"]: data[item["key"]] for item in volume["configMap"]["items"]} == program_files()
    (container,) = pod_of(composition)["containers"]
    assert container["command"][:3] == ["python", "-m", "images.worker.bridge"]
    assert container["command"][3] == "/bridge/settings/settings.json"
    assert container["workingDir"] == "/bridge/program"


def test_it_runs_without_any_privilege_and_no_deployment_waits_for_the_incumbent(folder: Path) -> None:
    pod = pod_of(compose(eagle_ford(folder, "parallel")))
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert {container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("readiness", "liveness")} == {
        "/healthz"
    }


def test_a_change_of_direction_starts_it_anew(folder: Path) -> None:
    digests = {
        compose(eagle_ford(folder, phase))
        .one("Deployment", BRIDGE)
        .spec["template"]["metadata"]["annotations"]["iot-broker/settings"]
        for phase in BRIDGED
    }
    assert len(digests) == 2


@pytest.mark.parametrize("phase", PHASES)
def test_vault_knows_it_in_every_phase_so_that_a_promotion_needs_no_administrator(
    folder: Path, phase: str
) -> None:
    site = eagle_ford(folder, phase)
    (role,) = [role for role in issuing_roles(site) if role.name == BRIDGE]
    assert (role.domains, role.exact) == ((f"bridge.workers.{site.domain}",), True)
    made = compose_bootstrap(site)
    (login,) = [
        login.inputs
        for login in made.of("AuthBackendRole")
        if login.inputs["roleName"] == f"cert-manager-{BRIDGE}"
    ]
    assert login["tokenPolicies"] == [f"iot-eagle-ford-issue-{BRIDGE}"]
    assert login["audience"] == f"vault://iot-eagle-ford/{BRIDGE}"
    wanted = {path for path in wanted_paths(site) if "/roles/" in path}
    given = {
        f"{entry.inputs['backend']}/roles/{entry.inputs['name']}"
        for entry in compose(site).of("SecretBackendRole")
    }
    assert wanted == given
    assert mark(site) == mark(eagle_ford(folder, "pilot"))


@pytest.mark.parametrize("phase", BRIDGED)
def test_its_certificates_are_ones_that_vault_gives(folder: Path, phase: str) -> None:
    composition = compose(eagle_ford(folder, phase))
    site = composition.site
    identity = composition.one("Certificate", f"{BRIDGE}-identity")
    assert identity.spec["commonName"] == bridge_settings.user(site)
    assert identity.spec["usages"] == ["digital signature", "client auth"]
    assert identity.spec["issuerRef"]["name"] == BRIDGE
    issuer = composition.one("Issuer", BRIDGE)
    assert issuer.spec["vault"]["path"] == f"pki-eagle-ford-issuing/sign/{BRIDGE}"
    assert issuer.urn in identity.depends_on
    (server,) = [role for role in issuing_roles(site) if role.name == "server"]
    assert set(composition.one("Certificate", f"{BRIDGE}-tls").spec["dnsNames"]) <= set(server.domains)
    assert composition.one("EMQX").urn in composition.one("Deployment", BRIDGE).depends_on


@pytest.mark.parametrize("phase", BRIDGED)
def test_the_brokers_nodes_come_to_the_incumbent_no_more(folder: Path, phase: str) -> None:
    for site in sites(folder, phase):
        policy = compose(site).one("NetworkPolicy", BRIDGE).spec
        assert policy["podSelector"]["matchLabels"] == bridge_settings.selected(site)
        assert policy["policyTypes"] == ["Ingress", "Egress"]


def test_its_listener_has_room_for_one_client_that_is_many(folder: Path) -> None:
    for site in sites(folder, "parallel"):
        values: Any = document(site, OFFLINE)
        listener, zone = values["listeners"]["ssl"]["bridge"], values["zones"]["bridge"]["mqtt"]
        assert (listener["zone"], listener["messages_rate"]) == ("bridge", "20000/s")
        assert listener["enable_authn"] is False
        assert listener["ssl_options"]["fail_if_no_peer_cert"] is True
        assert zone["max_inflight"] == zone["max_awaiting_rel"] == bridge_capacity.WINDOW
        assert zone["max_mqueue_len"] == bridge_capacity.waiting(site) > bridge_capacity.WINDOW
        assert zone["session_expiry_interval"] == "86400s"


@pytest.mark.parametrize("phase", BRIDGED)
def test_its_alerts_stand_for_those_of_emqx_own_bridge(folder: Path, variants: Variants, phase: str) -> None:
    plain = {site.name: site for site in variants(phase, "opensource")}
    for site in sites(folder, phase):
        now, was = ({alert.name for alert in alerts(one)} for one in (site, plain[site.name]))
        mine = {alert.name for alert in bridge_worker_alerts(site)}
        assert len(mine) == 4
        assert now - was == mine
        assert {name for name in was - now if name.startswith("IncumbentBridge")} == was - now
        assert was - now
        assert not list(bridge_worker_alerts(plain[site.name]))


def test_the_series_are_ones_that_the_program_gives() -> None:
    stated = {name for name in SERIES if name.startswith(figures.PREFIX)}
    assert stated
    assert stated <= {f"{figures.PREFIX}{name}" for name in figures.SERIES}


def test_prometheus_finds_its_figures(folder: Path) -> None:
    composition = compose(eagle_ford(folder, "parallel"))
    spec = composition.one("PodMonitor", BRIDGE).spec
    labels = composition.one("Deployment", BRIDGE).spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert labels[spec["jobLabel"]] == SERIES["bridge_lag_seconds"].producer.labels["job"]
    (endpoint,) = spec["podMetricsEndpoints"]
    (container,) = pod_of(composition)["containers"]
    assert endpoint["port"] in {port["name"] for port in container["ports"]}
    names = composition.one("Certificate", f"{BRIDGE}-tls").spec["dnsNames"]
    assert endpoint["tlsConfig"]["serverName"] in names


def test_what_the_incumbent_says_by_itself_is_heard_in_place_of_a_heartbeat(folder: Path) -> None:
    inwards = told(compose(eagle_ford(folder, "parallel", watch="$SYS/broker/uptime")))
    assert (inwards["watch"], "heartbeat" in inwards) == ("$SYS/broker/uptime", False)
    outwards = told(compose(eagle_ford(folder, "cutover", watch="$SYS/broker/uptime")))
    assert ("watch" in outwards, outwards["heartbeat"]["topic"]) == (False, "iot-broker/bridge")


def test_a_peak_of_more_than_half_of_what_it_carries_is_warned_of(folder: Path) -> None:
    def warned(messages: int) -> list[str]:
        site = eagle_ford(folder, "parallel")
        load = site.broker.load.model_copy(update={"messages": Rate(messages)})
        busy = site.model_copy(update={"broker": site.broker.model_copy(update={"load": load})})
        return [
            line
            for line in warnings_of(busy, Chain(site.name, ()), TODAY)
            if "bridge to the incumbent may carry" in line
        ]

    assert warned(6_500) == []
    (line,) = warned(6_501)
    assert "6500 messages a second" in line


@pytest.mark.parametrize("phase", PHASES)
def test_what_preflight_asks_the_platform_for_is_what_is_made(folder: Path, phase: str) -> None:
    composition = compose(eagle_ford(folder, phase))
    made = {
        (entry.inputs["apiVersion"], entry.inputs["kind"])
        for entry in composition.resources
        if entry.type.startswith("kubernetes:")
    }
    assert {(api.api_version, api.kind) for api in needed_apis(composition.site)} == made
