"""What promtool makes of a told history."""

import subprocess
from pathlib import Path

from tests.support.tools import tool
from tests.support.variants import Variants
from tests.unit.lab.test_history import told


def test_promtool_makes_blocks_of_it(variants: Variants, tmp_path: Path) -> None:
    site = next(site for site in variants("pilot") if site.name == "eagle-ford")
    gap = told(site, "gap", 7)
    file = tmp_path / "history.txt"
    file.write_text("".join(gap) + "# EOF\n", encoding="utf-8")
    command = [str(tool("promtool") / "promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
    done = subprocess.run(
        [*command, "--max-block-duration=400h", str(file), str(tmp_path / "blocks")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "blocks").iterdir())
