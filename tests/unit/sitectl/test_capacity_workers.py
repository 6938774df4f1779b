"""`sitectl capacity` of a site with workers: how many, what waits for them, and what is lost without Kafka."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from sitectl import capacity_workers
from sitectl.main import main
from tests.support.variants import PHASES, sites_with_worker, with_worker
from tests.unit.model.bad_sites import copy_of_stacks


@pytest.fixture(autouse=True)
def site_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of eagle-ford with workers, in a program folder of the test's own."""
    (tmp_path / "Pulumi.yaml").write_text("name: iot-broker\n")
    copy_of_stacks(tmp_path)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "stacks" / "sites" / "eagle-ford.yaml"
    say(file)
    return file


def say(file: Path, **said: Any) -> None:
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    known = document["streams"].get("worker")
    changed = document if known is not None else with_worker(document, **said)
    changed["streams"]["worker"] = said
    file.write_text(yaml.safe_dump(changed, sort_keys=False), encoding="utf-8")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["capacity", "eagle-ford", *arguments])


def test_workers_stand_among_figures_and_servers() -> None:
    text = run().stdout
    rows = [line.split() for line in text.splitlines()]
    # Three, one of which may be lost: two times 8,000, and 70% of it; the mirror's is one.
    assert ["worker", "records", "6780/s", "16000/s", "42%", "11200/s"] in rows
    assert ["OT", "worker", "records", "120/s", "8000/s", "2%", "5600/s"] in rows
    assert "workers to Kafka (1 CPU, 512MiB)    3" in text
    assert "OT mirror's worker (1 CPU, 512MiB)  1" in text
    assert "bridge" not in text


def test_it_says_what_waits_for_how_long_and_what_is_lost_then() -> None:
    text = run().stdout
    # An eighth of 4 GiB has 2 KiB for each message, and four sessions may be on one node: 262,144 / 4 messages.
    assert "the broker keeps 65536 messages for each worker, up to 512MiB in a node's memory" in text
    # 3 * 65,536 / 6,780 = 28.99, in whole seconds.
    assert "6780 come in a second at the peak: it lasts 28s" in text
    assert "all that waits in the sessions of a node that restarts or is lost" in text
    assert "A worker that is away for 2h loses all that waits for it." in text


def test_workers_are_data_too() -> None:
    data = json.loads(run("--json").stdout)
    assert data["workers"]["number"] == data["workers"]["needed"] == 3
    assert data["workers"]["waitingForAll"] == 3 * data["workers"]["waitingForOne"]
    assert data["workers"]["sessionExpirySeconds"] == 7200
    assert data["bridges"] is None
    assert data["withoutKafka"]["keptOn"] == "sessions"
    assert data["withoutKafka"]["lastsSeconds"] == data["workers"]["waitingForAll"] // 6780
    assert [figure["what"] for figure in data["neighbours"]] == [
        "records to Kafka",
        "worker records",
        "OT worker records",
        "decisions",
    ]


def test_beside_the_former_way_both_are_shown(site_file: Path) -> None:
    document = yaml.safe_load(site_file.read_text(encoding="utf-8"))
    users = [user for user in document["streams"]["users"] if not user.get("remove")]
    document["streams"] |= {"worker": {"beside": True}, "users": users}
    site_file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    data = json.loads(run("--json").stdout)
    assert data["bridges"]
    assert data["workers"]["number"] == 3
    assert data["withoutKafka"]["keptOn"] == "memory"
    assert [figure["what"] for figure in data["neighbours"]] == [
        "records to Kafka",
        "bridged records",
        "bridge connections",
        "worker records",
        "OT worker records",
        "decisions",
    ]
    said = run().stdout
    assert "without Kafka: each node keeps" in said
    assert "without Kafka: the broker keeps" in said
    assert "Kafka bridges (" in said
    assert "workers to Kafka (" in said


def test_it_says_when_to_add_workers(site_file: Path) -> None:
    # The peak of 6,780 is more than 70% of the 8,000 that are carried with one of the two lost.
    say(site_file, replicas=2)
    assert "time to add: worker records: raise streams.worker.replicas, or leave it out" in run().stdout


def test_too_few_for_the_peak_are_refused_with_the_remedy(site_file: Path) -> None:
    # On half a core one carries 4,000, and twice the peak is 13,560: four, and one to lose.
    say(site_file, replicas=2, cores=0.5)
    result = run()
    assert result.exit_code == 1
    assert "write 5 or more, or leave it out" in result.stderr


@pytest.mark.parametrize("phase", PHASES)
def test_the_incumbents_bridge_is_one_client(
    phase: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for site in sites_with_worker(tmp_path / "variants", phase):
        capacity_workers.write(site)
        told = "it waits for one worker, which carries 8000/s" in capsys.readouterr().out
        assert told == (phase == "parallel")


def test_a_site_without_workers_has_none_in_its_data() -> None:
    result = CliRunner().invoke(main, ["capacity", "north-cormorant", "--json"])
    assert json.loads(result.stdout)["workers"] is None
