"""The readiness probe of a rollout at the site's real door: it finds the door ready, or says what is missing."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from components import names
from lab.certificates import Authority, KeyPair
from lab.mqtt import Door, running
from lab.progress import Silent
from lab.tools import ensure
from model import Site
from tests.support.front import Front


@pytest.fixture(scope="module")
def probe(
    front: Front, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[int, str]]:
    """Run the readiness probe as its Job does, with the certificates that cert-manager would have asked for."""
    folder = tmp_path_factory.mktemp("probe")
    (job,) = front.shell.all("job", site.namespace, "app.kubernetes.io/component=probe")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    own, _ = front.issued("probe", names.probe_name(site), "1h")
    foreign = Authority(folder / "elsewhere", "Another")
    foreign.ensure()
    strange = foreign.client("stranger", names.probe_name(site))
    mounted = {"identity": (own.chain, own.key), "stranger": (strange.certificate, strange.key)}
    for name, (chain, key) in mounted.items():
        (folder / name).mkdir()
        (folder / name / "tls.crt").write_bytes(chain.read_bytes())
        (folder / name / "tls.key").write_bytes(key.read_bytes())
    (folder / "trust").mkdir()
    (folder / "trust" / names.TRUST_SITE).write_bytes(front.trust.read_bytes())
    (folder / "program").mkdir()
    program = front.shell.get("configmap", names.BROKER_PROBE, site.namespace)["data"]
    for name, text in program.items():
        (folder / "program" / name).write_text(text)
    _, script, *arguments = [part.replace("/probe/", f"{folder}/") for part in container["command"]]

    def run(**changed: str) -> tuple[int, str]:
        told = dict(argument.removeprefix("--").split("=", 1) for argument in arguments)
        told |= {
            "address": f"127.0.0.1:{front.ports['mqtts']}",
            "token-address": f"127.0.0.1:{front.ports['wss']}",
            "server-name": site.mqtt_host,
            "pause": "0.2",
        }
        told |= {
            name.replace("_", "-"): value.replace("{folder}", str(folder)) for name, value in changed.items()
        }
        line = [sys.executable, script, *(f"--{name}={value}" for name, value in told.items())]
        done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout.strip().splitlines()[-1]

    return run


def test_the_readiness_probe_finds_the_door_ready(probe: Callable[..., tuple[int, str]]) -> None:
    code, said = probe()
    assert code == 0, said
    assert "the site's own identity comes in and reads, and nobody else does" in said


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"identity": "{folder}/stranger"}, "the test identity is not let in"),
        ({"may_read": "another-site/readiness"}, "the test identity may not read another-site/readiness"),
        ({"server_name": "mqtt.elsewhere.example"}, "the broker's own certificate is not believed"),
        ({"address": "127.0.0.1:1"}, "nothing answers at 127.0.0.1:1"),
        ({"token_address": "127.0.0.1:1"}, "nothing answers at 127.0.0.1:1"),
    ],
)
def test_the_readiness_probe_names_what_is_missing(
    changed: dict[str, str], missing: str, probe: Callable[..., tuple[int, str]]
) -> None:
    code, said = probe(within="1", **changed)
    assert code == 1
    assert said.startswith(f"not ready within 1 s: {missing}")


def test_the_readiness_probe_comes_with_a_right_token_where_it_has_one(
    probe: Callable[..., tuple[int, str]], token: str, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(token)
    code, said = probe(token_user="operator-1", token_file=str(file))
    assert code == 0, said
    code, said = probe(token_user="operator-2", token_file=str(file), within="1")
    assert code == 1
    assert said.startswith("not ready within 1 s: the token of operator-2 is not taken")


def test_the_readiness_probe_does_not_wait_where_a_wrong_token_comes_in(
    probe: Callable[..., tuple[int, str]], front: Front
) -> None:
    pair, _ = front.issued("server", front.site.mqtt_host, "1h")
    open_door = Door(KeyPair(pair.chain, pair.key), authenticates=False, web_socket=True)
    program = ensure({"mqtt"}, Silent())["mqtt"] / "mqtt"
    folder = Path(tempfile.mkdtemp(dir=front.folder))
    with running(program, folder, {"wss": open_door}, {}) as ports:
        code, said = probe(token_address=f"127.0.0.1:{ports['wss']}")
    assert code == 1
    assert said == "unsafe: the broker lets in a client with a wrong token, and lets it read"


def test_the_readiness_probe_does_not_wait_where_a_stranger_comes_in(
    probe: Callable[..., tuple[int, str]],
) -> None:
    code, said = probe(stranger="{folder}/identity")
    assert code == 1
    assert said == "unsafe: the broker lets in a certificate of an authority that is not the site's"
