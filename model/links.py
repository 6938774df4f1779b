"""Finds links in the data folder: through one, any file of the machine would come into plans and messages."""

import os
from collections.abc import Iterator
from pathlib import Path

from model.document import LINK, LINK_REMEDY
from model.errors import SiteError

# Pulumi's own settings are no data of a site: addresses that the machine that deploys has been given.
SETTINGS = "Pulumi."


def links(stacks: Path) -> Iterator[SiteError]:
    """Yield every link in the data folder, and the folder itself when it is one; nothing is read through any."""
    if stacks.is_symlink():
        yield SiteError(stacks, None, "", LINK, LINK_REMEDY)
        return
    for folder, folders, files in os.walk(stacks, followlinks=False):
        for name in sorted((*folders, *files)):
            path = Path(folder) / name
            if path.is_symlink() and not name.startswith(SETTINGS):
                yield SiteError(path, None, "", LINK, LINK_REMEDY)
