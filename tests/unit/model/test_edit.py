"""Setting one value leaves every other byte of a file as it was."""

import pytest
import yaml

from model.edit import NotEditableError, set_value

TEXT = """# A site
name: a  # its name

incumbent:
  # the old one
  state: egress   # until it is retired
  inline: {a: 1}
list: [1, 2]
"""


def test_a_value_is_replaced_in_its_place() -> None:
    assert set_value(TEXT, ("name",), "b") == TEXT.replace("name: a ", "name: b ")
    changed = set_value(TEXT, ("incumbent", "state"), "retired")
    assert changed == TEXT.replace("state: egress ", "state: retired ")


@pytest.mark.parametrize("path", [("name",), ("incumbent", "port"), ("incumbent", "inline", "b")])
def test_a_byte_order_mark_stays_and_shifts_nothing(path: tuple[str, ...]) -> None:
    assert set_value(f"\ufeff{TEXT}", path, "2") == f"\ufeff{set_value(TEXT, path, '2')}"


def test_letters_of_more_than_one_byte_shift_nothing() -> None:
    assert set_value("title: Überström 😀\nname: a\n", ("name",), "b") == "title: Überström 😀\nname: b\n"


def test_what_is_missing_is_added_where_it_belongs() -> None:
    assert set_value(TEXT, ("incumbent", "port"), "8883").count("  port: 8883\n") == 1
    assert yaml.safe_load(set_value(TEXT, ("incumbent", "inline", "b"), "2"))["incumbent"]["inline"] == {
        "a": 1,
        "b": 2,
    }
    added = set_value(TEXT, ("retention", "relied_on"), "180d")
    assert added.startswith(TEXT)
    assert yaml.safe_load(added)["retention"] == {"relied_on": "180d"}
    for line in TEXT.splitlines():
        assert line in added.splitlines()


@pytest.mark.parametrize("text", ["- a\n", "3\n", ""])
def test_a_file_that_is_no_map_is_refused(text: str) -> None:
    with pytest.raises(NotEditableError):
        set_value(text, ("name",), "b")


@pytest.mark.parametrize("path", [("list",), ("name", "first"), ("incumbent",)])
def test_something_else_than_a_value_is_refused(path: tuple[str, ...]) -> None:
    with pytest.raises(NotEditableError, match="cannot be set by itself"):
        set_value(TEXT, path, "x")
