"""A question that is not as it should be is never allowed more than the whole one; nor one of an unverified client."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.opa_policies import policy_files
from model import Site, load_site
from tests.support.questions import decisions, question
from tests.support.variants import STACKS

EAGLE_FORD = load_site(STACKS, "eagle-ford")
DOMAIN = EAGLE_FORD.domain
GATEWAY = f"runge-satellite.gateways.{DOMAIN}"
NAMES = (
    f"pump-1.devices.{DOMAIN}",
    f"gw-1.gateways.{DOMAIN}",
    GATEWAY,
    f"historian.services.{DOMAIN}",
    f"scada-karnes.services.{DOMAIN}",
    f"plant.mirrors.{DOMAIN}",
    "operator-1",
)
TOPICS = (
    "{site}/{name}/flow",
    "{site}/{name}/command/stop",
    "{site}/{name}/command/#",
    "{site}/separator-runge/pressure",
    "{site}/#",
    "spBv1.0/{site}/NDATA/{name}",
    "spBv1.0/{site}/NCMD/{name}/#",
    "spBv1.0/{site}/NDEATH/{name}",
    "spBv1.0/{site}/NCMD/gw-1",
    "spBv1.0/STATE/karnes",
    "spBv1.0/karnes",
    "spBv1.0/#",
    "ot/{site}/unit/1",
    "ot/{site}/#",
    "$share/readers/{site}/#",
    "#",
)
QUESTIONS = st.builds(
    question,
    st.just(EAGLE_FORD),
    st.sampled_from(NAMES),
    st.sampled_from(("publish", "subscribe")),
    st.sampled_from(TOPICS),
    holder=st.sampled_from((None, "person", "gateway")),
)
MISSING = object()


def spoilt(value: str) -> Iterator[Any]:
    """Yield what else a field could be: not there, of another type, empty, in another case, with more to it."""
    yield from (MISSING, None, "", 7, True, [], {}, [value], {value: value})
    yield from {value.upper(), value.title(), value.swapcase(), f"{value}\n", f" {value}", f"{value}\0"} - {
        value
    }


def changed(asked: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the question with one field spoilt, in each way."""
    for field, value in asked.items():
        for other in spoilt(value):
            rest = {name: kept for name, kept in asked.items() if name != field}
            yield rest if other is MISSING else {**rest, field: other}


def opened_by_a_change(site: Site, asked: list[dict[str, str]], policies: dict[str, str]) -> list[Any]:
    """Return the changed questions that are allowed though the whole one is not."""
    others = [(whole, other) for whole in asked for other in changed(whole)]
    answers = decisions(site, [*asked, *(other for _, other in others)], policies)
    granted = dict(zip(map(str, asked), answers[: len(asked)], strict=True))
    return [
        other
        for (whole, other), answer in zip(others, answers[len(asked) :], strict=True)
        if answer and not granted[str(whole)]
    ]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(QUESTIONS, min_size=5, max_size=15))
def test_a_spoilt_question_is_never_allowed_more_than_the_whole_one(asked: list[dict[str, str]]) -> None:
    assert opened_by_a_change(EAGLE_FORD, asked, policy_files()) == []


def test_what_vouches_for_a_client_is_looked_at_twice() -> None:
    """Without the check that every field is a text the others still hold."""
    policies = policy_files()
    guard = '	type_name(object.get(input, name, null)) != "string"\n'
    assert guard in policies["decision.rego"]
    policies["decision.rego"] = policies["decision.rego"].replace(guard, "	false\n")
    whole = [
        question(EAGLE_FORD, name, "publish", topic, holder=holder)
        for name in NAMES
        for topic in ("{site}/{name}/flow", "{site}/flow")
        for holder in (None, "person", "gateway")
    ]
    assert opened_by_a_change(EAGLE_FORD, whole, policies) == []


def test_the_property_finds_a_policy_that_fails_open() -> None:
    """The control: the rule as it was, that a missing name drops its level out of the filter."""
    policies = policy_files()
    faulty = policies["decision.rego"]
    for guard in (
        '	type_name(object.get(input, name, null)) != "string"\n',
        "	identities.is_safe(input.username)\n",
        "	not input.username == input.cert_common_name\n",
    ):
        assert guard in faulty
    faulty = faulty.replace('	type_name(object.get(input, name, null)) != "string"\n', "	false\n")
    faulty = faulty.replace("	identities.is_safe(input.username)\n", "")
    faulty = faulty.replace(
        "	not input.username == input.cert_common_name\n", "	input.username != input.cert_common_name\n"
    )
    asked = [question(EAGLE_FORD, NAMES[0], "publish", f"{EAGLE_FORD.name}/flow")]
    found = opened_by_a_change(EAGLE_FORD, asked, {**policies, "decision.rego": faulty})
    assert [sorted(asked[0].keys() - other.keys()) for other in found] == [["username"]]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("holder", ["person", "gateway"])
def test_who_came_in_before_tokens_are_verified_may_do_nothing(name: str, holder: str) -> None:
    asked = [
        question(EAGLE_FORD, name, action, topic, holder=holder, verified=False)
        for action in ("publish", "subscribe")
        for topic in TOPICS
    ]
    assert decisions(EAGLE_FORD, asked) == [False] * len(asked)


def test_without_the_demand_who_came_in_before_is_let_do_what_the_name_may() -> None:
    """The control: the policy as it was went by the name alone."""
    policies = policy_files()
    demand = "	input.realm == site.realm\n	input.holder in identities.holders\n"
    assert demand in policies["decision.rego"]
    by_name = policies["decision.rego"].replace(demand, "")
    by_name = by_name.replace("	input.holder == identities.gateway\n", "")
    asked = question(
        EAGLE_FORD, GATEWAY, "publish", "{site}/separator-runge/pressure", holder="gateway", verified=False
    )
    assert decisions(EAGLE_FORD, [asked]) == [False]
    assert decisions(EAGLE_FORD, [asked], {**policies, "decision.rego": by_name}) == [True]


@pytest.mark.parametrize("topic", ["spBv1.0/{site}/NDATA/{name}", "{site}/separator-runge/pressure"])
def test_a_person_who_is_named_like_a_listed_gateway_is_a_person(topic: str) -> None:
    as_gateway = question(EAGLE_FORD, GATEWAY, "publish", topic, holder="gateway")
    as_person = question(EAGLE_FORD, GATEWAY, "publish", topic, holder="person")
    assert decisions(EAGLE_FORD, [as_gateway, as_person]) == [True, False]
