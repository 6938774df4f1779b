"""Reads a site's Prometheus: instant and range queries, and which rules it evaluates.

Where it is comes from the stack's settings (`iot-broker:prometheusUrl`, `iot-broker:prometheusCaFile`); who asks, from
the environment: a bearer token (PROMETHEUS_TOKEN, or the file PROMETHEUS_TOKEN_FILE names), a user and password
(PROMETHEUS_USER and PROMETHEUS_PASSWORD), or a client certificate (PROMETHEUS_CERT_FILE and PROMETHEUS_KEY_FILE).
No credential is in a file of the repository. Nothing is ever written to Prometheus.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

SECONDS = 30.0
# Prometheus answers a range query with no more points than this for a series.
MOST_POINTS = 11_000
OK, UNAUTHORIZED = 200, (401, 403)
URL_KEY, CA_KEY = "iot-broker:prometheusUrl", "iot-broker:prometheusCaFile"


class PrometheusError(Exception):
    """Prometheus cannot be asked, or does not answer what it should: a sentence for people."""


class PrometheusNotSet(PrometheusError):
    """The stack's settings or the environment do not say where Prometheus is, or who asks."""


class PrometheusAway(PrometheusError):
    """Nobody answers at Prometheus' address, or not with a certificate of its authority."""


class PrometheusRefused(PrometheusError):
    """What answers refuses: the credentials, or the query."""


@dataclass(frozen=True, slots=True)
class LoadedRule:
    """A rule as Prometheus evaluates it.

    `query` is its expression as Prometheus writes it; `state` and `severity` are an alert's (inactive, pending or
    firing; page or ticket), else empty; `held` is how long an alert waits before it fires.
    """

    group: str
    name: str
    health: str
    error: str
    state: str
    severity: str
    query: str
    evaluated: datetime
    held: timedelta
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class Prometheus:
    """One Prometheus (or what speaks its HTTP API), read over TLS."""

    def __init__(
        self,
        address: str,
        authority: Path | None = None,
        authorization: str | None = None,
        identity: tuple[Path, Path] | None = None,
    ) -> None:
        """Remember where it is and who asks; connects to nobody yet.

        `authorization` is the header of that name; `identity` a client certificate and its key.

        Raises PrometheusNotSet.
        """
        import ssl

        import urllib3

        if not address.startswith("https://"):
            raise PrometheusNotSet(f"{URL_KEY}: `{address}` is no https:// address")
        try:
            context = ssl.create_default_context(cafile=str(authority) if authority else None)
            if identity:
                context.load_cert_chain(*identity)
        except OSError as error:
            raise PrometheusNotSet(f"a certificate for Prometheus cannot be read: {error}") from None
        self.address = address.rstrip("/")
        self._headers = {"Authorization": authorization} if authorization else {}
        self._pool = urllib3.PoolManager(ssl_context=context, retries=False, timeout=SECONDS)

    def value(self, expression: str, at: datetime) -> float | None:
        """Return the value of an expression that gives one series at most; None when there is no data.

        Raises PrometheusError.
        """
        samples = self.samples(expression, at)
        return float(samples[0]["value"][1]) if samples else None

    def samples(self, expression: str, at: datetime) -> list[dict[str, Any]]:
        """Return the samples (`metric`, `value`) of an expression at a moment; raises PrometheusError."""
        data = self._ask("/api/v1/query", {"query": expression, "time": f"{at.timestamp():.3f}"})
        if data["resultType"] == "scalar":
            return [{"metric": {}, "value": data["result"]}]
        found: list[dict[str, Any]] = data["result"]
        return found

    def series(
        self, expression: str, first: datetime, last: datetime, step: timedelta
    ) -> dict[datetime, float]:
        """Return the values of an expression that gives one series at most, by moment; raises PrometheusError."""
        found: dict[datetime, float] = {}
        part = step * (MOST_POINTS - 1)
        while first <= last:
            until = min(first + part, last)
            data = self._ask(
                "/api/v1/query_range",
                {
                    "query": expression,
                    "start": f"{first.timestamp():.3f}",
                    "end": f"{until.timestamp():.3f}",
                    "step": f"{step.total_seconds():g}",
                },
            )
            for entry in data["result"][:1]:
                found |= {
                    datetime.fromtimestamp(float(at), UTC): float(value) for at, value in entry["values"]
                }
            first = until + step
        return found

    def rules(self) -> list[LoadedRule]:
        """Return every rule that it evaluates; raises PrometheusError."""
        return [
            LoadedRule(
                group=group["name"],
                name=rule["name"],
                health=rule["health"],
                error=rule.get("lastError", ""),
                state=rule.get("state", ""),
                severity=(rule.get("labels") or {}).get("severity", ""),
                query=rule["query"],
                evaluated=_moment(rule["lastEvaluation"]),
                held=timedelta(seconds=float(rule.get("duration", 0))),
                labels=rule.get("labels") or {},
                annotations=rule.get("annotations") or {},
            )
            for group in self._ask("/api/v1/rules", {})["groups"]
            for rule in group["rules"]
        ]

    def formatted(self, expression: str) -> str:
        """Return an expression as Prometheus writes it, so that two that mean the same read the same.

        Raises PrometheusError.
        """
        return str(self._ask("/api/v1/format_query", {"query": expression}))

    def _ask(self, path: str, fields: Mapping[str, str]) -> Any:
        import json

        import urllib3

        address = self.address + path + (f"?{urlencode(fields)}" if fields else "")
        try:
            answer = self._pool.request("GET", address, headers=self._headers)
            body = json.loads(answer.data)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise PrometheusAway(f"Prometheus does not answer at {self.address}: {_cause(error)}") from None
        except ValueError:
            body = None
        if answer.status in UNAUTHORIZED:
            words = "set PROMETHEUS_TOKEN_FILE, or PROMETHEUS_USER and PROMETHEUS_PASSWORD"
            raise PrometheusRefused(
                f"Prometheus at {self.address} refuses who asks (HTTP {answer.status}): {words}"
            )
        if not isinstance(body, dict):
            raise PrometheusAway(f"what answers at {self.address} is no Prometheus (HTTP {answer.status})")
        if answer.status != OK or body.get("status") != "success":
            words = body.get("error", "no reason given")
            raise PrometheusRefused(f"Prometheus refuses {path} (HTTP {answer.status}): {words}")
        return body["data"]


