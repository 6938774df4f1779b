"""The other sample sites, of other kinds and another edition, deploy beside the first and go without a trace."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from components import names
from lab.waiting import wait_until
from model import Site, load_site
from tests.support.shell import REPOSITORY, Shell
from tests.support.turned_objects import administrator, objects, read_objects, turn_objects

REPLICANTS = """\
  replicants:
    replicas: 4
    autoscaling:
      maximum: 8
      cpu: 70%
"""
SCALES = "  broker_operator:\n    scales_replicants: true\n"
POD_SECONDS = 60
# A site has more than a hundred resources.
MANY = 100


@contextmanager
def running(shell: Shell, name: str, deploy: Callable[[Shell, str], object] = Shell.up) -> Iterator[Site]:
    """Deploy a site, and take it away without a trace."""
    site = load_site(shell.folder / "stacks", name)
    try:
        deploy(shell, name)
        broker = shell.get("emqx", names.BROKER, site.namespace)
        assert broker["spec"]["coreTemplate"]["spec"]["replicas"] == site.broker.replicas
        assert broker["spec"]["image"] == site.broker.image.reference(site.broker.version)
        assert shell.outputs(name)["edition"] == site.broker.edition
        assert shell.preview(name) == []
        yield site
    finally:
        shell.destroy(name)
    assert shell.state(name) == []
    assert not shell.exists("namespace", site.namespace)


def by_one_command(shell: Shell, name: str) -> None:
    """Deploy a site as a user of the lab does, from the checkout; nothing of it is left for git to see."""
    checkout = replace(shell, folder=REPOSITORY)
    status = ("git", "status", "--porcelain")
    before = checkout.run(*status, check=False).out
    done = checkout.run("sitectl", "lab", "up", name, "--json", timeout=900)
    shell.bootstrapped.add(name)
    shell.granted.add(name)
    answer = json.loads(done.out)
    assert answer["sites"][name]["changed"] > MANY
    assert not any(server["started"] for server in answer["servers"])
    assert checkout.run(*status, check=False).out == before


def scale(shell: Shell, site: Site, target: str, number: int) -> None:
    """Change a number by the target's `/scale`, as an autoscaler does."""
    shell.kubectl("scale", target, f"--replicas={number}", f"--namespace={site.namespace}")


def test_what_keeps_nothing_is_scaled_and_no_up_takes_that_back(deployed: Shell) -> None:
    bridge, servers, proxies = "kafkabridge/kafka", "deployment/opa", "deployment/dashboard-proxy"
    with running(deployed, "baytown", by_one_command) as site:
        scalers = deployed.all("horizontalpodautoscaler", site.namespace)
        targets = {
            f"{target['kind'].lower()}/{target['name']}": (spec["minReplicas"], spec["maxReplicas"])
            for spec in (scaler["spec"] for scaler in scalers)
            for target in [spec["scaleTargetRef"]]
        }
        assert targets == {bridge: (14, 24), servers: (3, 8), proxies: (2, 4)}
        wanted = {bridge: 17, servers: 5, proxies: 3}
        for target, number in wanted.items():
            scale(deployed, site, target, number)
        assert deployed.preview(site.name) == []
        deployed.up(site.name)
        for target, number in wanted.items():
            kind, name = target.split("/")
            assert deployed.get(kind, name, site.namespace)["spec"]["replicas"] == number, target
        edits_are_put_right(deployed, site)


def edits_are_put_right(shell: Shell, site: Site) -> None:
    """Turn what scales by hand, as `test_5_hand_edits` does with all else: only the scaled number is left as it is."""
    cluster = administrator(shell)
    made = [
        one for one in objects(shell, site.name) if one.kind in ("HorizontalPodAutoscaler", "KafkaBridge")
    ]
    assert {(one.kind, field) for one in made for field in one.ignored} == {("KafkaBridge", "spec.replicas")}
    before = read_objects(cluster, made)
    refused = turn_objects(cluster, made, lambda _field: False)
    # Another kind of metric asks for other fields beside it.
    words = {"spec.metrics.*.type", "spec.metrics.*.resource.target.type"}
    assert {field for _, field in refused} == {
        *("apiVersion", "kind", "metadata.name", "metadata.namespace"),
        *words,
    }
    target = {"type": "AverageValue", "averageValue": "7"}
    metrics = [{"type": "Pods", "pods": {"metric": {"name": "turned"}, "target": target}}]
    for one in made:
        if one.kind == "HorizontalPodAutoscaler":
            edit = f"--patch={json.dumps({'spec': {'metrics': metrics}})}"
            shell.kubectl("patch", f"hpa/{one.name}", f"--namespace={one.namespace}", "--type=merge", edit)
    turned = read_objects(cluster, made)
    assert [name for name in before if before[name] == turned[name]] == []
    shell.pulumi("up", "--refresh", "--yes", "--skip-preview", "--stack", site.name)
    assert read_objects(cluster, made) == before
    assert shell.preview(site.name) == []


