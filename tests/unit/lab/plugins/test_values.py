"""Values survive the wire, and secrets and unknowns stay what they are."""

import pytest

from lab.plugins.values import (
    UNKNOWN,
    UNKNOWN_TEXT,
    Object,
    Secret,
    decode,
    encode,
    from_json,
    has_secret,
    has_unknown,
    keep_secrets,
    plain,
    to_json,
)

EVERYTHING: Object = {
    "nothing": None,
    "yes": True,
    "count": 3,
    "share": 0.5,
    "text": "a",
    "list": [1, {"deep": Secret({"password": "p"})}, []],
    "object": {},
    "later": UNKNOWN,
}


def test_every_kind_of_value_survives_the_wire() -> None:
    assert decode(encode(EVERYTHING)) == EVERYTHING


def test_every_kind_of_value_survives_json() -> None:
    assert from_json(to_json(EVERYTHING)) == EVERYTHING


def test_a_whole_number_stays_whole() -> None:
    assert isinstance(decode(encode({"count": 3}))["count"], int)


def test_an_output_envelope_without_a_value_is_unknown() -> None:
    envelope = {"4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4"}
    assert from_json(envelope) is UNKNOWN


def test_a_secret_is_not_shown() -> None:
    assert "hunter2" not in repr({"password": Secret("hunter2")})


def test_plain_takes_the_marks_off_and_leaves_unknowns() -> None:
    assert plain(EVERYTHING)["list"][1] == {"deep": {"password": "p"}}
    assert plain(EVERYTHING)["later"] is UNKNOWN


def test_marks_are_found_at_any_depth() -> None:
    assert has_secret(EVERYTHING)
    assert has_unknown([{"a": Secret([UNKNOWN])}])
    assert not has_unknown({"a": UNKNOWN_TEXT[:-1]})


@pytest.mark.parametrize(
    ("outputs", "inputs", "kept"),
    [
        ({"a": 1, "b": 2}, {"a": Secret(1)}, {"a": Secret(1), "b": 2}),
        ([{"a": 1}], [{"a": Secret(0)}], [{"a": Secret(1)}]),
        ([1, 2], [Secret(1)], Secret([1, 2])),
        ([1, 2], [1], [1, 2]),
        ("text", {"a": Secret(1)}, "text"),
    ],
)
def test_outputs_are_secret_where_the_inputs_are(outputs: object, inputs: object, kept: object) -> None:
    assert keep_secrets(outputs, inputs) == kept
