"""Whoever is woken finds a page for the alert, and what it says to paste is at least a shell's."""

import re
import subprocess
from pathlib import Path

import pytest

from components.broker_alerts import alerts
from model import load_site, site_names

REPOSITORY = Path(__file__).parents[3]
RUNBOOKS = REPOSITORY / "runbooks"
STACKS = REPOSITORY / "stacks"
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
PAGES = sorted(path for path in RUNBOOKS.glob("*.md") if path.stem[0].isupper() and path.stem != "README")


@pytest.fixture(params=PAGES, ids=lambda path: path.stem)
def page(request: pytest.FixtureRequest) -> str:
    path: Path = request.param
    return path.read_text(encoding="utf-8")


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    named = {alert.name for site in site_names(STACKS) for alert in alerts(load_site(STACKS, site))}
    assert {path.stem for path in PAGES} == named


def test_a_page_is_titled_as_its_alert() -> None:
    for path in PAGES:
        assert path.read_text(encoding="utf-8").startswith(f"# {path.stem}\n")


def test_a_page_has_the_four_sections_in_their_order(page: str) -> None:
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == SECTIONS


def test_a_page_gives_commands_to_paste_for_diagnosis(page: str) -> None:
    assert "```sh\n" in page.split("## Diagnosis")[1].split("## Mitigation")[0]


def test_its_commands_are_a_shells(page: str) -> None:
    commands = "\n".join(re.findall(r"^ *```sh\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL))
    checked = subprocess.run(["bash", "-n"], input=commands, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_its_links_lead_to_pages(page: str) -> None:
    assert [link for link in re.findall(r"\]\(([^)]+\.md)\)", page) if not (RUNBOOKS / link).exists()] == []
