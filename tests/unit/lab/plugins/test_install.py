"""Official plugins come first; stand-ins fill the rest and are told apart."""

import os
import subprocess
from pathlib import Path

import pytest

from lab.plugins.install import install, provider_version


@pytest.fixture(autouse=True)
def _nothing_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def official(folder: Path, name: str) -> Path:
    program = folder / name
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("#!/bin/sh\necho official\n")
    program.chmod(0o755)
    return program


def test_without_official_plugins_everything_is_stood_in_for(tmp_path: Path) -> None:
    report = install(tmp_path / "home", tmp_path / "user")
    assert [(item.name, item.official) for item in report] == [
        ("pulumi-language-python", False),
        ("kubernetes", False),
        ("vault", False),
        ("keycloak", False),
    ]
    assert all(os.access(item.path, os.X_OK) for item in report)


def test_an_official_plugin_at_the_sdks_version_is_used(tmp_path: Path) -> None:
    folder = f"resource-vault-v{provider_version('vault')}"
    program = official(tmp_path / "user" / "plugins" / folder, "pulumi-resource-vault")
    report = {item.name: item for item in install(tmp_path / "home", tmp_path / "user")}
    linked = tmp_path / "home" / "plugins" / folder / "pulumi-resource-vault"
    assert report["vault"].official
    assert linked.resolve() == program
    assert not report["keycloak"].official


def test_an_official_plugin_at_another_version_is_not(tmp_path: Path) -> None:
    official(tmp_path / "user" / "plugins" / "resource-vault-v0.0.1", "pulumi-resource-vault")
    report = {item.name: item for item in install(tmp_path / "home", tmp_path / "user")}
    assert not report["vault"].official


def test_an_official_language_host_on_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = official(tmp_path / "bin", "pulumi-language-python")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert install(tmp_path / "home", tmp_path / "user")[0].path == program


def test_a_stand_in_gives_way_to_an_official_plugin_that_appears(tmp_path: Path) -> None:
    install(tmp_path / "home", tmp_path / "user")
    folder = f"resource-vault-v{provider_version('vault')}"
    official(tmp_path / "user" / "plugins" / folder, "pulumi-resource-vault")
    install(tmp_path / "home", tmp_path / "user")
    installed = tmp_path / "home" / "plugins" / folder / "pulumi-resource-vault"
    said = subprocess.run([installed], capture_output=True, text=True, check=True).stdout
    assert said == "official\n"


def test_installing_again_changes_nothing(tmp_path: Path) -> None:
    first = install(tmp_path / "home", tmp_path / "user")
    times = [item.path.stat().st_mtime_ns for item in first]
    assert [item.path.stat().st_mtime_ns for item in install(tmp_path / "home", tmp_path / "user")] == times
