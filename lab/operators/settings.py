"""Where the lab's servers are for its operators: read from the JSON file that the lab writes."""

import json
from dataclasses import dataclass
from pathlib import Path

from lab.operators.kafka import KafkaEndpoint


class SettingsUnusable(Exception):
    """The settings file cannot be used."""

    def __init__(self, file: Path, problem: str) -> None:
        super().__init__(f"{file}: {problem}")
        self.file = file
        self.problem = problem


@dataclass(frozen=True)
class OpaEndpoint:
    """Where the lab's OPA is; the token of its administrator stays in its file until used."""

    url: str
    ca_file: Path
    token_file: Path


@dataclass(frozen=True)
class VaultEndpoint:
    """Where the lab's Vault is; the token, which reads the sites' secrets, stays in its file until used."""

    url: str
    ca_file: Path
    token_file: Path


@dataclass(frozen=True)
class PrometheusEndpoint:
    """Where the lab's Prometheus is, where it reads its rules from, and the program that checks them."""

    url: str
    ca_file: Path
    user: str
    password_file: Path
    rules_folder: Path
    promtool: Path


@dataclass(frozen=True)
class StoriesEndpoint:
    """Where the lab tells what its sites' series are now: loopback port, certificate, and the stories' folder."""

    port: int
    certificate: Path
    key: Path
    folder: Path


@dataclass(frozen=True)
class Settings:
    """What the operators work with; `ready_file` is made once everything was seen and worked on once."""

    kubeconfig: Path
    context: str
    kafka: KafkaEndpoint
    opa: OpaEndpoint
    vault: VaultEndpoint
    prometheus: PrometheusEndpoint
    stories: StoriesEndpoint
    ready_file: Path


def read_settings(file: Path) -> Settings:
    """Read the settings from a JSON file; raises SettingsUnusable."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        authority = Path(document["caFile"])
        kafka, opa, prometheus = document["kafka"], document["opa"], document["prometheus"]
        stories, vault = document["stories"], document["vault"]
        return Settings(
            kubeconfig=Path(document["kubeconfig"]),
            context=document["context"],
            kafka=KafkaEndpoint(kafka["bootstrap"], authority, kafka["user"], Path(kafka["passwordFile"])),
            opa=OpaEndpoint(opa["url"], authority, Path(opa["tokenFile"])),
            vault=VaultEndpoint(vault["url"], authority, Path(vault["tokenFile"])),
            prometheus=PrometheusEndpoint(
                url=prometheus["url"],
                ca_file=authority,
                user=prometheus["user"],
                password_file=Path(prometheus["passwordFile"]),
                rules_folder=Path(prometheus["rulesFolder"]),
                promtool=Path(prometheus["promtool"]),
            ),
            stories=StoriesEndpoint(
                port=int(stories["port"]),
                certificate=Path(stories["certificate"]),
                key=Path(stories["key"]),
                folder=Path(stories["folder"]),
            ),
            ready_file=Path(document["readyFile"]),
        )
    except OSError as error:
        raise SettingsUnusable(file, error.strerror or "cannot be read") from error
    except ValueError as error:
        raise SettingsUnusable(file, "is not JSON") from error
    except KeyError as error:
        raise SettingsUnusable(file, f"lacks {error.args[0]}") from error
