"""A language host that finds a program's environment as the official one does: `official_host.py [flags] ENGINE`.

What it runs is the lab's own host. Of the official one it has this: with `runtime.options` it takes the toolchain and
virtual environment that they name; without them a `uv.lock` beside the program asks for `uv` on the PATH, and all
else for `python` with pip. In a virtual environment it asks that environment's own pip which packages there are.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict

from lab.plugins import language_host


class NotFound(Exception):
    """What the program's environment lacks; the message is the official host's."""


class OfficialHost(language_host.Host):
    """The lab's host, behind the official one's questions."""

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Ask the environment's pip which packages there are."""
        python = _python(request.info)
        done = subprocess.run(
            [python, "-m", "pip", "list", "--format", "json"], capture_output=True, check=False
        )
        if done.returncode:
            raise NotFound(f"calling `{python} -m pip list` failed: {done.stderr.decode()}")
        return super().GetRequiredPackages(request, context)

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Run the program with its environment."""
        _python(request.info)
        return super().Run(request, context)


def _python(info: Any) -> str:
    """Return the Python of the program's environment; raises NotFound."""
    root = Path(info.root_directory or info.program_directory)
    options = MessageToDict(info.options)
    toolchain = options.get("toolchain") or ("uv" if (root / "uv.lock").exists() else "pip")
    if toolchain == "uv" and shutil.which("uv") is None:
        raise NotFound("Could not find `uv` executable")
    virtual = options.get("virtualenv")
    if virtual is None:
        return shutil.which("python3") or "python3"
    python = root / virtual / "bin" / "python"
    if not os.access(python, os.X_OK):
        raise NotFound(
            f"The 'virtualenv' option in Pulumi.yaml is set to {virtual!r}, but {python} doesn't exist"
        )
    return str(python)


if __name__ == "__main__":
    # The lab's entry point makes the host by this name.
    language_host.Host = OfficialHost  # type: ignore[misc]
    language_host.main()
