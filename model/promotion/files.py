"""Reads the signed reports and checks the files of a data folder that promotions rest on."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from model.datafile import DataFile, content_of, read_file
from model.errors import SiteError
from model.promotion.record import Approvers
from model.promotion.reports import REPORTS, Report, ReportName
from model.promotion.review import Waves
from model.promotion.signers import Signers, read_signers, refusal, signers_file
from model.words import did_you_mean, quoted


def report_file(stacks: Path, site: str, name: ReportName) -> Path:
    """Return the file of a site's report."""
    return stacks / "reports" / site / f"{name}.yaml"


def read_report(stacks: Path, site: str, name: ReportName, signers: Signers | None) -> DataFile[Any]:
    """Read a report and check its site, its hash and its signature; never raises for what it holds.

    Without signers nobody's signature counts: the file of the signers has mistakes that are told elsewhere.
    """
    entry = read_file(report_file(stacks, site, name), REPORTS[name])
    found = list(_mistakes(entry, site, name, signers)) if entry.value is not None else []
    return DataFile(
        entry.file, None if found else entry.value, entry.data, entry.tree, (*entry.errors, *found)
    )


def _mistakes(
    entry: DataFile[Report], site: str, name: ReportName, signers: Signers | None
) -> Iterator[SiteError]:
    report = entry.value
    assert report is not None  # noqa: S101 - asked only for a report that could be read
    if report.site != site:
        yield entry.error(("site",), f"{quoted(report.site)} is another site", f"write {quoted(site)}")
    if report.content != content_of(entry.data):
        remedy = "have its tool write it anew, or sign what it says now: `sitectl sign`"
        yield entry.error(("content",), "is not the hash of what the file says: it was edited", remedy)
    elif signers is not None:
        wrong = refusal(signers, name, report.format, report.content, report.signature)
        if wrong is not None:
            yield entry.error(("signature",), *wrong)


def approvers_file(stacks: Path) -> Path:
    """Return the file that says who may approve a change of phase."""
    return stacks / "promotions" / "approvers.yaml"


def read_approvers(stacks: Path) -> DataFile[Approvers]:
    """Read who may approve a change of phase."""
    return read_file(approvers_file(stacks), Approvers)


def shared_mistakes(stacks: Path, sites: Iterable[str]) -> Iterator[SiteError]:
    """Yield the mistakes in the files that all sites' promotions share, and what belongs to no site."""
    if signers_file(stacks).exists():
        yield from read_signers(stacks).errors
    if approvers_file(stacks).exists():
        yield from read_approvers(stacks).errors
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


def report_mistakes(stacks: Path, site: str) -> Iterator[SiteError]:
    """Yield the mistakes in a site's reports; one that is not there is none."""
    folder = stacks / "reports" / site
    if not folder.is_dir():
        return
    signers = read_signers(stacks)
    yield from signers.errors
    for file in sorted(folder.iterdir()):
        name = next((name for name in REPORTS if file.name == f"{name}.yaml"), None)
        if name is not None:
            yield from read_report(stacks, site, name, signers.value).errors
        elif not file.name.startswith("."):
            remedy = did_you_mean(file.stem, REPORTS)
            yield SiteError(file, None, "", "is no report", remedy)
