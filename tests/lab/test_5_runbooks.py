"""What a runbook says to type is typed, page by page, at the lab's site: each command works there.

What only a container answers is asked of a stand-in, once Kubernetes has found the pod and the container
(`runbook_program.sh`). What other tests run, and why not these, is in `runbook_scenes.py`; everything else is run.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlencode

import pytest
from confluent_kafka import OFFSET_END, Producer, TopicPartition

from lab.estate import Estate
from lab.progress import Silent
from lab.tools import ensure
from model import Site
from tests.support import servers
from tests.support.emqx_ctl import is_understood
from tests.support.front import Front
from tests.support.runbook_dashboard import serving
from tests.support.runbook_scenes import ELSEWHERE, HEAD, SCENES, SITE_IN_SERVICE
from tests.support.runbooks import PAGES, RUNBOOKS, SITE, Reader, Scene, queries, reader, script, steps
from tests.support.shell import Shell

Headers: TypeAlias = list[tuple[str, str | bytes | None]]


@pytest.fixture(scope="module")
def on_call(
    deployed: Shell, site: Site, estate: Estate, front: Front, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reader]:
    """A person on call, with the files that the index names, at a site where everything is in service."""
    folder = tmp_path_factory.mktemp("on-call")
    pair, _ = front.issued("server", site.dashboard_host, "1h")
    tools = ensure({"kafka", "java"}, Silent())
    with serving(pair.chain, pair.key, folder / "asked") as port:
        more = {
            "RUNBOOK_OPEN_PORT": str(front.ports["mqtts"]),
            "RUNBOOK_DASHBOARD": f"{site.dashboard_host}:18084:127.0.0.1:{port}",
            "RUNBOOK_JAVA": str(tools["java"] / "bin" / "java"),
            "RUNBOOK_KAFKA": str(tools["kafka"] / "libs"),
        }
        made = reader(deployed, folder, more)
        index = steps((RUNBOOKS / "README.md").read_text(encoding="utf-8"))
        works(made, "\n".join(step.text for step in index if not step.inline))
        with records(deployed, estate, folder / "client.properties"), set_up(made, SITE_IN_SERVICE):
            yield made


@contextlib.contextmanager
def records(deployed: Shell, estate: Estate, properties: Path) -> Iterator[None]:
    """Write what a store refused, a node's birth, and the login of who may read them; the records are removed."""
    administrator = estate.kafka_administrator()
    user, password = administrator.user, administrator.password_file.read_text()
    properties.touch(mode=0o600)
    properties.write_text(
        "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n"
        f"ssl.truststore.type=PEM\nssl.truststore.location={deployed.authority}\n"
        "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
        f'username="{user}" password="{password}";\n'
    )
    refused: Headers = [
        ("name", "pump-1"),
        ("device", "pump-1"),
        ("reason", "not_json"),
        ("__connect.errors.exception.message", "the value is not JSON"),
    ]
    born: Headers = [("topic", f"spBv1.0/{SITE}/NBIRTH/pad-12")]
    written = {f"{SITE}.dead-letter": (b"4.2", refused), f"{SITE}.events": (b"{}", born)}
    producer = Producer(servers.kafka(deployed, user, password))
    for topic, (value, headers) in written.items():
        producer.produce(topic, value, partition=0, headers=headers)
    assert producer.flush(30) == 0
    try:
        yield
    finally:
        kafka = servers.kafka_admin(deployed, user, password)
        ends = [TopicPartition(topic, 0, OFFSET_END) for topic in written]
        for done in kafka.delete_records(ends).values():
            done.result(30)


@contextlib.contextmanager
def set_up(on_call: Reader, scene: Scene) -> Iterator[None]:
    """Make what the situation has, and take it away."""
    try:
        works(on_call, scene.before)
        yield
    finally:
        works(on_call, scene.after)


def works(on_call: Reader, part: str) -> None:
    """Run a part of a scene, which has to go well."""
    failures, _ = on_call.follow(f"{HEAD}\n{part}") if part else ([], None)
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_runbook_says_works(page: Path, on_call: Reader) -> None:
    scene = SCENES.get(page.stem, Scene())
    with set_up(on_call, scene):
        failures, outcome = on_call.follow(script(page.read_text(encoding="utf-8"), scene, ELSEWHERE))
        asked = on_call.asked
    assert not failures, "\n".join([*failures, "---", outcome.text])
    assert [words for words in asked if not is_understood(words.removeprefix("ctl "))] == []
    assert [words for words in scene.prints if words not in outcome.text] == [], outcome.text


@pytest.mark.parametrize(
    "query", [query for page in PAGES for query in queries(page.read_text(encoding="utf-8"))]
)
def test_prometheus_takes_what_a_runbook_asks_it(query: str, deployed: Shell) -> None:
    answer = servers.prometheus(deployed).ask("GET", f"/query?{urlencode({'query': query})}")
    assert answer.status == 200, answer.text


@pytest.mark.parametrize(
    ("command", "said"),
    {
        "k get nonsense": "ended with 1: kubectl",
        "k get pods --selector app=none": "finds nothing: kubectl",
        "k get pods | grep nothing-like-it": "finds nothing: grep",
        "k logs --selector apps.emqx.io/instance=broker --container other": "is not asked of any container",
        "k top pod --selector app=none": "finds no pod",
        "k exec pod/none --container emqx -- emqx ctl broker stats": "is not asked of any container",
        "k port-forward service/opa 8182 &": "has no port 8182",
        "kubectl --namespace iot-$SITE port-forward service/opa 8181 &\nsleep 1": "is left running",
        "cmctl renew other-tls --namespace iot-$SITE": "ended with 1: cmctl",
        "vault read nonsense/of/nothing | head": "ended with 2: vault",
        "sitectl explain $SITE nonsense": "sitectl explain eagle-ford nonsense",
        "frobnicate the broker": "no program: frobnicate the broker",
        "cat < nothing.txt": "No such file",
    }.items(),
)
def test_a_command_that_does_not_work_fails_its_page(command: str, said: str, on_call: Reader) -> None:
    head = 'SITE=eagle-ford\nk() { kubectl --namespace "iot-$SITE" "$@"; }\n'
    page = f"# Page\n\n```sh\n{head}{command}\n```\n"
    failures, _ = on_call.follow(script(page, Scene(), ELSEWHERE))
    assert any(said in line for line in failures), failures
