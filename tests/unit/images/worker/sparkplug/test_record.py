"""A record says all that its payload says, and is no larger than it may be."""

import base64
import json
import tracemalloc
from typing import Any

import pytest

from images.worker.sparkplug import Decoded, Decoder, Unreadable
from tests.support.sparkplug import (
    DATASET,
    EXTENSION,
    INT,
    LONG,
    STRING,
    TEMPLATE,
    TYPES,
    field,
    metric,
    node_birth,
    payload,
    varint,
)

NODE = ("spBv1.0", "g", "NDATA", "n")
BIRTH = ("spBv1.0", "g", "NBIRTH", "n")
LARGEST = 2**20


def read(written: bytes) -> dict[str, Any]:
    decoded = Decoder(largest=LARGEST).decode(NODE, written)
    assert isinstance(decoded, Decoded)
    return dict(json.loads(decoded.json))


def nested(levels: int) -> bytes:
    """A metric whose templates are in each other; the innermost has an extension."""
    inner = field(6, b"extension")
    for _ in range(levels - 1):
        inner = field(2, metric(name="t", datatype="Template", value=(TEMPLATE, inner)))
    return metric(name="t", datatype="Template", value=(TEMPLATE, inner))


def test_a_payload_of_all_fields_becomes_a_record_of_all() -> None:
    metadata = (
        field(1, 1) + field(2, "text/csv") + field(3, 9) + field(4, 2) + field(5, "a.csv") + field(6, "csv")
    )
    metadata += field(7, "d41d8cd9") + field(8, "a file")
    flags = field(5, 1) + field(6, 0) + field(7, 0) + field(8, metadata)
    given = metric(name="a", alias=7, at=12, datatype="UInt8", value=(INT, 3), more=flags)
    assert read(payload(given, at=11, seq=4, more=field(4, "u-1") + field(5, b"\xff"))) == {
        "timestamp": 11,
        "seq": 4,
        "uuid": "u-1",
        "body": "/w==",
        "metrics": [
            {
                "name": "a",
                "alias": 7,
                "timestamp": 12,
                "datatype": "UInt8",
                "value": 3,
                "is_historical": True,
                "is_transient": False,
                "is_null": False,
                "metadata": {
                    "is_multi_part": True,
                    "content_type": "text/csv",
                    "size": 9,
                    "seq": 2,
                    "file_name": "a.csv",
                    "file_type": "csv",
                    "md5": "d41d8cd9",
                    "description": "a file",
                },
            }
        ],
    }


def test_what_is_not_given_is_not_in_the_record() -> None:
    assert read(b"") == {"metrics": []}
    assert read(payload(metric())) == {"metrics": [{}]}
    assert read(payload(metric(name="", alias=0, at=0, datatype=0), at=0, seq=0)) == {
        "timestamp": 0,
        "seq": 0,
        "metrics": [{"name": "", "alias": 0, "timestamp": 0, "datatype": "Unknown"}],
    }


def test_null_is_null() -> None:
    (found,) = read(payload(metric(name="a", datatype="Int32", more=field(7, 1))))["metrics"]
    assert found == {"name": "a", "datatype": "Int32", "value": None, "is_null": True}


def test_a_data_set_has_its_columns_types_and_rows() -> None:
    types = b"".join(field(3, TYPES[one]) for one in ("Int8", "String"))
    rows = [field(1, field(1, 2**32 - 1)) + field(1, field(6, "x")), field(1, b"") + field(1, field(1, 9))]
    given = field(1, 2) + field(2, "a") + field(2, "b") + types + b"".join(field(4, row) for row in rows)
    (found,) = read(payload(metric(datatype="DataSet", value=(DATASET, given))))["metrics"]
    assert found["value"] == {
        "num_of_columns": 2,
        "columns": ["a", "b"],
        "types": ["Int8", "String"],
        "rows": [[-1, "x"], [None, {"value": 9, "field": "int_value"}]],
    }


def test_a_template_has_its_metrics_and_parameters() -> None:
    parameter = field(1, "p") + field(2, TYPES["Int16"]) + field(3, 2**32 - 5)
    given = field(1, "1.0") + field(2, metric(name="m", datatype="Int64", value=(LONG, 2**64 - 1)))
    given += field(3, parameter) + field(4, "Motor") + field(5, 0)
    (found,) = read(payload(metric(datatype="Template", value=(TEMPLATE, given))))["metrics"]
    assert found["value"] == {
        "version": "1.0",
        "template_ref": "Motor",
        "is_definition": False,
        "metrics": [{"name": "m", "datatype": "Int64", "value": -1}],
        "parameters": [{"name": "p", "datatype": "Int16", "value": -5}],
    }