def configured(root: Path, site: str) -> Prometheus | PrometheusError:
    """Return the Prometheus that the stack's settings and the environment name, or why there is none."""
    from sitectl.settings import SettingsFileError, read_settings_file, settings_file

    try:
        values = read_settings_file(settings_file(root, site))
    except SettingsFileError as error:
        return PrometheusNotSet(f"{URL_KEY} is not known: {error.file}: {error.problem}")
    address, authority = values.get(URL_KEY), values.get(CA_KEY)
    if not isinstance(address, str):
        return PrometheusNotSet(f"{URL_KEY} is not set in {settings_file(root, site)}")
    try:
        return Prometheus(address, Path(str(authority)) if authority else None, _authorization(), _identity())
    except PrometheusError as error:
        return error


def _authorization() -> str | None:
    """Return the header of that name: the token's, else the user's; None where the environment has neither."""
    import urllib3

    token, user, password = (os.environ.get(f"PROMETHEUS_{name}") for name in ("TOKEN", "USER", "PASSWORD"))
    if file := os.environ.get("PROMETHEUS_TOKEN_FILE"):
        try:
            token = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise PrometheusNotSet(f"PROMETHEUS_TOKEN_FILE: {file} cannot be read: {error}") from None
    if token:
        return f"Bearer {token}"
    if bool(user) != bool(password):
        raise PrometheusNotSet("PROMETHEUS_USER and PROMETHEUS_PASSWORD belong together: one is missing")
    return urllib3.make_headers(basic_auth=f"{user}:{password}")["authorization"] if user else None


def _identity() -> tuple[Path, Path] | None:
    certificate, key = os.environ.get("PROMETHEUS_CERT_FILE"), os.environ.get("PROMETHEUS_KEY_FILE")
    if bool(certificate) != bool(key):
        raise PrometheusNotSet("PROMETHEUS_CERT_FILE and PROMETHEUS_KEY_FILE belong together: one is missing")
    return (Path(certificate), Path(key)) if certificate and key else None


def _cause(error: BaseException) -> str:
    """Return the last of the reasons that are told one in the other, without the system's number for it."""
    import re

    reason = getattr(error, "reason", None)
    words = str(reason if isinstance(reason, BaseException) else error).rpartition(": ")[2]
    return re.sub(r"^\[Errno -?\d+\] ", "", words) or type(error).__name__


def _moment(text: str) -> datetime:
    """Read Prometheus' time: RFC 3339 with up to nine digits of a second, of which Python reads six."""
    import re

    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
