"""Reads the signed reports and checks the files of a data folder that promotions rest on."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from model.datafile import DataFile, content_of, read_file
from model.errors import SiteError
from model.promotion.approvers import approver_mistakes, approvers_file, read_approvers
from model.promotion.branch import Judge, Trust
from model.promotion.judge import refused
from model.promotion.reports import REPORTS, Report, ReportName
from model.promotion.review import Waves
from model.promotion.signers import read_signers, signers_file
from model.words import did_you_mean, quoted

__all__ = [
    "approvers_file",
    "read_approvers",
    "read_report",
    "report_file",
    "report_mistakes",
    "shared_mistakes",
]


def report_file(stacks: Path, site: str, name: ReportName) -> Path:
    """Return the file of a site's report."""
    return stacks / "reports" / site / f"{name}.yaml"


def read_report(stacks: Path, site: str, name: ReportName, judge: Judge) -> DataFile[Any]:
    """Read a report and check its site, its hash and its signature; never raises for what it holds."""
    entry = read_file(report_file(stacks, site, name), REPORTS[name])
    found = list(_mistakes(entry, stacks, site, name, judge)) if entry.value is not None else []
    return DataFile(
        entry.file, None if found else entry.value, entry.data, entry.tree, (*entry.errors, *found)
    )


def _mistakes(
    entry: DataFile[Report], stacks: Path, site: str, name: ReportName, judge: Judge
) -> Iterator[SiteError]:
    report = entry.value
    assert report is not None  # noqa: S101 - asked only for a report that could be read
    if report.site != site:
        yield entry.error(("site",), f"{quoted(report.site)} is another site", f"write {quoted(site)}")
    if report.content != content_of(entry.data):
        remedy = "have its tool write it anew, or sign what it says now: `sitectl sign`"
        yield entry.error(("content",), "is not the hash of what the file says: it was edited", remedy)
        return
    arrival = judge.arrival(stacks, f"reports/{site}/{name}.yaml", last=True)
    trusts: tuple[Trust, ...] = judge.trusts(stacks, arrival)
    wrong = refused(trusts, name, report.format, report.content, report.signature, judge.seen(arrival))
    if wrong is not None:
        yield entry.error(("signature",), *wrong)


def shared_mistakes(stacks: Path, sites: Iterable[str]) -> Iterator[SiteError]:
    """Yield the mistakes in the files that all sites' promotions share, and what belongs to no site."""
    if signers_file(stacks).exists():
        yield from read_signers(stacks).errors
    if approvers_file(stacks).exists():
        yield from approver_mistakes(stacks)
    known = sorted(sites)
    if (stacks / "waves.yaml").exists():
        yield from _wave_mistakes(read_file(stacks / "waves.yaml", Waves), known)
    for folder in ("promotions", "reports"):
        for path in sorted((stacks / folder).glob("*")):
            if path.name.startswith(".") or path in (signers_file(stacks), approvers_file(stacks)):
                continue
            if not path.is_dir():
                yield SiteError(path, None, "", "is not read", "rename or remove it")
            elif path.name not in known:
                problem = f"there is no site {quoted(path.name)}"
                yield SiteError(path, None, "", problem, did_you_mean(path.name, known))


def _wave_mistakes(entry: DataFile[Waves], known: list[str]) -> Iterator[SiteError]:
    yield from entry.errors
    canary = entry.value.canary if entry.value else None
    if canary is not None and canary not in known:
        yield entry.error(("canary",), f"there is no site {quoted(canary)}", did_you_mean(canary, known))


def report_mistakes(stacks: Path, site: str, judge: Judge | None = None) -> Iterator[SiteError]:
    """Yield the mistakes in a site's reports; one that is not there is none."""
    folder = stacks / "reports" / site
    if not folder.is_dir():
        return
    yield from read_signers(stacks).errors
    for file in sorted(folder.iterdir()):
        name = next((name for name in REPORTS if file.name == f"{name}.yaml"), None)
        if name is not None:
            yield from read_report(stacks, site, name, judge or Judge()).errors
        elif not file.name.startswith("."):
            remedy = did_you_mean(file.stem, REPORTS)
            yield SiteError(file, None, "", "is no report", remedy)