def test_properties_keep_their_order_twice_given_keys_and_what_has_no_partner() -> None:
    inner = field(1, "k") + field(2, field(1, TYPES["Boolean"]) + field(7, 1))
    keys = b"".join(field(1, key) for key in ("q", "q", "set", "sets", "alone"))
    values = [
        field(1, TYPES["Int32"]) + field(3, 192),
        field(1, TYPES["String"]) + field(2, 1),
        field(1, TYPES["PropertySet"]) + field(9, inner),
        field(1, TYPES["PropertySetList"]) + field(10, field(1, inner)),
    ]
    given = keys + b"".join(field(2, value) for value in values)
    (found,) = read(payload(metric(name="m", more=field(9, given))))["metrics"]
    one = [{"name": "k", "datatype": "Boolean", "value": True}]
    assert found["properties"] == [
        {"name": "q", "datatype": "Int32", "value": 192},
        {"name": "q", "datatype": "String", "value": None, "is_null": True},
        {"name": "set", "datatype": "PropertySet", "value": one},
        {"name": "sets", "datatype": "PropertySetList", "value": [one]},
        {"name": "alone"},
    ]


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(payload(seq=1, more=field(6, "extension")), id="an extension of the payload"),
        pytest.param(
            payload(metric(name="m", value=(EXTENSION, field(1, 5)))), id="an extension for a value"
        ),
        pytest.param(
            payload(metric(name="m", value=(INT, 1)) + field(50, 1)), id="an unknown field of a metric"
        ),
        pytest.param(payload(nested(24)), id="an extension in the deepest template"),
        pytest.param(field(3, 1) + field(3, 2), id="a field given twice"),
        pytest.param(field(3, 1) + field(1, 2), id="fields in another order"),
        pytest.param(
            payload(metric(value=(INT, 1)) + field(STRING, "x")), id="two values, of which one counts"
        ),
        pytest.param(b"\x18\x81\x00", id="a number in more bytes than it needs"),
        pytest.param(field(2, field(14, 2)), id="a boolean that is 2"),
        pytest.param(varint(3 << 3 | 2) + b"\x01a" + field(1, 1), id="a number written as a text"),
    ],
)
def test_what_the_json_does_not_tell_is_in_the_original(written: bytes) -> None:
    assert base64.b64decode(read(written)["original"]) == written


def test_what_the_json_tells_is_not_said_twice() -> None:
    """The control."""
    assert "original" not in read(payload(metric(name="m", datatype="Int8", value=(INT, 1)), at=1, seq=1))


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (b'{"json": true}', "sparkplug_not_protobuf"),
        (b"\x12\x05ab", "sparkplug_not_protobuf"),
        (b"\x18" + b"\xff" * 10 + b"\x01", "sparkplug_not_protobuf"),
        (payload(nested(25)), "sparkplug_nested_too_deep"),
        (field(100, "something else"), "sparkplug_nothing_known"),
        (payload(metric(name="x" * LARGEST)), "sparkplug_json_too_large"),
        (payload(metric(name="\0" * (LARGEST // 5))), "sparkplug_json_too_large"),
        (payload(metric(name="ä" * (LARGEST // 2))), "sparkplug_json_too_large"),
    ],
)
def test_what_cannot_be_a_record_has_a_reason(written: bytes, reason: str) -> None:
    assert Decoder(largest=LARGEST).decode(NODE, written) == Unreadable(reason)


def test_nesting_without_end_has_a_reason_whatever_protobufs_own_bound_is() -> None:
    """It is 100 messages, unless a library of the same process takes it away, as Pulumi does."""
    found = Decoder(largest=LARGEST).decode(NODE, payload(nested(1000)))
    assert isinstance(found, Unreadable)
    assert found.reason in ("sparkplug_not_protobuf", "sparkplug_nested_too_deep")


def test_a_record_may_be_exactly_as_large_as_it_may_be() -> None:
    written = payload(metric(name="ä", datatype="Int8", value=(INT, 1)))
    decoded = Decoder(largest=LARGEST).decode(NODE, written)
    assert isinstance(decoded, Decoded)
    assert isinstance(Decoder(largest=len(decoded.json)).decode(NODE, written), Decoded)
    assert isinstance(Decoder(largest=len(decoded.json) - 1).decode(NODE, written), Unreadable)


def test_a_long_name_that_is_meant_often_takes_no_more_memory_than_a_record() -> None:
    decoder = Decoder(largest=LARGEST)
    decoder.decode(BIRTH, node_birth(0, metric(name="x" * 20_000, alias=1, datatype="Int8")))
    written = payload(*[metric(alias=1, value=(INT, 1))] * 2000, seq=1)
    tracemalloc.start()
    try:
        decoded = decoder.decode(NODE, written)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert decoded == Unreadable("sparkplug_json_too_large")
    assert peak < 4 * LARGEST


def test_a_birth_whose_record_is_too_large_still_gives_names() -> None:
    decoder = Decoder(largest=200)
    decoded = decoder.decode(
        BIRTH, node_birth(0, *(metric(name=f"m{n}", alias=n, datatype="Int8") for n in range(20)))
    )
    assert isinstance(decoded, Unreadable)
    assert [birth.key for birth in decoded.births] == ["n"]
    data = decoder.decode(NODE, payload(metric(alias=7, value=(INT, 255)), seq=1))
    assert isinstance(data, Decoded)
    assert json.loads(data.json)["metrics"] == [{"name": "m7", "alias": 7, "datatype": "Int8", "value": -1}]
