"""Mends a site's stack after an interrupted deployment: looks, asks where it must, writes the state, and reports."""

import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.settings import Settings
from model import Site
from sitectl.checks.kubectl import Kubectl
from sitectl.recovery import keycloak, kubernetes, mending, vault
from sitectl.recovery.authorities import ROOT, Leftover
from sitectl.recovery.found import Found, Look
from sitectl.recovery.stack import Holder, LockedError, Stack
from sitectl.recovery.state_files import StateFiles, state_files
from sitectl.recovery.wanted import BOOTSTRAP_PROJECT, PROJECT, Wanted, of_bootstrap, of_site, with_ids
from sitectl.root import BOOTSTRAP

Ask = Callable[[str], bool]
"""Puts a question to the person who runs the command; False stops the recovery before anything of it is done."""
_TRIES = 3
# Servers make keys for these, and end it though nothing waits for the answer any more.
_SLOW = frozenset({"Realm", "SecretBackendRootCert", "SecretBackendIntermediateCertRequest"})
IN_MAKING_SECONDS = 20.0
PAUSE_SECONDS = 1.0


class StoppedError(Exception):
    """The recovery stopped: why, and what to do."""


@dataclass(frozen=True)
class Done:
    """One thing that was done: what became of which resource, on which server."""

    server: str
    kind: str
    name: str
    what: str


@dataclass
class Report:
    """What a recovery found and did."""

    site: str
    locks: list[str] = field(default_factory=list)
    pending: int = 0
    done: list[Done] = field(default_factory=list)
    resources: int = 0


@dataclass(frozen=True)
class _Plan:
    """What is to be done to the state."""

    document: dict[str, Any]
    found: list[tuple[Wanted, Found]]
    gone: list[str]
    leftovers: list[Leftover]
    report: list[Done]


def recover(root: Path, site: Site, settings: Settings, ask: Ask, *, bootstrap: bool = False) -> Report:
    """Mend the stack of a site, or that of its bootstrap; raises StackError, LookError, StoppedError.

    But for the state's own files, where these were cut off, nothing is written before every server was looked at.
    Of the servers' objects only a CA's key or certificate that leads nowhere is deleted, and only after a question.
    """
    stack = Stack(root / BOOTSTRAP if bootstrap else root, site.name)
    report = Report(site.name)
    _mend_files(stack, BOOTSTRAP_PROJECT if bootstrap else PROJECT, ask, report)
    everything = (of_bootstrap if bootstrap else of_site)(site, settings)
    for _ in range(_TRIES):
        plan = _look(stack.export(), site, settings, everything)
        report.pending = max(report.pending, len(mending.pending(plan.document)))
        try:
            stack.write(mending.mended(plan.document, plan.found, plan.gone))
        except LockedError as locked:
            _unlock(stack, locked, report, ask)
        else:
            _remove(plan.leftovers, site, settings, ask, report)
            report.done += plan.report
            _compare(stack, report)
            return report
    raise StoppedError(
        f"{site.name}: the stack is locked again each time that its lock is taken away\n"
        "    look who deploys it, wait until that has ended, and do this again"
    )


def _mend_files(stack: Stack, project: str, ask: Ask, report: Report) -> None:
    """Make a state that is kept in files one that Pulumi can read; raises StackError, StoppedError."""
    files = state_files(stack.backend(), stack.root, project, stack.site)
    if files is None:
        return
    try:
        for file in files.broken_sidecars():
            file.unlink()
            report.done.append(Done("pulumi", "file", file.name, "deleted: the killed run had cut it off"))
        if files.is_broken():
            _restore(files, ask, report)
    except OSError as error:
        raise StoppedError(
            f"{error.filename}: it was cut off, and cannot be mended: {error.strerror}\n"
            "    make room on the disk, or have the file's rights put right, and do this again"
        ) from None


