"""Hostile texts through what Vault itself reads."""

import json
import re
import subprocess
import tempfile
from pathlib import Path

from components import vault_policy
from components.vault_policy import Grant
from tests.support import hostile
from tests.support.tools import tool


def test_vault_reads_back_every_path_that_can_be_written() -> None:
    texts = [text for text in hostile.FRAGMENTS if not any(sign in text for sign in ("${", "{{", "}}"))]
    written = vault_policy.render([Grant(text, ("read",)) for text in texts])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "policy.hcl"
        file.write_text(written, encoding="utf-8")
        command = (str(tool("vault") / "vault"), "policy", "fmt", str(file))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        paths = re.findall(r'^path (".*") \{$', file.read_text(encoding="utf-8"), re.MULTILINE)
    assert [json.loads(path) for path in paths] == texts
