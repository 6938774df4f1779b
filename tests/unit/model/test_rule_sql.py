"""What stands for EMQX's rules in the tests evaluates what the kit writes, and refuses everything else."""

import pytest

from tests.support.rule_sql import NotUnderstood, Output, evaluated, statement

EVENT = {"topic": "a/b", "qos": 1, "flags": {"retain": True}, "clientid": None}


def test_a_rule_hands_on_the_columns_that_it_selects() -> None:
    rule = statement(
        "SELECT topic, concat('x', substr(topic, 1)) as moved, flags.retain as kept FROM \"a/#\" WHERE true"
    )
    assert rule.sources == ("a/#",)
    assert rule.output(EVENT) == Output({"topic": "a/b", "moved": "x/b", "kept": True}, whole=False)


def test_a_rule_that_selects_everything_hands_on_the_event_with_its_columns_over_it() -> None:
    rule = statement('SELECT *, \'other\' as topic FROM "a/#", "b" WHERE qos = 1')
    assert rule.sources == ("a/#", "b")
    assert rule.output(EVENT) == Output({**EVENT, "topic": "other"}, whole=True)


def test_a_rule_whose_condition_does_not_hold_hands_on_nothing() -> None:
    assert statement('SELECT topic FROM "a/#" WHERE qos = 2').output(EVENT) is None


def test_what_is_undefined_becomes_no_column() -> None:
    assert statement('SELECT clientid, flags.dup as dup FROM "a/#" WHERE true').output(EVENT) == Output(
        {}, whole=False
    )


def test_a_map_is_read_and_changed_by_a_path() -> None:
    event = {"props": {"User-Property": {"unit": "bar"}}}
    assert evaluated("map_put('User-Property.mark', 'x', props)", event) == {
        "User-Property": {"unit": "bar", "mark": "x"}
    }
    assert evaluated("map_get('User-Property.unit', props)", event) == "bar"
    assert evaluated("map_get('Other.unit', props, map_new())", event) == {}


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT topic FROM "a"',
        'FOREACH payload.list FROM "a" WHERE true',
        "SELECT topic FROM a WHERE true",
    ],
)
def test_a_statement_of_another_form_is_refused(sql: str) -> None:
    with pytest.raises(NotUnderstood):
        statement(sql)


@pytest.mark.parametrize("expression", ["username", "upper(topic)", "qos =", "topic LIKE 'a'"])
def test_an_expression_with_something_unknown_is_refused(expression: str) -> None:
    with pytest.raises(NotUnderstood):
        evaluated(expression, EVENT)
