"""Official plugins come first; stand-ins fill the rest and are told apart."""

import os
import sys
from pathlib import Path

import pytest

from lab.plugins.install import VERSION_VARIABLE, install, provider_version, reported_version
from tests.support.shell import REPOSITORY


@pytest.fixture(autouse=True)
def _nothing_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def official(folder: Path, name: str, text: str = "#!/bin/sh\necho official\n") -> Path:
    program = folder / name
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(text)
    program.chmod(0o755)
    return program


def provider(folder: Path, version: str) -> Path:
    """A program that speaks a provider's protocol and reports a version, as an official plugin does."""
    text = (
        f'#!/bin/sh\ncd "{REPOSITORY}"\n{VERSION_VARIABLE}={version}\nexport {VERSION_VARIABLE}\n'
        f'exec "{sys.executable}" -m lab.plugins.vault "$@"\n'
    )
    return official(folder, "pulumi-resource-vault", text)


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
    program = provider(tmp_path / "user" / "plugins" / folder, provider_version("vault"))
    report = {item.name: item for item in install(tmp_path / "home", tmp_path / "user")}
    linked = tmp_path / "home" / "plugins" / folder / "pulumi-resource-vault"
    assert report["vault"].official
    assert linked.resolve() == program
    assert not report["keycloak"].official


def test_an_official_plugin_at_another_version_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its folder is called, and also on the PATH, where no name says a version."""
    folder = f"resource-vault-v{provider_version('vault')}"
    provider(tmp_path / "user" / "plugins" / folder, "0.0.1")
    other = provider(tmp_path / "bin", "0.0.1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert reported_version(other) == "0.0.1"
    report = {item.name: item for item in install(tmp_path / "home", tmp_path / "user")}
    assert not report["vault"].official


def test_what_is_no_plugin_is_not_taken_for_one(tmp_path: Path) -> None:
    assert reported_version(official(tmp_path, "pulumi-resource-vault")) is None


def test_the_users_plugins_are_where_pulumi_home_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = f"resource-vault-v{provider_version('vault')}"
    provider(tmp_path / "mine" / "plugins" / folder, provider_version("vault"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "mine"))
    report = {item.name: item for item in install(tmp_path / "home")}
    assert report["vault"].official


def test_an_official_language_host_on_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = official(tmp_path / "bin", "pulumi-language-python")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert install(tmp_path / "home", tmp_path / "user")[0].path == program


def test_a_stand_in_gives_way_to_an_official_plugin_that_appears(tmp_path: Path) -> None:
    install(tmp_path / "home", tmp_path / "user")
    folder = f"resource-vault-v{provider_version('vault')}"
    program = provider(tmp_path / "user" / "plugins" / folder, provider_version("vault"))
    install(tmp_path / "home", tmp_path / "user")
    installed = tmp_path / "home" / "plugins" / folder / "pulumi-resource-vault"
    assert installed.resolve() == program


def test_installing_again_changes_nothing(tmp_path: Path) -> None:
    first = install(tmp_path / "home", tmp_path / "user")
    times = [item.path.stat().st_mtime_ns for item in first]
    assert [item.path.stat().st_mtime_ns for item in install(tmp_path / "home", tmp_path / "user")] == times