def test_replicants_take_the_clients_and_their_number_is_the_autoscalers(deployed: Shell) -> None:
    file = deployed.folder / "stacks" / "sites" / "north-cormorant.yaml"
    text = file.read_text()
    scaled = text.replace("broker:\n", f"broker:\n{REPLICANTS}", 1)
    file.write_text(scaled.replace("\nplatform:\n", f"\nplatform:\n{SCALES}", 1))
    try:
        with running(deployed, "north-cormorant") as site:
            scaler = deployed.get("horizontalpodautoscaler", names.BROKER, site.namespace)["spec"]
            assert scaler["scaleTargetRef"]["kind"] == "EMQX"
            assert (scaler["minReplicas"], scaler["maxReplicas"]) == (4, 8)
            for number in (4, 6):
                scale(deployed, site, f"emqx/{names.BROKER}", number)
                served(deployed, site, number)
            assert deployed.preview(site.name) == []
            deployed.up(site.name)
            assert len(replicants(deployed, site)) == 6
            given_up(deployed, site, text)
    finally:
        file.write_text(text)


def given_up(shell: Shell, site: Site, text: str) -> None:
    """Give replicants up as docs/broker.md says; to leave them out at once would leave them and their clients."""
    file = shell.folder / "stacks" / "sites" / f"{site.name}.yaml"
    file.write_text(text)
    refused = shell.pulumi("preview", "--stack", site.name, check=False)
    assert refused.code != 0
    assert "broker.replicants is left out, and 4 are deployed" in refused.text
    file.write_text(text.replace("broker:\n", "broker:\n  replicants:\n    replicas: 0\n", 1))
    shell.up(site.name)
    wait_until(lambda: not replicants(shell, site), POD_SECONDS, "the end of the replicants")
    file.write_text(text)
    shell.up(site.name)
    assert "replicantTemplate" not in shell.get("emqx", names.BROKER, site.namespace)["spec"]
    served(shell, site, site.broker.replicas, role="core")
    assert shell.preview(site.name) == []


def replicants(shell: Shell, site: Site, role: str = "replicant") -> dict[str, str]:
    """Return the zone of each pod of a role that has a node."""
    selector = f"apps.emqx.io/instance=broker,apps.emqx.io/db-role={role}"
    return {
        pod["metadata"]["name"]: zone(shell, pod)
        for pod in shell.all("pod", site.namespace, selector)
        if "deletionTimestamp" not in pod["metadata"] and "nodeName" in pod["spec"]
    }


def zone(shell: Shell, pod: dict[str, dict[str, str]]) -> str:
    node = shell.get("node", pod["spec"]["nodeName"])
    return str(node["metadata"]["labels"]["topology.kubernetes.io/zone"])


def served(shell: Shell, site: Site, number: int, role: str = "replicant") -> None:
    """Wait until clients are sent to this many pods of a role, and to no other; the pods are in every zone."""

    def addressed() -> set[str]:
        slices = shell.all(
            "endpointslice", site.namespace, f"kubernetes.io/service-name={names.BROKER_LISTENERS}"
        )
        return {
            endpoint["targetRef"]["name"]
            for part in slices
            for endpoint in part.get("endpoints") or ()
            if endpoint["conditions"]["ready"]
        }

    def arrived() -> bool:
        pods = replicants(shell, site, role)
        return len(pods) == number and addressed() == set(pods)

    wait_until(arrived, POD_SECONDS, f"{number} pods that clients are sent to")
    assert set(replicants(shell, site, role).values()) == set(site.platform.zones)
