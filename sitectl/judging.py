"""By what promotions are judged here: the protected branch of the checkout, and the time."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model.promotion import Judge


def judge(root: Path, now: datetime | None = None) -> "Judge":
    """Return who judges a program's promotions; refuse with a sentence when the protected branch cannot be asked."""
    from components.protected import ProtectedBranchError
    from components.protected import judge as judge_of
    from sitectl import problems

    try:
        return judge_of(root, now=now)
    except ProtectedBranchError as error:
        problems.refuse(str(error))
