"""`sitectl capacity`: figures for people and for machines; a peak that is not carried is refused."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sitectl.main import main
from tests.unit.model.bad_sites import copy_of_stacks


@pytest.fixture(autouse=True)
def site_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of eagle-ford, in a program folder of the test's own."""
    (tmp_path / "Pulumi.yaml").write_text("name: iot-broker\n")
    copy_of_stacks(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "stacks" / "sites" / "eagle-ford.yaml"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["capacity", *arguments])


def with_peak(file: Path, messages: int) -> None:
    text = file.read_text(encoding="utf-8")
    load = f"broker:\n  load:\n    messages: {messages}/s\n"
    file.write_text(text.replace("broker:\n", load, 1), encoding="utf-8")


def test_each_figure_has_its_peak_and_what_is_carried(site_file: Path) -> None:
    with_peak(site_file, 6000)
    lines = run("eagle-ford").stdout.splitlines()
    assert ["messages", "6000/s", "40000/s", "15%", "28000/s"] in [line.split() for line in lines]
    assert not any("time to add" in line for line in lines)


def test_it_says_when_it_is_time_to_add_and_what(site_file: Path) -> None:
    with_peak(site_file, 30_000)
    result = run("eagle-ford")
    assert result.exit_code == 0
    assert "time to add: messages: raise broker.cores or broker.replicas" in result.stdout


def test_a_peak_that_is_not_carried_is_refused_with_the_remedy(site_file: Path) -> None:
    with_peak(site_file, 90_000)
    result = run("eagle-ford")
    assert result.exit_code == 1
    assert "give it more cores or replicas" in result.stderr


def test_the_figures_are_data_too(site_file: Path) -> None:
    with_peak(site_file, 30_000)
    data = json.loads(run("eagle-ford", "--json").stdout)
    assert (data["nodes"], data["nodesLeft"]) == (3, 2)
    figure = next(figure for figure in data["figures"] if figure["what"] == "messages")
    assert (figure["peak"], figure["carried"], figure["timeToAdd"]) == (30_000, 40_000, True)
    assert data["client"]["messages"] == 1000
    assert [row["cores"] for row in data["cores"]] == sorted(row["cores"] for row in data["cores"])


def test_a_site_that_does_not_exist_is_refused() -> None:
    assert "did you mean `eagle-ford`?" in run("eagle-frod").stderr


def test_topics_have_their_peak_partitions_and_replay(site_file: Path) -> None:
    with_peak(site_file, 6000)
    rows = [line.split() for line in run("eagle-ford").stdout.splitlines()]
    assert ["sparkplug", "4800/s", "6", "6", "7d"] in rows


def test_it_says_how_long_the_broker_holds_without_kafka_and_what_is_lost_then(site_file: Path) -> None:
    with_peak(site_file, 6000)
    text = run("eagle-ford").stdout
    assert "without Kafka: each node keeps 512MiB in its memory" in text
    assert "all that waits on a node that restarts" in text
    data = json.loads(run("eagle-ford", "--json").stdout)["withoutKafka"]
    assert data["lastsSeconds"] == data["bufferOfANode"] * 2 // data["bytes"]


def test_a_topic_that_was_made_for_less_is_named(site_file: Path) -> None:
    made = "streams:\n  topics:\n    - name: sparkplug\n      partitions: 3\n      made_with: 3\n"
    text = site_file.read_text(encoding="utf-8").replace("streams:\n", made, 1)
    site_file.write_text(text, encoding="utf-8")
    assert "too few partitions: sparkplug" in run("eagle-ford").stdout


def test_the_way_to_kafka_and_the_servers_beside_the_broker_have_their_figures(site_file: Path) -> None:
    with_peak(site_file, 6000)
    text = run("eagle-ford").stdout
    rows = [line.split() for line in text.splitlines()]
    assert ["bridged", "records", "6720/s", "16000/s", "42%", "11200/s"] in rows
    assert ["decisions", "267/s", "700/s", "38%", "490/s"] in rows
    assert any(row[:3] == ["records", "to", "Kafka"] for row in rows)
    assert "Kafka bridges (1 CPU, 512MiB)  5" in text
    data = json.loads(run("eagle-ford", "--json").stdout)
    assert [figure["what"] for figure in data["neighbours"]] == [
        "records to Kafka",
        "bridged records",
        "bridge connections",
        "decisions",
    ]
    assert data["bridges"] == 5
    assert {"name": "policy servers", "fewest": 2, "most": 2} in data["servers"]


def test_what_scales_itself_says_from_what_to_what_and_when() -> None:
    rows = [line.split() for line in run("baytown").stdout.splitlines()]
    assert ["policy", "servers", "3", "8", "70%", "of", "its", "cores"] in rows
    assert ["dashboard", "proxies", "2", "4", "70%", "of", "its", "cores"] in rows
    assert [entry["most"] for entry in json.loads(run("baytown", "--json").stdout)["servers"]] == [24, 8, 4]


def test_it_says_when_to_add_bridges(site_file: Path) -> None:
    written = "streams:\n  bridge:\n    replicas: 3\n    memory: 1GiB\n"
    text = site_file.read_text(encoding="utf-8").replace("streams:\n", written, 1)
    site_file.write_text(text, encoding="utf-8")
    words = "time to add: bridged records: raise streams.bridge.replicas or streams.bridge.cores"
    assert words in run("eagle-ford").stdout


def test_it_says_what_one_client_may_send_and_what_waits(site_file: Path) -> None:
    with_peak(site_file, 6000)
    words = "delivery: ordered: 200/s of one client go to Kafka at once; it may send 1000/s, and what is more waits"
    assert words in run("eagle-ford").stdout
    data = json.loads(run("eagle-ford", "--json").stdout)
    assert data["delivery"] == {"mode": "ordered", "recordsOfAClient": 200, "messagesOfAClient": 1000}
    assert data["withoutKafka"]["clientsWaitSeconds"] == 0


def test_where_clients_wait_for_kafka_it_is_said(site_file: Path) -> None:
    text = site_file.read_text(encoding="utf-8")
    site_file.write_text(text.replace("streams:\n", "streams:\n  delivery: awaited\n", 1), encoding="utf-8")
    shown = run("eagle-ford").stdout
    assert "it lasts 5s" in shown
    assert "each record after 5s, though it is acknowledged to its client then" in shown
    assert "Each client waits 5s for the acknowledgement of each message meanwhile." in shown


def test_it_says_for_how_long_a_reader_may_be_away(site_file: Path) -> None:
    with_peak(site_file, 6000)
    data = json.loads(run("eagle-ford", "--json").stdout)
    assert data["readers"]["sessions"] == 20
    assert data["readers"]["awaySeconds"] == pytest.approx(data["client"]["queue"] / 6000, abs=0.1)
    lines = [line.split() for line in run("eagle-ford").stdout.splitlines()]
    assert ["the", "whole", "site", f"{int(data['readers']['awaySeconds'])}s"] in lines
