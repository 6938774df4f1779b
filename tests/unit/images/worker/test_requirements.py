"""The image has what the program imports, in the versions that the tests run with."""

import ast
import re
import sys
import tomllib

from paho.mqtt import client as mqtt

from images.worker.client import Client
from tests.support.shell import REPOSITORY

PROGRAM = REPOSITORY / "images" / "worker"
PINNED = re.compile(r"^([\w-]+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.M)
NAMES = {
    "confluent-kafka": "confluent_kafka",
    "paho-mqtt": "paho",
    "protobuf": "google",
    "prometheus-client": "prometheus_client",
}


def pinned() -> dict[str, tuple[str, set[str]]]:
    text = (PROGRAM / "requirements.txt").read_text(encoding="utf-8")
    return {
        name: (version, set(re.findall(r"sha256:\w+", hashes)))
        for name, version, hashes in PINNED.findall(text)
    }


def test_the_images_libraries_are_those_of_the_lock_file() -> None:
    lock = tomllib.loads((REPOSITORY / "uv.lock").read_text(encoding="utf-8"))
    locked = {
        package["name"]: (
            package["version"],
            {
                file["hash"]
                for file in (*package["wheels"], *([package["sdist"]] if "sdist" in package else []))
            },
            package.get("dependencies", []),
        )
        for package in lock["package"]
        if package["name"] in NAMES
    }

    assert {name: (*found, []) for name, found in pinned().items()} == locked


def test_the_program_imports_what_the_image_has_and_itself() -> None:
    allowed = {*sys.stdlib_module_names, *NAMES.values()}
    for file in sorted(PROGRAM.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                own = name == "images.worker" or name.startswith("images.worker.")
                assert own or name.split(".")[0] in allowed, f"{file.name} imports {name}"


def test_paho_has_the_parts_that_the_client_stands_on() -> None:
    base = mqtt.Client
    for name in ("_sock_recv", "_sock_close", "_loop_rc_handle", "_packet_queue", "_packet_handle"):
        assert callable(getattr(base, name)), name
    for name in ("_handle_publish", "_handle_pubrel"):
        assert getattr(Client, name) is not getattr(base, name)
    made = Client("worker", lambda _: None, lambda _: None)
    assert {"command", "remaining_length", "packet"} <= set(made._in_packet)
    assert made._last_bytes_received > 0
    with made._msgtime_mutex:
        assert made.socket() is None
