"""EMQX's configuration is written as valid HOCON, whatever the values hold."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.emqx_configuration import document
from components.hocon import HoconError, render
from components.settings import Settings
from tests.support.hocon import NotRead, read
from tests.support.variants import EDITIONS, PHASES, Variants


def test_settings_are_written_one_a_line_in_the_order_given() -> None:
    text = render({"mqtt": {"peer_cert_as_username": "cn", "max_topic_levels": 8}, "enable": True})
    assert text == 'mqtt {\n  peer_cert_as_username = "cn"\n  max_topic_levels = 8\n}\nenable = true\n'


def test_a_placeholder_stays_a_placeholder() -> None:
    assert render({"username": "${username}"}) == 'username = "${username}"\n'


def test_a_yes_or_no_is_not_a_number() -> None:
    assert render({"on": True, "one": 1}) == "on = true\none = 1\n"


def test_a_decimal_has_no_exponent() -> None:
    assert render({"ratio": Decimal("0.50"), "many": Decimal("1E+3")}) == "ratio = 0.5\nmany = 1000\n"


def test_a_key_that_is_no_plain_word_is_quoted() -> None:
    assert render({"content-type": "x", "a.b": 1}) == '"content-type" = "x"\n"a.b" = 1\n'


def test_a_list_of_plain_values_is_one_line() -> None:
    assert render({"versions": ["tlsv1.3", "tlsv1.2"], "none": []}) == (
        'versions = ["tlsv1.3", "tlsv1.2"]\nnone = []\n'
    )


def test_a_list_of_maps_is_indented() -> None:
    assert render({"sources": [{"type": "http"}, {}]}) == (
        'sources = [\n  {\n    type = "http"\n  },\n  {}\n]\n'
    )


def test_a_value_without_a_form_is_refused_with_its_place() -> None:
    with pytest.raises(HoconError) as error:
        render({"listeners": {"ssl": None}})  # type: ignore[dict-item] # what the test is about
    assert error.value.path == "listeners.ssl"


@given(st.text())
def test_every_text_comes_back_as_it_was(text: str) -> None:
    written = render({"value": text}).removeprefix("value = ").removesuffix("\n")
    assert json.loads(written) == text


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("phase", PHASES)
def test_every_sites_configuration_is_read_back_as_it_was(
    phase: str, edition: str, variants: Variants, settings: Settings
) -> None:
    for site in variants(phase, edition):
        values = document(site, settings)
        assert read(render(values)) == values


@pytest.mark.parametrize(
    "text", ["a = ", "a = b", "a = {", "a = [1 2]", "a = 1\na = 2", "= 1", "a : 1", 'a = "${x}" # why']
)
def test_what_the_kit_does_not_write_is_not_read(text: str) -> None:
    with pytest.raises(NotRead):
        read(text)