def _restore(files: StateFiles, ask: Ask, report: Report) -> None:
    backup = files.backup()
    if backup is None:
        raise StoppedError(
            f"{files.state}: the state was cut off, and none that Pulumi kept beside it is whole\n"
            "    put your own backup in its place, and do this again (docs/real-site.md)"
        )
    written = datetime.fromtimestamp(backup.stat().st_mtime, UTC).isoformat(timespec="seconds")
    if not ask(f"The state was cut off. May {backup.name}, of {written}, take its place?"):
        raise StoppedError(f"{files.site}: the state stays cut off, and nothing was changed")
    aside = files.restore(backup)
    what = f"put in the place of the state that was cut off, which is kept as {aside.name}"
    report.done.append(Done("pulumi", "file", backup.name, what))


def _look(
    document: dict[str, Any], site: Site, settings: Settings, everything: Mapping[str, Wanted]
) -> _Plan:
    entries = mending.live(document)
    by_server = {
        area: {urn: one for urn, one in everything.items() if one.server == area}
        for area in (kubernetes.AREA, vault.AREA, keycloak.AREA)
    }
    cluster = kubernetes.Cluster(Kubectl(settings.kubernetes_context), site.name, site.namespace)
    seen = cluster.settled(by_server[kubernetes.AREA])
    asked = vault.connect(settings.vault_address, settings.vault_ca)
    gone = _lost_with_namespace(entries, seen, everything) + asked.lost(entries)
    kept = {urn: entry for urn, entry in entries.items() if urn not in gone}
    missing = [one for one in everything.values() if _is_missing(one, kept)]
    looks = [kubernetes.look(site.name, [one for one in missing if one.server == kubernetes.AREA], seen)]
    in_vault = [one for one in missing if one.server == vault.AREA]
    in_keycloak = [one for one in missing if one.server == keycloak.AREA]
    ids = {urn: str(entry.get("id", "")) for urn, entry in entries.items()}
    slow = _in_making(document, missing)
    give_up = time.monotonic() + IN_MAKING_SECONDS
    while True:
        look, leftovers = asked.look(in_vault, kept)
        in_realm = Look()
        if in_keycloak:
            client = keycloak.connect(settings.keycloak_url, settings.keycloak_ca)
            in_realm = client.look(in_keycloak, everything, ids)
        # A root's key comes a moment before its certificate.
        requested = {urn for urn in leftovers if everything[urn].made.type != ROOT}
        if slow <= {*look.found, *requested, *in_realm.found} or time.monotonic() > give_up:
            break
        time.sleep(PAUSE_SECONDS)
    looks += [look, in_realm]
    found = {urn: there for look in looks for urn, there in look.found.items()}
    left = {urn: why for look in looks for urn, why in look.left.items()}
    chosen: list[tuple[Wanted, Found]] = []
    ids |= {urn: there.id for urn, there in found.items()}
    report = [_done(everything[urn], f"left: {why}") for urn, why in left.items()]
    report += [_lost(entries[urn]) for urn in gone]
    for one in missing:
        if one.urn in found:
            chosen.append((with_ids(one, everything, ids), found[one.urn]))
            report.append(_done(one, f"imported as {found[one.urn].id}"))
    report += _cleared(document, {one.urn for one, _ in chosen}, everything)
    return _Plan(document, chosen, gone, list(leftovers.values()), report)


def _in_making(document: Mapping[str, Any], missing: Iterable[Wanted]) -> set[str]:
    """Return the URNs of what a server may be making yet: asked for by the killed run, and slow."""
    begun = {
        operation["resource"]["urn"]
        for operation in mending.pending(document)
        if operation["type"] == "creating"
    }
    return {one.urn for one in missing if one.made.kind in _SLOW and one.urn in begun}


def _is_missing(one: Wanted, entries: Mapping[str, Mapping[str, Any]]) -> bool:
    """Say whether the state lacks a resource; an object of another name under its URN is its predecessor."""
    entry = mending.in_state(one, entries)
    if entry is None:
        return True
    return one.server == kubernetes.AREA and entry.get("id") != kubernetes.identity(one)


