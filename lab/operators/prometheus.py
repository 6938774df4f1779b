"""Stands in for Prometheus' operator: the rules of PrometheusRule objects become Prometheus' own rule files.

As the operator does, it takes the objects that the platform selects by label, leaves out one whose rules Prometheus
would refuse (one bad object must not keep the others' rules from being loaded), and reloads.
"""

import json
import logging
import ssl
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import urllib3

from lab.files import write
from lab.operators.kubernetes import Document, Kind
from lab.operators.loop import Key, Retry, Watch, key_of
from lab.operators.settings import PrometheusEndpoint

PROMETHEUS_RULE = Kind("monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule")
RULE_SELECTOR = "release=monitoring"
REQUEST_SECONDS = 10.0
CHECK_SECONDS = 30.0
SUFFIX = ".json"

log = logging.getLogger("lab.operators")


class RuleServer(Protocol):
    """What the loader asks of Prometheus; `PrometheusServer` is the real one."""

    def refusal(self, rules: str) -> str:
        """Return why a rule file's text would be refused; empty when it would not."""

    def files(self) -> dict[str, str]:
        """Return the rule files that are there, text by name."""

    def write(self, name: str, rules: str) -> None:
        """Write a rule file."""

    def remove(self, name: str) -> None:
        """Remove a rule file."""

    def reload(self) -> None:
        """Read all rule files anew."""


@dataclass
class RuleLoader:
    """Keeps Prometheus' rule files as the PrometheusRule objects say."""

    server: RuleServer
    rules: Watch
    # Texts that promtool refused, so that each is checked and told once.
    refused: dict[str, str] = field(default_factory=dict)
    # Whether a change was written that Prometheus has not read yet.
    unread: bool = True

    def reconcile(self, _key: Key) -> None:
        """Write what is new or different, remove what no object brings any more, and reload after a change."""
        if not self.rules.complete.is_set():
            raise Retry("not every PrometheusRule has been listed yet")
        wanted, before = rule_files(self.rules.objects.values()), self.server.files()
        accepted = {
            name: text
            for name, text in wanted.items()
            if before.get(name) == text or self._accepts(name, text)
        }
        for name, text in accepted.items():
            if before.get(name) != text:
                self.unread = True
                self.server.write(name, text)
        for name in before.keys() - wanted.keys():
            self.unread = True
            self.server.remove(name)
        if self.unread:
            self.server.reload()
            self.unread = False

    def _accepts(self, name: str, text: str) -> bool:
        if text not in self.refused:
            if not (why := self.server.refusal(text)):
                return True
            self.refused = {text: why, **self.refused}
            log.warning("rules %s are left out, what was loaded before stays: %s", name, why)
        return False


@dataclass(frozen=True)
class PrometheusServer:
    """The lab's Prometheus: its rule files in a folder, `promtool` to check them, and its reload page."""

    endpoint: PrometheusEndpoint

    def refusal(self, rules: str) -> str:
        """Return promtool's words about a text that it refuses; empty when it accepts it."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, f"rules{SUFFIX}")
            file.write_text(rules, encoding="utf-8")
            done = subprocess.run(
                [self.endpoint.promtool, "check", "rules", "--lint=none", str(file)],
                capture_output=True,
                text=True,
                timeout=CHECK_SECONDS,
                check=False,
            )
        return " ".join(done.stderr.split()) if done.returncode else ""

    def files(self) -> dict[str, str]:
        """Return the rule files that are there, text by name."""
        found = self.endpoint.rules_folder.glob(f"*{SUFFIX}")
        return {file.name: file.read_text(encoding="utf-8") for file in found}

    def write(self, name: str, rules: str) -> None:
        """Write a rule file, at once and whole."""
        write(self.endpoint.rules_folder / name, rules)

    def remove(self, name: str) -> None:
        """Remove a rule file."""
        (self.endpoint.rules_folder / name).unlink(missing_ok=True)

    def reload(self) -> None:
        """Let Prometheus read its files anew; raises Retry when it is away or refuses."""
        password = self.endpoint.password_file.read_text(encoding="utf-8")
        context = ssl.create_default_context(cafile=str(self.endpoint.ca_file))
        headers = urllib3.make_headers(basic_auth=f"{self.endpoint.user}:{password}")
        try:
            with urllib3.PoolManager(ssl_context=context, retries=False, timeout=REQUEST_SECONDS) as pool:
                answer = pool.request("POST", f"{self.endpoint.url}/-/reload", headers=headers)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Retry(f"Prometheus does not answer: {type(error).__name__}") from error
        if answer.status >= 300:
            raise Retry(f"Prometheus answers {answer.status}: {answer.data.decode(errors='replace').strip()}")


def rule_files(objects: Iterable[Document]) -> Mapping[str, str]:
    """Return the text of the rule file of each object, by the file's name."""
    return {
        f"{key_of(document).namespace}-{key_of(document).name}{SUFFIX}": json.dumps(
            {"groups": (document.get("spec") or {}).get("groups") or []}, indent=2, sort_keys=True
        )
        for document in objects
    }
