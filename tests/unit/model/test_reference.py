"""The reference of the site files is as fresh as the model, and names every key."""

from model.reference import REFERENCE_FILE, written_reference
from model.schema import site_schema


def test_the_reference_is_fresh() -> None:
    assert REFERENCE_FILE.read_text(encoding="utf-8") == written_reference()


def test_every_key_of_every_part_is_in_it() -> None:
    schema = site_schema()
    text = written_reference()
    for part in (schema, *schema["$defs"].values()):
        for key, field in part["properties"].items():
            described = field.get("description", "")
            assert f"| `{key}` |" in text
            assert described in text
