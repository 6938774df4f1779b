"""Fetches one artifact from Maven's central repository, or from the mirror that the user's settings name for it.

Run as `python -m lab.tools.maven_client GROUP NAME VERSION CLASSIFIER KIND FILE`, so that it can be stopped.
"""

import sys
from pathlib import Path

from maven_artifact.artifact import Artifact
from maven_artifact.downloader import Downloader
from maven_artifact.requestor import RequestException

from lab.tools.maven import mirror


def main(group: str, name: str, version: str, classifier: str, kind: str, file: str) -> int:
    """Fetch the artifact into `file`; return the process's exit code."""
    own = mirror(Path("~/.m2/settings.xml").expanduser())
    client = Downloader(own) if own else Downloader()
    try:
        client.download(Artifact(group, name, version, classifier, kind), file)
    except RequestException as error:
        sys.stderr.write(f"{error.msg}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
