"""Each change of the broker is followed by a Job that sees whether it took its configuration."""

from typing import Any

import pytest

from components import names
from components.broker_configuration import PROGRAM
from components.emqx_configuration import document, mark
from components.recording import OFFLINE, Composition
from components.registered import Registered
from model.rollout import Phase
from model.units import Duration
from tests.support.composing import compose
from tests.support.variants import Variants


def job(composition: Composition) -> Registered:
    return composition.one("Job", f"{composition.site.name}-{names.BROKER_CONFIGURATION}")


def arguments(composition: Composition) -> dict[str, str]:
    (container,) = job(composition).spec["template"]["spec"]["containers"]
    return dict(argument.removeprefix("--").split("=", 1) for argument in container["command"][2:])


def test_the_job_runs_the_program_with_the_mark_of_what_is_rendered(composition: Composition) -> None:
    said = arguments(composition)
    emqx = composition.one("EMQX")
    assert composition.one("ConfigMap", names.BROKER_CONFIGURATION).inputs["data"] == {
        PROGRAM.name: PROGRAM.read_text()
    }
    assert said["mark"] == mark(composition.site, OFFLINE)
    # The text that the broker is given has it, so that what the operator keeps has it, too.
    assert f'description = "{said["mark"]}"' in emqx.spec["config"]["data"]
    assert (said["namespace"], said["name"]) == (emqx.metadata["namespace"], emqx.metadata["name"])
    assert emqx.type == f"kubernetes:{said['api-version']}:EMQX"
    assert (int(said["cores"]), int(said["replicants"])) == (
        composition.site.broker.replicas,
        composition.site.broker.replicant_nodes,
    )


def test_the_mark_is_another_for_each_configuration_and_the_same_for_the_same(variants: Variants) -> None:
    phases: tuple[Phase, ...] = ("pilot", "parallel", "cutover")
    marks = [mark(site, OFFLINE) for phase in phases for site in variants(phase) if site.name == "eagle-ford"]
    assert len(set(marks)) == len(phases)
    assert marks == [
        mark(site, OFFLINE) for phase in phases for site in variants(phase) if site.name == "eagle-ford"
    ]


def test_it_comes_after_the_broker_and_before_the_probe(composition: Composition) -> None:
    assert composition.one("EMQX").urn in job(composition).depends_on
    probe = composition.one("Job", f"{composition.site.name}-broker-probe")
    assert job(composition).urn in probe.depends_on


@pytest.mark.parametrize("seconds", [30, 45, 600])
def test_each_job_says_what_is_missing_then_ends_and_all_within_ready_within(
    eagle_ford: Composition, seconds: int
) -> None:
    """A Job whose pod finds no node runs no program: Kubernetes itself ends it, before Pulumi stops waiting."""
    site = eagle_ford.site
    broker = site.broker.model_copy(update={"ready_within": Duration(seconds)})
    composition = compose(site.model_copy(update={"broker": broker}))
    for name in (names.BROKER_CONFIGURATION, names.BROKER_PROBE):
        made = composition.one("Job", f"{site.name}-{name}")
        (container,) = made.spec["template"]["spec"]["containers"]
        (within,) = (word for word in container["command"] if word.startswith("--within="))
        program, job_itself = int(within.removeprefix("--within=")), made.spec["activeDeadlineSeconds"]
        assert 10 <= program < job_itself < float(made.timeouts.create.rstrip("s")) == seconds, name


def test_the_mark_is_of_the_nodes_as_much_as_of_the_configuration(eagle_ford: Composition) -> None:
    """Else the operator's note of what was taken would be right before it has seen that the nodes are to be others."""
    site = eagle_ford.site
    image = site.broker.image.model_copy(update={"repository": "mirror.example/emqx/emqx"})
    other = site.model_copy(update={"broker": site.broker.model_copy(update={"image": image})})
    assert document(other, OFFLINE) == document(site, OFFLINE)
    assert mark(other, OFFLINE) != mark(site, OFFLINE)


def test_its_account_reads_one_resource_and_the_events_and_has_no_standing_token(
    composition: Composition,
) -> None:
    name = names.BROKER_CONFIGURATION
    role = next(made for made in composition.of("Role") if made.metadata["name"] == name)
    granted = [(rule["resources"], rule.get("resourceNames"), rule["verbs"]) for rule in role.inputs["rules"]]
    assert granted == [(["emqxes"], [names.BROKER], ["get"]), (["events"], None, ["list"])]
    assert role.metadata["namespace"] == composition.site.namespace
    pod: Any = job(composition).spec["template"]["spec"]
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == (name, False)
    (account,) = [volume for volume in pod["volumes"] if volume["name"] == "account"]
    token, authority = account["projected"]["sources"]
    assert token["serviceAccountToken"]["expirationSeconds"] <= 3600
    assert authority["configMap"]["name"] == "kube-root-ca.crt"


def test_its_pod_reaches_the_api_server_alone(composition: Composition) -> None:
    (policy,) = (
        made
        for made in composition.of("NetworkPolicy")
        if made.metadata["name"] == names.BROKER_CONFIGURATION
    )
    labels = job(composition).spec["template"]["metadata"]["labels"]
    assert policy.spec["podSelector"]["matchLabels"].items() <= labels.items()
    (egress,) = policy.spec["egress"]
    (server,) = composition.site.platform.api_server or ()
    assert egress["ports"] == [{"protocol": "TCP", "port": server.port}]
    assert [peer["ipBlock"]["cidr"] for peer in egress["to"]] == [str(cidr) for cidr in server.cidrs]
    assert "ingress" not in policy.spec


def test_where_the_api_server_is_not_said_the_sites_zones_are_left_out(eagle_ford: Composition) -> None:
    site = eagle_ford.site
    platform = site.platform.model_copy(update={"api_server": None})
    composition = compose(site.model_copy(update={"platform": platform}))
    (policy,) = (
        made
        for made in composition.of("NetworkPolicy")
        if made.metadata["name"] == names.BROKER_CONFIGURATION
    )
    (egress,) = policy.spec["egress"]
    zones = [str(cidr) for zone in site.network.zones for cidr in zone.cidrs]
    assert egress["to"] == [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": zones}},
        {"ipBlock": {"cidr": "::/0"}},
    ]
