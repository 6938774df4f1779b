"""What the phase and the incumbent's state make of a site: bridge, consumers, retention, windows, topic spaces."""

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest

from model import Site, load_site
from model.calendar import Day
from model.estate import load_estate
from model.load import Stacks
from model.network import Cidr
from model.units import Duration, Money, UnitError
from tests.support.variants import Variants

COMPONENTS = Path(__file__).parents[3] / "components"


def eagle_ford(variants: Variants, phase: str) -> Site:
    return next(site for site in variants(phase) if site.name == "eagle-ford")


@pytest.mark.parametrize(
    ("phase", "bridge", "dashboards", "historian"),
    [
        ("pilot", "none", "primary", "waiting"),
        ("parallel", "ingress", "primary", "shadow"),
        ("cutover", "egress", "primary", "primary"),
    ],
)
def test_a_phase_says_where_the_bridge_leads_and_who_reads(
    phase: str, bridge: str, dashboards: str, historian: str, variants: Variants
) -> None:
    site = eagle_ford(variants, phase)
    assert site.bridge == bridge
    assert (site.consumption("dashboards"), site.consumption("historian")) == (dashboards, historian)


def test_a_retired_incumbent_has_no_bridge(data: Path) -> None:
    file = data / "sites" / "eagle-ford.yaml"
    text = file.read_text().replace("phase: pilot", "phase: cutover")
    file.write_text(text.replace("incumbent:\n", "incumbent:\n  state: retired\n"))
    assert load_site(data, "eagle-ford").bridge == "none"


def test_no_component_asks_for_a_phase_by_name() -> None:
    for file in sorted(COMPONENTS.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Compare | ast.Match):
                named = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
                assert not named & {"pilot", "parallel", "cutover"}, f"{file.name}:{node.lineno}"


def test_a_retention_that_data_relies_on_is_never_lowered(data: Path) -> None:
    file = data / "sites" / "eagle-ford.yaml"
    file.write_text(file.read_text() + "\nretention:\n  relied_on: 180d\n")
    retention = load_site(data, "eagle-ford").retention
    assert (retention.hot, retention.hot_in_effect) == (Duration.parse("30d"), Duration.parse("180d"))


def test_a_window_opens_in_its_own_time_zone(data: Path) -> None:
    change = load_site(data, "eagle-ford").change
    # 08:00 to 15:00 in Chicago, which is six hours behind in winter.
    assert change.open_window(datetime(2026, 11, 24, 13, 59, tzinfo=UTC)) is None
    assert change.open_window(datetime(2026, 11, 24, 14, 0, tzinfo=UTC)) is not None
    assert change.open_window(datetime(2026, 11, 24, 20, 59, tzinfo=UTC)) is not None
    assert change.open_window(datetime(2026, 11, 24, 21, 0, tzinfo=UTC)) is None
    assert change.open_window(datetime(2026, 11, 27, 16, 0, tzinfo=UTC)) is None  # a Friday


def test_a_freeze_holds_to_the_end_of_its_last_day(data: Path) -> None:
    change = load_site(data, "eagle-ford").change
    assert change.freeze_at(datetime(2027, 1, 5, 5, 59, tzinfo=UTC)) is not None  # still the 4th in Chicago
    assert change.freeze_at(datetime(2027, 1, 5, 6, 0, tzinfo=UTC)) is None


def test_topic_spaces_are_unique_over_all_sites(data: Path) -> None:
    file = data / "sites" / "baytown.yaml"
    text = file.read_text()
    file.write_text(
        text.replace("  - name: crude-unit\n", "  - name: crude-unit\n    topic_space: eagle-ford\n")
    )
    errors = load_estate(data).errors
    assert {(error.file.name, error.key.split(".")[0]) for error in errors} == {("eagle-ford.yaml", "assets")}
    assert "lies within a topic space of baytown" in errors[0].problem
    assert load_estate(data, ["north-cormorant"]).errors == ()


@pytest.mark.parametrize("text", ["180000", "180000USD", "180,000 USD", "1.234 EUR", "-1 USD", "1 usd", "$1"])
def test_what_is_no_amount_of_money_is_refused(text: str) -> None:
    with pytest.raises(UnitError, match="180000 USD"):
        Money.parse(text)


def test_money_is_written_as_it_is_read() -> None:
    assert [str(Money.parse(text)) for text in ("180000 USD", "99.50 EUR")] == ["180000 USD", "99.50 EUR"]


def test_ranges_of_one_family_overlap_and_of_two_do_not() -> None:
    wide, narrow, other = (Cidr.parse(text) for text in ("10.0.0.0/8", "10.1.2.0/24", "fd00::/8"))
    assert wide.overlaps(narrow)
    assert narrow.overlaps(wide)
    assert not wide.overlaps(other)
    assert str(Day.parse("2026-08-24")) == "2026-08-24"


def test_what_the_sample_sites_state_is_theirs_alone(data: Path) -> None:
    stacks = Stacks(data)
    for name in stacks.names():
        tree = stacks.layers(name).tree
        assert tree is not None
        assert tree.entries["network"].origin.file.parent.name == "sites"


@pytest.mark.parametrize("scope", ["[pad-kenedy-12]", "all"])
def test_a_site_with_one_asset_begins_with_all_of_it(data: Path, scope: str) -> None:
    file = data / "sites" / "eagle-ford.yaml"
    text = file.read_text()
    first, rest = text.index("  - name: pad-kenedy-14"), text.index("\n# The pilot listens")
    text = text[:first] + text[rest:]
    text = text.replace("assets: [separator-runge]", "assets: [pad-kenedy-12]")
    file.write_text(text.replace("scope: [pad-kenedy-12, separator-runge]", f"scope: {scope}"))
    site = load_site(data, "eagle-ford")
    assert site.phase == "pilot"
    assert site.assets_in_scope == ("pad-kenedy-12",)
