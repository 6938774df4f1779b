"""Figures and health are served over HTTPS with the certificate that the files have now, and over HTTP without one."""

import os
import shutil
import ssl
import time
from collections.abc import Iterable
from pathlib import Path

import requests
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from images.worker.figures import Figures, Health, Page, counter, gauge
from images.worker.settings import Identity, Listen
from lab.certificates import Authority
from lab.ports import HOST


def some() -> Iterable[Metric]:
    yield counter("written", "Records.", {"raw": 3, "events": 1}, "topic")
    yield gauge("in_flight", "Messages.", 7)


def living(*, ready: bool = True) -> Health:
    return Health(lambda: ready, turned_at=time.monotonic())


def test_figures_are_prometheus_text() -> None:
    figures = Figures()
    figures.add(some)
    with Page(Listen(), figures, living()) as page:
        text = requests.get(f"http://{HOST}:{page.port}/metrics", timeout=10).text
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found == {
        ("worker_written_total", "raw"): 3,
        ("worker_written_total", "events"): 1,
        ("worker_in_flight",): 7,
    }


def test_health_is_a_loop_that_turns_and_readiness_more() -> None:
    def answers(health: Health) -> tuple[int, int]:
        with Page(Listen(), Figures(), health) as page:
            one, other = (
                requests.get(f"http://{HOST}:{page.port}/{path}", timeout=10)
                for path in ("healthz", "readyz")
            )
            assert requests.get(f"http://{HOST}:{page.port}/", timeout=10).status_code == 404
        return one.status_code, other.status_code

    assert answers(living()) == (200, 200)
    assert answers(living(ready=False)) == (200, 503)
    assert answers(Health(lambda: True, turned_at=time.monotonic() - 100)) == (503, 503)


def test_a_renewed_certificate_is_shown_once_both_files_are_there(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca", "Test CA")
    trust = str(authority.ensure())
    first, second = (authority.server(name, addresses=[HOST]) for name in ("first", "second"))
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"

    def put(source: Path, target: Path) -> None:
        shutil.copy(source, target.with_suffix(".new"))
        os.replace(target.with_suffix(".new"), target)

    put(first.certificate, certificate)
    put(first.key, key)
    listen = Listen(HOST, 0, Identity(certificate, key))
    with Page(listen, Figures(), living()) as page:

        def shown() -> str:
            assert requests.get(f"https://{HOST}:{page.port}/healthz", timeout=10, verify=trust).ok
            return ssl.get_server_certificate((HOST, page.port)).strip()

        assert first.certificate.read_text().startswith(shown())
        put(second.certificate, certificate)
        page.renew()
        assert first.certificate.read_text().startswith(shown())
        put(second.key, key)
        page.renew()
        assert second.certificate.read_text().startswith(shown())
