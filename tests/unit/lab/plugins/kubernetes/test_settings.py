"""Where the kubernetes stand-in finds its server, and what it refuses."""

from pathlib import Path

import pytest

from lab.plugins.errors import SettingsError
from lab.plugins.kubernetes.kubeconfig import access
from lab.plugins.kubernetes.provider import KubernetesProvider

CONFIG = """
apiVersion: v1
kind: Config
current-context: lab
clusters:
- {name: lab, cluster: {server: "http://127.0.0.1:1/"}}
- {name: two, cluster: {server: "http://127.0.0.1:2"}}
- {name: three, cluster: {server: "http://127.0.0.1:3"}}
users: [{name: admin, user: {tokenFile: token}}, {name: shell, user: {exec: {command: x}}}]
contexts:
- {name: lab, context: {cluster: lab, user: admin, namespace: iot}}
- {name: third, context: {cluster: three}}
- {name: other, context: {cluster: two}}
- {name: shell, context: {cluster: two, user: shell}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("t0ken\n")
    (tmp_path / "config").write_text(CONFIG)
    return tmp_path / "config"


def test_a_path_names_the_server_its_token_and_namespace(file: Path) -> None:
    found = access(str(file), None, None)
    assert (found.server, found.namespace) == ("http://127.0.0.1:1", "iot")
    assert found.headers == {"Authorization": "Bearer t0ken"}


def test_content_does_too() -> None:
    assert access(CONFIG, "other", None).server == "http://127.0.0.1:2"


def test_the_environment_does_when_nothing_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{file.parent / 'absent'}:{file}")
    assert access(None, "other", None).server == "http://127.0.0.1:2"


@pytest.mark.parametrize(
    ("context", "problem"),
    [("absent", "no context 'absent'"), ("shell", "does not sign in by 'exec'")],
)
def test_what_cannot_be_used_is_told(file: Path, context: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        access(str(file), context, None)


def test_a_missing_file_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"no kubeconfig at {tmp_path}/none"):
        access(f"{tmp_path}/none", None, None)


def test_settings_that_are_not_covered_are_refused_by_name() -> None:
    checked = KubernetesProvider().check_settings({"context": "lab", "renderYamlToDirectory": "out"})
    assert [failure.property for failure in checked.failures] == ["renderYamlToDirectory"]


def test_client_side_apply_is_refused() -> None:
    assert KubernetesProvider().check_settings({"enableServerSideApply": "false"}).failures


def test_another_server_replaces_everything() -> None:
    provider = KubernetesProvider()
    old, new = {"kubeconfig": CONFIG, "context": "third"}, {"kubeconfig": CONFIG, "context": "other"}
    assert provider.replacing_settings(old, new) == ["kubeconfig"]
    assert provider.replacing_settings(old, old) == []
