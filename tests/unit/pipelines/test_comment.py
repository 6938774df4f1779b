"""The one comment of a review says what Vault's administrator has to run before the merge."""

from pathlib import Path

from pipelines import comment
from pipelines.affected import Affected
from pipelines.review import Reviewed
from pipelines.stack import Plan, Stack, Step

POLICY = Step("create", "eagle-ford-issue-host-scada-karnes", "vault:index/policy:Policy", ())
ROLE = Step(
    "create", "eagle-ford-host-scada-karnes", "vault:pkiSecret/secretBackendRole:SecretBackendRole", ()
)


def reviewed(**bootstraps: Plan) -> Reviewed:
    found = Reviewed("0" * 40, "main", Affected(("eagle-ford",), {"eagle-ford": "its file"}, ()))
    found.plans["eagle-ford"] = Plan("sha256:1", (ROLE,))
    found.states["eagle-ford"] = "sha256:2"
    found.bootstraps |= {name.replace("_", "-"): plan for name, plan in bootstraps.items()}
    return found


def test_a_change_of_policies_is_the_administrators_and_comes_first() -> None:
    text = comment.text(reviewed(eagle_ford=Plan("sha256:3", (POLICY,))))
    said = text.index("eagle-ford: Vault's administrator runs the bootstrap before the merge: 1 to create")
    assert said < text.index(POLICY.name) < text.index("<details>")


def test_a_change_that_needs_no_administrator_names_none() -> None:
    assert "administrator" not in comment.text(reviewed())


def test_a_bootstrap_is_a_stack_of_the_same_name_in_a_folder_of_its_own() -> None:
    assert Stack(Path("/program"), "eagle-ford").bootstrap == Stack(Path("/program/bootstrap"), "eagle-ford")
