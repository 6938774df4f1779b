"""Real OPA with the data of a site with workers: they hear what is theirs, and nobody else hears it."""

import json
from typing import Any

import pytest

from components.opa_policies import policy_files, site_data
from components.workers import common_name, workers
from model import Site
from model.worker_topics import AUDIT_SPACE
from tests.support.questions import decisions, question
from tests.support.variants import sites_with_worker

WORKER, OT_WORKER = "kafka-worker-0", "ot-worker-0"


def filters(site: Site) -> tuple[str, ...]:
    """Return what the workers subscribe to: all but the mirror's."""
    return workers(site)[0].filters


def ot_filters(site: Site) -> tuple[str, ...]:
    """Return what the mirror's worker subscribes to."""
    return workers(site)[1].filters


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Eagle Ford, with workers and with all that it names."""
    found = sites_with_worker(tmp_path_factory.mktemp("workers"), "pilot", "opensource")
    return next(site for site in found if site.name == "eagle-ford")


def strangers(site: Site) -> list[str]:
    """Return a client of each class, and of names beside the workers' own."""
    return [
        *(
            f"one.{client_class}s.{site.domain}"
            for client_class in ("device", "gateway", "service", "mirror")
        ),
        f"scada-karnes.services.{site.domain}",
        f"broker-probe.services.{site.domain}",
        f"kafka-worker-63.workers.{site.domain}",
        f"kafka-worker-0.services.{site.domain}",
    ]


def test_each_worker_hears_what_it_subscribes_to(site: Site) -> None:
    asked = [
        question(site, common_name(site, pod), "subscribe", f"{shared}{topic}")
        for pod, group, mine in ((WORKER, "kafka", filters(site)), (OT_WORKER, "ot", ot_filters(site)))
        for topic in mine
        # As the client writes it, and as a broker may hand it on.
        for shared in (f"$share/{group}/", "")
    ]
    assert len(asked) > 10
    assert decisions(site, asked) == [True] * len(asked)


def test_neither_hears_what_is_the_others(site: Site) -> None:
    asked = [
        question(site, common_name(site, pod), "subscribe", topic)
        for pod, theirs in ((WORKER, ot_filters(site)), (OT_WORKER, filters(site)))
        for topic in (*theirs, "#", "+/#", "ot/#", "$kit/#", "$SYS/#", f"{site.name}/#")
    ]
    assert decisions(site, asked) == [False] * len(asked)


def test_no_worker_publishes_anything(site: Site) -> None:
    topics = [
        f"{site.name}/x",
        f"ot/{site.name}/x/y",
        f"spBv1.0/{site.name}/NCMD/gw-1",
        f"spBv1.0/{site.name}/DCMD/gw-1/pump",
        f"{AUDIT_SPACE}/connected",
        "spBv1.0/STATE/karnes",
    ]
    asked = [
        question(site, common_name(site, pod), "publish", topic)
        for pod in (WORKER, OT_WORKER)
        for topic in topics
    ]
    assert decisions(site, asked) == [False] * len(asked)


def test_a_rebirth_is_asked_for_by_the_named_hosts_right(site: Site) -> None:
    worker = site.streams.worker
    assert worker is not None
    streams = site.streams.model_copy(update={"worker": worker.model_copy(update={"host_id": "karnes"})})
    asking = site.model_copy(update={"streams": streams})
    wanted = {
        (WORKER, f"spBv1.0/{site.name}/NCMD/gw-1"): True,
        (WORKER, f"spBv1.0/{site.name}/DCMD/gw-1/pump"): False,
        (WORKER, "spBv1.0/elsewhere/NCMD/gw-1"): False,
        (OT_WORKER, f"spBv1.0/{site.name}/NCMD/gw-1"): False,
    }
    asked = [question(asking, common_name(site, pod), "publish", topic) for pod, topic in wanted]
    assert decisions(asking, asked) == list(wanted.values())


def test_nobody_else_hears_or_writes_what_the_broker_says_to_the_workers(site: Site) -> None:
    spaces = [f"{AUDIT_SPACE}/#", "$kit/#", "$kit/+/+", f"{AUDIT_SPACE}/denied", "$SYS/brokers/+/stats/#"]
    asked = [
        question(site, name, "subscribe", f"{shared}{topic}")
        for name in strangers(site)
        for topic in spaces
        for shared in ("", "$share/kafka/", "$queue/")
    ]
    asked += [
        question(site, name, "publish", topic)
        for name in strangers(site)
        for topic in (f"{AUDIT_SPACE}/denied", "$kit/x")
    ]
    asked += [
        question(site, common_name(site, WORKER), "subscribe", topic, holder=holder)
        for topic in spaces
        for holder in ("person", "gateway")
    ]
    assert decisions(site, asked) == [False] * len(asked)


def test_the_mirror_hears_nothing_with_workers_either(site: Site) -> None:
    mirror = f"plant.mirrors.{site.domain}"
    asked = [
        question(site, mirror, "subscribe", topic)
        for topic in (*ot_filters(site), f"ot/{site.name}/x", f"{site.name}/#")
    ]
    assert decisions(site, asked) == [False] * len(asked)
    assert decisions(site, [question(site, mirror, "publish", f"ot/{site.name}/unit/1")]) == [True]


def test_a_policy_that_knows_no_filters_is_found(site: Site) -> None:
    """The control: a worker for which a part of a filter would do."""
    policies = policy_files()
    exact = "	asked in worker.filters\n"
    assert exact in policies["decision.rego"]
    policies["decision.rego"] = policies["decision.rego"].replace(exact, "	worker.filters\n")
    asked = [question(site, common_name(site, OT_WORKER), "subscribe", topic) for topic in ("#", "$kit/#")]
    assert decisions(site, asked) == [False, False]
    assert decisions(site, asked, policies) == [True, True]


def test_a_spoilt_question_about_a_worker_is_never_allowed(site: Site) -> None:
    """Each field in turn is missing, of another type, empty, or written otherwise."""
    whole = question(site, common_name(site, WORKER), "subscribe", f"$share/kafka/{AUDIT_SPACE}/#")
    needed = ("site", "username", "clientid", "topic", "action", "cert_common_name")
    spoilt: list[dict[str, Any]] = []
    for field in needed:
        said = whole[field]
        others: tuple[Any, ...] = (None, "", 7, [], f"{said.upper()}x", f"{said}\n", f"{said}\0")
        spoilt += [whole | {field: other} for other in others]
    spoilt += [{name: value for name, value in whole.items() if name != field} for field in needed]
    assert decisions(site, [whole, *spoilt]) == [True] + [False] * len(spoilt)


def test_each_worker_is_known_by_its_own_name_alone(site: Site) -> None:
    known = json.loads(site_data(site))["sites"][site.name]["workers"]
    for name in known:
        borrowed = question(site, name, "subscribe", filters(site)[0], client_id=WORKER)
        assert decisions(site, [borrowed]) == [False]
