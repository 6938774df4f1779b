"""What `validate`, `up` and the release say of a checkout's promotions: one judgement, called by three."""

import pytest
from click.testing import CliRunner

from components import promotions
from components.deployed import Deployed
from model import SiteErrors, load_site
from pipelines import release
from pipelines.release import RefusedError
from sitectl.main import main
from tests.support import records
from tests.support.records import SITE
from tests.support.repository import NOW, Repository

FAILED = [gate | {"passed": gate["gate"] != "soak"} for gate in records.gates("promotion", "pilot")]
USUAL = records.gates("promotion", "pilot")
DECIDED = {"reason": "The field's shutdown cannot wait", "approver": "d-okafor"}


def deployed(head: str = "none") -> Deployed:
    """Return a stack that was last deployed with a record."""
    found = Deployed()
    found.__dict__["outputs"] = {"promotions": {"head": head}}
    return found


def up(repo: Repository, *, head: str = "none", preview: bool = False) -> str:
    """Return what `pulumi up` refuses the site for; empty when it does not."""
    try:
        site = load_site(repo.stacks, SITE)
        promotions.check(repo.stacks, site, deployed(head), repo.judge(), preview=preview)
    except (SiteErrors, promotions.UnapprovedRecordError) as error:
        return str(error)
    return ""


def released(repo: Repository) -> str:
    """Return what a release refuses the data for; empty when it does not."""
    try:
        estate = release._valid(repo.root, "HEAD", NOW)
        release._approved(repo.root, estate.chains[SITE], "none")
    except RefusedError as error:
        return str(error)
    return ""


def everywhere(repo: Repository) -> list[str]:
    """Return what the three say: `validate`, `up` and the release."""
    return ["\n".join(repo.problems()), up(repo), released(repo)]


def validate(repo: Repository) -> str:
    """Return what `sitectl validate` prints; the code is 1 exactly when it says a mistake."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repo.root)
        outcome = CliRunner().invoke(main, ["validate"])
    assert outcome.exit_code == ("mistake" in outcome.stderr), outcome.output
    return outcome.output


def brings_signers(repo: Repository) -> None:
    """Bring a signer of one's own for the very record, as a change that is merged in one go."""
    own = records.signers(keys=[{"version": 1, "key": records.public_key_of("p-novak")}])
    repo.write("promotions/signers.yaml", own)
    entry = repo.promote()
    content = entry["content"]
    entry["signature"] = records.signature(entry["format"], content, repo.now, "p-novak") | {
        "signer": "tests"
    }
    repo.write(records.record_path(entry), entry)
    repo.approve(entry)


def withdraw(repo: Repository, index: int, until: str) -> None:
    own = records.signers()
    own["signers"][index]["keys"][0]["until"] = until
    repo.write("promotions/signers.yaml", own)
    repo.commit("Withdrawn")
