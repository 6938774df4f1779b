"""The pipeline's own scripts carry a site from pilot through parallel to cutover and back: a bare repository, no forge.

What was not reviewed, what moved since, and what nobody approved is not deployed.
"""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lab.estate import Estate
from lab.history import tell
from lab.plugins.kubernetes.older import VARIABLE as OLDER
from lab.waiting import wait_until
from model import load_site
from model.edit import set_value
from tests.support import promotions, servers, thief
from tests.support.forge import request, serving
from tests.support.promotions import git, sitectl
from tests.support.shell import Outcome, Shell, copy_program

SITE = "baytown"
OVERRIDE = ("--override", "The unit's turnaround cannot wait", "--approver", "d-okafor")
PARALLEL = "in-parallel"
REVIEWER = "REVIEWERS_TOKEN"
PEOPLE = ("d-okafor", "a-lindqvist")


@pytest.fixture(scope="module")
def engineer(shell: Shell, estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A site engineer's clone of a bare repository, with the site deployed, and evidence for its promotion."""
    # The kubernetes plugin stores older objects here, as the official one may.
    older = {**shell.environment, OLDER: "1"}
    here = replace(shell, folder=copy_program(tmp_path_factory.mktemp("engineer")), environment=older)
    promotions.changeable(here.folder / "stacks" / "sites" / f"{SITE}.yaml")
    promotions.add_signer(here)
    here.up(SITE)
    site = load_site(here.folder / "stacks", SITE)
    tell(estate, site, "good", 40, datetime.now(UTC))
    for name, data in promotions.reports(site).items():
        sitectl(here, "sign", str(promotions.write_report(here.folder / "stacks", SITE, name, data)))
    promotions.checkout(here)
    bare = tmp_path_factory.mktemp("bare") / "program.git"
    git(here, "clone", "--quiet", "--bare", ".", str(bare))
    git(here, "remote", "add", "origin", str(bare))
    git(here, "fetch", "--quiet", "origin")
    here = reader(here, estate)
    serve(here)
    yield here
    here.pulumi("destroy", "--yes", "--skip-preview", "--stack", SITE)


def serve(engineer: Shell, check: bool = True, variables: Mapping[str, str] | None = None) -> Outcome:
    """Let the runners inside the site look once: one whose login to Vault may but read, and one that deploys."""
    bare = git(engineer, "remote", "get-url", "origin").out.strip()
    work = engineer.folder.parent / "runner"
    command = ("python", "-m", "pipelines", "runner", bare, "--work", str(work), "--site", SITE, "--only")
    reads = {**(variables or {}), "VAULT_TOKEN": engineer.environment[REVIEWER]}
    looked = engineer.run(*command, "review", check=check, variables=reads)
    deployed = engineer.run(*command, "release", check=check, variables=variables)
    return Outcome(looked.code or deployed.code, looked.out + deployed.out, looked.err + deployed.err)


def reader(engineer: Shell, estate: Estate) -> Shell:
    """Return a shell that knows the login of reviews, too: it may read, and sign reviews."""
    policies = [f"iot-{SITE}-review", "iot-reviewer"]
    body = {"policies": policies, "no_parent": True, "no_default_policy": False, "ttl": "2h"}
    made = servers.vault_root(engineer, estate).ask("POST", "/auth/token/create", body)
    assert made.status == 200, made.text
    token = made.json["auth"]["client_token"]
    return replace(engineer, environment={**engineer.environment, REVIEWER: token})


def change(engineer: Shell, name: str, message: str) -> str:
    """Commit what was edited to a change's branch and push it."""
    git(engineer, "checkout", "--quiet", "-B", f"change/{name}")
    commit = promotions.commit(engineer, message)
    git(engineer, "push", "--quiet", "--force", "origin", f"change/{name}")
    return commit


def merge(engineer: Shell, name: str) -> None:
    """Merge the change, by a merge commit, and push."""
    git(engineer, "checkout", "--quiet", "main")
    git(engineer, "merge", "--quiet", "--no-ff", "--message", f"Merge {name}", f"change/{name}")
    git(engineer, "push", "--quiet", "origin", "main")


def promote(engineer: Shell, *arguments: str) -> None:
    git(engineer, "checkout", "--quiet", "main")
    sitectl(engineer, *arguments)


def phase(engineer: Shell) -> str:
    return str(engineer.outputs(SITE)["phase"])


def test_a_promotion_is_reviewed_approved_merged_and_deployed(engineer: Shell, estate: Estate) -> None:
    servers_agree(engineer)
    promote(engineer, "promote", SITE, "--to", "parallel")
    change(engineer, "parallel", "To parallel")
    reviewed = serve(engineer)
    assert "may be merged when it is approved" in reviewed.out
    assert f"| {SITE} | its phase | " in reviewed.out
    assert "| none |" in reviewed.out
    assert phase(engineer) == "pilot"
    assert "record 1 has 0 of 2 approvals" in reviewed.out
    assert "that is enough" in promotions.approve(engineer, estate, SITE, *PEOPLE).out
    change(engineer, "parallel", "Approved")
    merge(engineer, "parallel")
    assert f"wave 1  {SITE}  deployed" in serve(engineer).out
    assert phase(engineer) == "parallel"
    git(engineer, "tag", PARALLEL)
    # The control: by the state alone a preview is not empty, and no promotion would have been released.
    assert {step.operation for step in engineer.preview(SITE)} == {"update"}
    assert engineer.preview(SITE, "--refresh") == []


def test_what_nobody_approved_is_not_deployed(engineer: Shell) -> None:
    promote(engineer, "promote", SITE, "--to", "cutover", *OVERRIDE)
    change(engineer, "cutover", "To cutover")
    serve(engineer)
    merge(engineer, "cutover")
    refused = serve(engineer, check=False)
    assert refused.code == 1
    assert "record 2 has 0 of 2 approvals" in refused.out
    assert phase(engineer) == "parallel"


def test_nobody_approves_as_another(engineer: Shell, estate: Estate) -> None:
    """Vault certifies the name of the login alone, and the lab's own token has none."""
    others = (
        promotions.login(engineer, estate, "a-lindqvist"),
        promotions.login(engineer, estate, "site-engineer"),
    )
    for variables in (*others, {}):
        refused = engineer.run(
            "sitectl", "approve", SITE, "--by", "r-calloway", check=False, variables=variables
        )
        assert (refused.code, "Vault refuses" in refused.err) == (1, True), refused.text
        assert "Nothing was written" in refused.err
    unknown = sitectl(engineer, "approve", SITE, "--by", "site-engineer", check=False)
    assert (unknown.code, "`site-engineer` is no approver of origin/main" in unknown.err) == (1, True)


def test_a_forge_has_one_comment_and_its_objections_stop_a_release(engineer: Shell, estate: Estate) -> None:
    git(engineer, "checkout", "--quiet", "-B", "change/approved", "main")
    promotions.approve(engineer, estate, SITE, "a-lindqvist", "r-calloway", "d-okafor")
    commit = promotions.commit(engineer, "Approved")
    # As a forge keeps the last commit of each change request.
    git(engineer, "push", "--quiet", "origin", "HEAD:refs/heads/change/approved", "HEAD:refs/pull/7/head")
    git(engineer, "checkout", "--quiet", "main")
    with serving() as (forge, address):
        forge.comments.clear()
        forge.requests.append(request(7, "r-calloway", commit))
        runner = {"GITHUB_REPOSITORY": "field/broker", "GITHUB_API_URL": address, "GITHUB_TOKEN": "secret"}

        def step(*arguments: str, check: bool = True) -> Outcome:
            return engineer.run("python", "-m", "pipelines", *arguments, check=check, variables=runner)

        for _ in range(2):
            step("reviews", "--against", PARALLEL, "--number", "7", "--site", SITE)
        (comment,) = forge.comments
        assert f"| {SITE} | its phase | " in comment["body"]
        assert [entry["state"] for entry in forge.statuses[:2]] == ["failure", "success"]
        assert "r-calloway has opened request 7 as r-calloway" in forge.statuses[0]["words"]
        merge(engineer, "approved")
        forge.requests[:] = [request(7, "somebody", commit)]
        forge.reviews.append(
            {"state": "CHANGES_REQUESTED", "user": {"login": "m-reyes"}, "commit_id": commit}
        )
        held = step("approvals", "--against", PARALLEL, "--push", check=False)
        assert (held.code, "m-reyes asked for changes at request 7" in held.out) == (1, True)
        # What asks no forge knows it by the note, as far as it was fetched.
        for answer in (sitectl(engineer, "validate", SITE, check=False), engineer.up(SITE, check=False)):
            assert (answer.code, "changes asked for by m-reyes at request 7" in answer.text) == (1, True)
        forge.reviews.append({"state": "DISMISSED", "user": {"login": "m-reyes"}, "commit_id": commit})
        assert "nothing is lacking" in step("approvals", "--against", PARALLEL, "--push").out
        assert sitectl(engineer, "validate", SITE).code == 0
    assert "secret" not in held.text


def test_the_policys_rules_are_checked(engineer: Shell) -> None:
    assert "PASS" in engineer.run("python", "-m", "pipelines", "policy").out


def test_a_state_that_moved_since_the_review_is_refused(engineer: Shell, tmp_path: Path) -> None:
    # Somebody deploys from another checkout, past the pipeline.
    git(engineer, "worktree", "add", "--quiet", "--detach", str(tmp_path / "elsewhere"), PARALLEL)
    elsewhere = replace(engineer, folder=tmp_path / "elsewhere")
    file = site_file(elsewhere)
    file.write_text(set_value(file.read_text(), ("platform", "prometheus_namespace"), "observability"))
    elsewhere.up(SITE)
    refused = serve(engineer, check=False)
    assert refused.code == 1
    assert "the stack's state moved since the review" in refused.out
    assert phase(engineer) == "parallel"


def test_reviewed_again_it_is_deployed(engineer: Shell) -> None:
    runner = replace(engineer, folder=engineer.folder.parent / "runner")
    runner.run(
        "python",
        "-m",
        "pipelines",
        "review",
        "--push",
        "--against",
        "refs/iot-broker/released",
        "--site",
        SITE,
    )
    assert f"wave 1  {SITE}  deployed" in serve(engineer).out
    assert phase(engineer) == "cutover"


def test_files_that_nobody_reviewed_are_not_deployed(engineer: Shell) -> None:
    git(engineer, "checkout", "--quiet", "main")
    file = site_file(engineer)
    file.write_text(file.read_text().replace("title: ", "title: The ", 1))
    promotions.commit(engineer, "Straight to main")
    git(engineer, "push", "--quiet", "origin", "main")
    refused = serve(engineer, check=False)
    assert (refused.code, "exactly these files have no review" in refused.out) == (1, True)
    # What is reviewed now is what the rollback below is compared with.
    git(engineer, "revert", "--no-edit", "HEAD")
    git(engineer, "push", "--quiet", "origin", "main")
    assert serve(engineer).code == 0


def test_a_rollback_needs_a_review_and_no_approval(engineer: Shell) -> None:
    promote(engineer, "rollback", SITE)
    change(engineer, "back", "Back to parallel")
    serve(engineer)
    merge(engineer, "back")
    assert f"{SITE}  deployed" in serve(engineer).out
    assert phase(engineer) == "parallel"


def test_drift_is_told_on_one_branch_that_goes_when_it_is_gone(engineer: Shell) -> None:
    site = load_site(engineer.folder / "stacks", SITE)
    look = ("python", "-m", "pipelines", "drift", "--push", "--site", SITE)
    engineer.kubectl(
        "--namespace", site.namespace, "label", "service/opa", "iot-broker/site=elsewhere", "--overwrite"
    )
    for _ in range(2):
        found = engineer.run(*look, check=False)
        assert found.code == 1
        assert "iot-broker/site" in found.out
    git(engineer, "fetch", "--quiet", "origin")
    assert git(engineer, "rev-list", "--count", "origin/main..origin/drift").out.strip() == "1"
    # What a hand only adds no refresh sees, and no repair takes away; that of the same object does.
    role = ("--namespace", site.namespace, "patch", "role/site-issuer-tokens")
    rule = '{"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}'
    engineer.kubectl(*role, "--type=json", f'--patch=[{{"op": "add", "path": "/rules/-", "value": {rule}}}]')
    engineer.pulumi("up", "--refresh", "--yes", "--skip-preview", "--stack", SITE)
    found = engineer.run(*look, check=False)
    assert (found.code, "Role site-issuer-tokens has more than the kit says: rules" in found.out) == (1, True)
    engineer.kubectl(*role, "--type=merge", '--patch={"metadata": {"labels": {"iot-broker/site": "repair"}}}')
    engineer.pulumi("up", "--refresh", "--yes", "--skip-preview", "--stack", SITE)
    assert engineer.run(*look).code == 0
    assert not git(engineer, "ls-remote", "--heads", "origin", "drift").out


def test_a_thief_in_a_changes_branch_gets_nothing(engineer: Shell, tmp_path: Path) -> None:
    """Code wherever a tool would run it, links, settings that send logins elsewhere, and names that shadow refs."""
    git(engineer, "checkout", "--quiet", "-B", "change/thief", "main")
    loot, secret, login = tmp_path / "loot", tmp_path / "secret", thief.variables()
    secret.write_text("root:x:0:0")
    file = site_file(engineer)
    file.write_text(set_value(file.read_text(), ("platform", "prometheus_namespace"), "thieves"))
    (file.parents[1] / f"Pulumi.{SITE}.yaml").write_text(
        "config:\n  iot-broker:vaultAddress: https://thief.example\n"
    )
    data = change(engineer, "thief", "A namespace, and where logins go")
    shadows = ("refs/heads/origin/main", "refs/tags/origin/main")
    git(engineer, "push", "--quiet", "--force", "origin", *(f"{data}:{name}" for name in shadows))
    looked = serve(engineer, variables=login)
    assert f"| {SITE} | its data | " in looked.out
    assert "**It changes settings**" in looked.out

    # Planted beside the folder that the runner is started in, as on a machine of the thief's own.
    git(engineer, "checkout", "--quiet", "--detach", data)
    planted = replace(engineer, folder=tmp_path / "planted")
    git(engineer, "worktree", "add", "--quiet", str(planted.folder), "change/thief")
    thief.plant(planted.folder, loot)
    code = change(planted, "thief", "And code")
    git(engineer, "worktree", "remove", "--force", str(planted.folder))
    assert "**It changes the program**" in serve(engineer, variables=login).out

    (file.parent / "passwd.yaml").symlink_to(secret)
    change(engineer, "thief", "And a link")
    linked = serve(engineer, check=False, variables=login)
    assert (linked.code, "stacks/sites/passwd.yaml: is a link" in linked.out) == (1, True)
    assert secret.read_text() not in linked.text
    assert thief.stolen(loot) == {}

    # The control: as runners did, in a checkout of the change. The thief gets the runner's logins.
    folder = tmp_path / "as-before"
    git(engineer, "worktree", "add", "--quiet", "--detach", str(folder), code)
    before = ("python", "-m", "pipelines", "review", "--against", "refs/remotes/origin/main", "--site", SITE)
    replace(engineer, folder=folder).run(*before, check=False, variables=login)
    got = "".join(thief.stolen(loot).values())  # as the deployer, whose logins runners had
    assert (thief.VALUE in got, engineer.environment["VAULT_TOKEN"] in got) == (True, True)
    git(engineer, "worktree", "remove", "--force", str(folder))
    git(engineer, "push", "--quiet", "origin", "--delete", "change/thief", *shadows)
    git(engineer, "checkout", "--quiet", "--force", "main")


def test_people_sign_with_a_certificate_of_minutes(engineer: Shell, estate: Estate) -> None:
    git(engineer, "checkout", "--quiet", "-B", "keyless", "main")
    add = ("signers", "add", "trainers", "--keyless", "--path", "signing/promoter", "--use", "training")
    sitectl(engineer, *add, "--identity", "*@field.example")
    report = str(engineer.folder / "stacks" / "reports" / SITE / "training.yaml")
    sign = ("sitectl", "sign", report, "--signer", "trainers", "--identity")
    own = promotions.login(engineer, estate, "a-lindqvist")
    engineer.run(*sign, "a-lindqvist@field.example", variables=own)
    # A signer that the change itself brings does not count, until it was merged.
    brought = sitectl(engineer, "validate", SITE, check=False)
    assert (brought.code, "`trainers` is no signer (by the signers of origin/main)" in brought.err) == (
        1,
        True,
    )
    for other in ("m-reyes@field.example", "a-lindqvist@elsewhere.example", "field.example"):
        refused = engineer.run(*sign, other, check=False, variables=own)
        assert (refused.code, "Vault refuses" in refused.err) == (1, True), refused.text
    promotions.commit(engineer, "Trainers")
    git(engineer, "push", "--quiet", "origin", "keyless:refs/heads/main")
    git(engineer, "checkout", "--quiet", "-B", "again", "keyless")
    engineer.run(*sign, "a-lindqvist@field.example", variables=own)
    assert sitectl(engineer, "validate", SITE).code == 0
    git(engineer, "checkout", "--quiet", "--force", "main")


def test_a_run_signs_in_with_the_identity_that_its_forge_vouches_for(
    engineer: Shell, estate: Estate, tmp_path: Path
) -> None:
    root, key = servers.vault_root(engineer, estate), generate_private_key(SECP256R1())
    root.ask("POST", "/sys/auth/jwt", body={"type": "jwt"})
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    root.ask("POST", "/auth/jwt/config", body={"jwt_validation_pubkeys": [public]})
    role = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["iot-broker"], "token_ttl": "10m"}
    claims = {"bound_claims": {"ref": "refs/heads/main"}, "token_policies": ["iot-promoter"]}
    root.ask("POST", "/auth/jwt/role/iot-release", body=role | claims)
    login = ("python", "-m", "pipelines", "login", "--role", "iot-release")

    def run(ref: str) -> Outcome:
        variables = {"VAULT_ID_TOKEN": token(key, ref), "HOME": str(tmp_path), "VAULT_TOKEN": ""}
        return engineer.run(*login, check=False, variables=variables)

    refused = run("refs/heads/else")
    assert (refused.code, "Vault refuses the run's identity" in refused.err) == (1, True)
    assert run("refs/heads/main").code == 0
    kept = tmp_path / ".vault-token"
    assert kept.stat().st_mode & 0o777 == 0o600
    report = str(engineer.folder / "stacks" / "reports" / SITE / "policy.yaml")
    signed = engineer.run("sitectl", "sign", report, variables={"HOME": str(tmp_path), "VAULT_TOKEN": ""})
    assert kept.read_text() not in signed.text
    git(engineer, "checkout", "--quiet", "--", "stacks")
    root.ask("DELETE", "/sys/auth/jwt")


def token(key: EllipticCurvePrivateKey, ref: str) -> str:
    """Return an OpenID Connect token as a forge gives it to a run (JWS, ES256)."""
    now = int(time.time())
    claims = {"iss": "forge", "sub": "run", "aud": "iot-broker", "iat": now, "exp": now + 300, "ref": ref}
    parts = [json.dumps(part).encode() for part in ({"alg": "ES256", "typ": "JWT"}, claims)]
    text = ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    r, s = decode_dss_signature(key.sign(text.encode(), ECDSA(SHA256())))
    value = urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode().rstrip("=")
    return f"{text}.{value}"


def site_file(shell: Shell) -> Path:
    return shell.folder / "stacks" / "sites" / f"{SITE}.yaml"


def servers_agree(engineer: Shell) -> None:
    """Wait until Prometheus has evaluated each rule of the site."""
    prometheus = servers.prometheus(engineer)

    def evaluated() -> bool:
        groups = prometheus.get("/rules")["data"]["groups"]
        own = [rule for group in groups if SITE in group["name"] for rule in group["rules"]]
        return bool(own) and all(rule["health"] == "ok" for rule in own)

    wait_until(evaluated, 120, "every rule's evaluation")
