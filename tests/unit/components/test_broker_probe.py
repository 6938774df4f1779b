"""Each change of the broker is followed by a Job that comes to it as a client; the rollout waits for it."""

from components import names
from components.broker_probe import PROGRAM, may_not_write
from components.recording import Composition
from components.registered import Registered
from model.site import Site
from tests.support.composing import compose


def probe(composition: Composition) -> Registered:
    return composition.one("Job", f"{composition.site.name}-broker-probe")


def job_name(composition: Composition) -> str:
    return str(probe(composition).metadata["name"])


def test_the_job_runs_the_program_with_every_argument_that_it_needs(composition: Composition) -> None:
    site = composition.site
    (container,) = probe(composition).spec["template"]["spec"]["containers"]
    assert composition.one("ConfigMap", "broker-probe").inputs["data"] == {"broker.py": PROGRAM.read_text()}
    python, program, *arguments = container["command"]
    assert (python, program) == ("python", "/probe/program/broker.py")
    told = dict(argument.removeprefix("--").split("=", 1) for argument in arguments)
    host, _, port = told["address"].rpartition(":")
    assert host in composition.one("Certificate", names.BROKER_TLS).spec["dnsNames"]
    assert int(port) == site.broker.listeners.mqtts.port
    assert float(told["within"]) == site.broker.probe.within.seconds
    token_host, _, token_port = told["token-address"].rpartition(":")
    assert (token_host, int(token_port)) == (host, site.broker.listeners.wss.port)
    # No more often than half of what the broker takes for flapping: one client, which comes twice each time.
    flapping = site.broker.protection.flapping
    assert 2 * flapping.within.seconds / float(told["pause"]) <= flapping.connections / 2
    assert (told["may-read"], told["may-not-write"]) == (
        names.readiness_topic(site),
        may_not_write(site.name),
    )


def test_its_identity_is_a_services_and_the_strangers_has_the_same_name(composition: Composition) -> None:
    name = names.probe_name(composition.site)
    assert name.endswith(f".{names.client_domain(composition.site, 'service')}")
    own = composition.one("Certificate", "broker-probe").spec
    stranger = composition.one("Certificate", "broker-probe-stranger").spec
    assert own["commonName"] == stranger["commonName"] == name
    assert own["usages"] == stranger["usages"] == ["digital signature", "client auth"]
    issuers = {made.metadata["name"]: made.spec for made in composition.of("Issuer")}
    assert issuers[stranger["issuerRef"]["name"]] == {"selfSigned": {}}
    assert issuers[own["issuerRef"]["name"]]["vault"]["path"].endswith("/sign/probe")


def test_vault_gives_the_probes_role_one_name_and_no_other(composition: Composition) -> None:
    (role,) = (made.inputs for made in composition.of("SecretBackendRole") if made.inputs["name"] == "probe")
    assert role["allowedDomains"] == [names.probe_name(composition.site)]
    assert (role["allowBareDomains"], role["allowSubdomains"]) == (True, False)
    assert (role["clientFlag"], role["serverFlag"]) == (True, False)


def test_it_waits_for_the_broker_and_the_rollout_for_it(composition: Composition) -> None:
    job = probe(composition)
    assert composition.one("EMQX").urn in job.depends_on
    assert "pulumi.com/skipAwait" not in job.metadata["annotations"]


def test_a_changed_broker_is_asked_again_and_an_unchanged_one_is_not(eagle_ford: Composition) -> None:
    site = eagle_ford.site
    again = compose(site)
    assert job_name(again) == job_name(eagle_ford)
    broker = site.broker.model_copy(update={"replicas": site.broker.replicas + 2})
    changed = compose(Site.model_construct(None, **{**dict(site), "broker": broker}))
    assert job_name(changed) != job_name(eagle_ford)


def test_the_probe_reaches_the_brokers_doors_and_nothing_else(composition: Composition) -> None:
    (policy,) = (made for made in composition.of("NetworkPolicy") if made.metadata["name"] == "broker-probe")
    labels = probe(composition).spec["template"]["metadata"]["labels"]
    assert policy.spec["podSelector"]["matchLabels"].items() <= labels.items()
    (egress,) = policy.spec["egress"]
    listeners = composition.site.broker.listeners
    assert [port["port"] for port in egress["ports"]] == [listeners.mqtts.port, listeners.wss.port]
    assert "ingress" not in policy.spec
