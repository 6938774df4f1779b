"""The repository's own pins, and how they are read."""

import re
from pathlib import Path

import pytest

from lab.tools import golang, maven, recipes
from lab.tools.catalogue import catalogue

MODULES = sorted(golang.SOURCES.glob("*/go.mod"))
PROJECTS = sorted(maven.SOURCES.glob("*/pom.xml"))


def test_the_catalogue_has_every_tool_with_a_version_of_its_own() -> None:
    assert set(catalogue()) == {
        "kubernetes",
        "opa",
        "mqtt",
        "pulumi",
        "oauth2-proxy",
        "vault",
        "promtool",
        "keycloak",
        "kafka",
        "connect",
        "postgres",
        "crds",
    }
    assert all(re.search(r"\d+\.\d+", tool.version) for tool in catalogue().values())


def test_every_tool_has_a_key_of_its_own() -> None:
    tools = catalogue().values()
    assert len({tool.key for tool in tools}) == len(tools)


@pytest.mark.parametrize("go_mod", MODULES, ids=lambda file: file.parent.name)
def test_every_go_module_has_its_checksums(go_mod: Path) -> None:
    sums = (go_mod.parent / "go.sum").read_text()
    assert sums.count(" h1:") == len(sums.splitlines()) > 0


@pytest.mark.parametrize("pom", PROJECTS, ids=lambda file: file.parent.name)
def test_every_artifact_that_a_pom_names_has_its_checksum(pom: Path) -> None:
    sums = (pom.parent / "checksums.sha256").read_text()
    named = re.findall(
        r"<dependency>\s*<groupId>\S+</groupId>\s*<artifactId>(\S+)</artifactId>\s*<version>(\S+)<",
        pom.read_text(),
    )
    assert named
    for artifact, version in named:
        assert re.search(
            rf"^[0-9a-f]{{64}}  \S+/{re.escape(artifact)}-{re.escape(version)}(-\w+)?\.(jar|zip|tar\.gz)$",
            sums,
            re.MULTILINE,
        )


def test_the_image_of_the_sinks_workers_has_the_release_that_the_lab_runs() -> None:
    version = maven.artifact_version(maven.SOURCES / "debezium" / "pom.xml", "debezium-connector-jdbc")
    recipe = (recipes.CONVERTER.parent / "Containerfile").read_text()
    assert set(re.findall(r"debezium-connector-jdbc[:-]([\d.]+\w+)", recipe)) == {version}
    assert recipes.CONVERTER.name in recipe


def test_kubernetes_tells_its_own_version() -> None:
    variables = dict(recipes.kubernetes_program("v1.37.2").variables)
    assert variables["k8s.io/component-base/version.gitVersion"] == "v1.37.2"
    assert variables["k8s.io/client-go/pkg/version.gitMinor"] == "37"


def test_a_program_is_built_without_paths_of_this_machine_and_with_its_version() -> None:
    command = recipes.PULUMI_PROGRAMS[0].command(Path("out"), "v3.259.0")
    assert "-trimpath" in command
    assert any(str(word).endswith("version.Version=v3.259.0") for word in command)


def test_a_build_changes_no_pin_and_fetches_no_compiler() -> None:
    settings = golang.environment(Path("work"))
    assert "-mod=readonly" in settings["GOFLAGS"]
    assert settings["GOTOOLCHAIN"] == "local"
    assert settings["CGO_ENABLED"] == "0"


def test_definitions_are_written_one_a_file_under_their_names(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.yaml"
    bundle.write_text("metadata:\n  name: a.example\nspec: 1\n---\n\n---\nmetadata:\n  name: b.example\n")
    recipes.split_definitions([bundle], tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["a.example.yaml", "b.example.yaml"]


def settings_xml(folder: Path, mirror_of: str) -> Path:
    file = folder / "settings.xml"
    file.write_text(
        '<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0"><mirrors><mirror><id>own</id>'
        f"<mirrorOf>{mirror_of}</mirrorOf><url>https://mirror.invalid/maven</url></mirror></mirrors></settings>"
    )
    return file


@pytest.mark.parametrize("mirror_of", ["central", "*", "external:*", "central,other", "*,!private"])
def test_a_mirror_of_the_central_repository_is_used(tmp_path: Path, mirror_of: str) -> None:
    assert maven.mirror(settings_xml(tmp_path, mirror_of)) == "https://mirror.invalid/maven"


@pytest.mark.parametrize("mirror_of", ["private", "*,!central"])
def test_a_mirror_of_something_else_is_not(tmp_path: Path, mirror_of: str) -> None:
    assert maven.mirror(settings_xml(tmp_path, mirror_of)) is None


def test_without_settings_there_is_no_mirror(tmp_path: Path) -> None:
    assert maven.mirror(tmp_path / "settings.xml") is None
