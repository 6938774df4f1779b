"""Bad site files and the errors that are expected of each: `python -m tests.unit.model.bad_sites` rewrites them.

Each `bad/<case>.yaml` holds what is wrong; the test lays it over a copy of a good site by replacing whole top-level
keys, so that the line numbers are those of the case's file. `bad/<case>.txt` is the report that people get.
"""

import re
import shutil
import tempfile
from pathlib import Path

from model import SiteErrors, load_site, report
from model.errors import SiteError

REPOSITORY = Path(__file__).resolve().parents[3]
STACKS = REPOSITORY / "stacks"
BAD = Path(__file__).parent / "bad"
SITE = "eagle-ford"
ALONE = "yaml-"  # what cannot be read is not completed from the good site


def cases() -> list[str]:
    """Return the names of all cases."""
    return sorted(file.stem for file in BAD.glob("*.yaml"))


def copy_of_stacks(folder: Path) -> Path:
    """Copy the data into a folder of the test's own."""
    return Path(shutil.copytree(STACKS, folder / "stacks", ignore=shutil.ignore_patterns("Pulumi.*")))


def lay_over(stacks: Path, text: str) -> None:
    """Put the text in the place of the good site's top-level keys of the same names."""
    good = (STACKS / "sites" / f"{SITE}.yaml").read_text()
    replaced = set(re.findall(r"^([a-z_]+):", text, re.MULTILINE))
    blocks = re.split(r"^(?=[a-z_]+:)", good, flags=re.MULTILINE)[1:]
    kept = [block for block in blocks if block.split(":")[0] not in replaced]
    (stacks / "sites" / f"{SITE}.yaml").write_text(text + "".join(kept))


def errors_of(stacks: Path, case: str) -> str:
    """Return the report for a case, with paths from the data folder; raises when the site is valid."""
    text = (BAD / f"{case}.yaml").read_text()
    if (case.startswith(ALONE) and "\n---\n" in text) or case in {"yaml-list", "yaml-scalar", "yaml-empty"}:
        (stacks / "sites" / f"{SITE}.yaml").write_text(text)
    else:
        lay_over(stacks, text)
    try:
        load_site(stacks, SITE)
    except SiteErrors as found:
        return report(_from(stacks, error) for error in found.errors) + "\n"
    raise AssertionError(f"{case} is valid")


def _from(stacks: Path, error: SiteError) -> SiteError:
    return SiteError(error.file.relative_to(stacks), error.line, error.key, error.problem, error.remedy)


def main() -> None:
    """Rewrite every expected report; read the diff."""
    with tempfile.TemporaryDirectory() as folder:
        stacks = copy_of_stacks(Path(folder))
        for case in cases():
            (BAD / f"{case}.txt").write_text(errors_of(stacks, case))


if __name__ == "__main__":
    main()