def _lost_with_namespace(
    entries: Mapping[str, Mapping[str, Any]], seen: Mapping[str, object], everything: Mapping[str, Wanted]
) -> list[str]:
    """Return what the state has in a namespace that is gone: who deploys may not even look there any more."""
    namespaces = {urn: one for urn, one in everything.items() if one.made.kind == "Namespace"}
    lost = {str(one.made.metadata["name"]) for urn, one in namespaces.items() if urn not in seen}
    return [
        urn
        for urn, entry in entries.items()
        if str(entry.get("type", "")).startswith("kubernetes:")
        and (str(entry.get("id", "")).partition("/")[0] in lost)
    ]


def _cleared(document: Mapping[str, Any], imported: set[str], everything: Mapping[str, Wanted]) -> list[Done]:
    """Say what becomes of the pending operations whose resources are not imported."""
    found = []
    for operation in mending.pending(document):
        urn = operation["resource"]["urn"]
        if urn in imported:
            continue
        server, kind, name = _words(operation["resource"])
        if operation["type"] == "creating":
            what = "cleared: `up` makes it" if urn in everything else "cleared"
        else:
            what = f"cleared: it was {operation['type']}, and is compared with its server"
        if operation["type"] == "deleting" and operation["resource"]["type"] == vault.MOUNT:
            what += f"; {vault.CUT_OFF}"
        found.append(Done(server, kind, name, what))
    return found


def _unlock(stack: Stack, locked: LockedError, report: Report, ask: Ask) -> None:
    """Take the lock away when its holder is gone, or when the person says so."""
    for holder in locked.holders:
        if _runs_here(holder):
            raise StoppedError(
                f"{stack.site}: a deployment is under way: {holder}\n"
                f"    wait for it, or end it with `kill -INT {holder.pid}`, and do this again"
            )
    held = [str(holder) for holder in locked.holders] or ["the back end does not say by whom"]
    if not ask(f"The stack is locked ({'; '.join(held)}). Is that deployment over, and may its lock go?"):
        raise StoppedError(f"{stack.site}: the lock stays, and nothing was changed")
    stack.unlock()
    report.locks += held
    report.done.append(Done("pulumi", "lock", stack.site, f"taken away: {'; '.join(held)}"))


def _runs_here(holder: Holder) -> bool:
    """Say whether the lock's process runs on this machine; a pid alone may be another program's by now."""
    if holder.host != socket.gethostname():
        return False
    try:
        command = Path(f"/proc/{holder.pid}/comm").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return False if Path("/proc/self").exists() else _exists(holder.pid)
    except OSError:
        return True
    return command.startswith("pulumi")


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove(leftovers: Iterable[Leftover], site: Site, settings: Settings, ask: Ask, report: Report) -> None:
    """Delete what leads nowhere: `up` would be refused a second key of the name, or leave a dead certificate."""
    for left in leftovers:
        if not ask(f"Vault has {left.words}. May it be deleted? `up` makes another."):
            raise StoppedError(
                f"{site.name}: {left.words}: it stays, and `up` cannot make another in its place\n"
                "    do this again when it may be deleted"
            )
        vault.connect(settings.vault_address, settings.vault_ca).delete(left)
        report.done.append(Done(vault.AREA, "key", left.name, f"deleted: {left.words}"))


def _compare(stack: Stack, report: Report) -> None:
    """Make the state what the servers have, and report what they no longer had."""
    before = mending.live(stack.export())
    stack.refresh()
    after = mending.live(stack.export())
    report.done += [_lost(entry) for urn, entry in before.items() if urn not in after]
    report.resources = len(after)


def _lost(entry: Mapping[str, Any]) -> Done:
    server, kind, name = _words(entry)
    return Done(server, kind, name, "not there any more: `up` makes it anew")


def _words(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return server, kind and name of a resource of the state."""
    return entry["type"].partition(":")[0], entry["type"].rpartition(":")[2], entry["urn"].rpartition("::")[2]


def _done(one: Wanted, what: str) -> Done:
    return Done(one.server, one.made.kind, one.made.name, what)
