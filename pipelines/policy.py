"""The policy's own rules: do they compile strictly, and do their tests pass?"""

import subprocess
from pathlib import Path

SECONDS = 300.0
POLICIES = Path(__file__).parents[1] / "policies"


class PolicyError(Exception):
    """The rules are not right: OPA's own words."""


def check(root: Path) -> str:
    """Check the rules of the program (or the kit's own, where the program has none); raises PolicyError."""
    folder = root / "policies" if (root / "policies").is_dir() else POLICIES
    _opa("check", "--strict", str(folder))
    return _opa("test", str(folder)).strip()


def _opa(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ("opa", *arguments), capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except FileNotFoundError:
        raise PolicyError("there is no `opa` on the PATH: install it where this runs") from None
    except subprocess.TimeoutExpired:
        raise PolicyError(f"`opa {arguments[0]}` is not done after {SECONDS:g} s") from None
    if done.returncode:
        raise PolicyError(f"`opa {arguments[0]}` refuses the rules:\n{(done.stdout + done.stderr).strip()}")
    return done.stdout
