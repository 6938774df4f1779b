"""A command-line tool that hangs is a finding of the preflight, never a traceback."""

from pathlib import Path

import pytest

from model import load_site
from sitectl.checks import kubectl, kubernetes, pulumi
from tests.support.shell import REPOSITORY


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder at the front of the PATH in which both tools never answer."""
    for name in ("pulumi", "kubectl"):
        (tmp_path / name).write_text("#!/bin/sh\nexec sleep 60\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(pulumi, "PATIENCE", 0.1)
    monkeypatch.setattr(kubectl, "PATIENCE", 0.1)
    return tmp_path


def test_a_pulumi_that_hangs_is_a_finding(hanging: Path) -> None:
    (finding,) = pulumi.check(hanging, "eagle-ford")
    assert finding.detail == "`pulumi version` gave no answer within 0.1 s"
    assert not finding.passed


@pytest.mark.usefixtures("hanging")
def test_a_kubectl_that_hangs_is_a_finding() -> None:
    (finding,) = kubernetes.check(load_site(REPOSITORY / "stacks", "eagle-ford"), "site")
    assert finding.detail == "`kubectl get` gave no answer within 0.1 s"
    assert not finding.passed
