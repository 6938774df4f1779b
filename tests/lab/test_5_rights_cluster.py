"""What the deployer and the reviewer may not do in the cluster: each known way to more rights is tried and refused.

The administrator tries the same as a dry run, which the cluster takes: a refusal is about rights, and nothing else.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.estate import Estate
from model import Site
from tests.support.shell import Outcome, Shell

RBAC = "rbac.authorization.k8s.io"
ME = {"kind": "User", "apiGroup": RBAC, "name": "iot-deployer"}


def binding(kind: str, role: str, role_kind: str, namespace: str | None = None) -> dict[str, Any]:
    """A binding of a role to the deployer."""
    metadata = {"name": "escalated"} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": metadata,
        "roleRef": {"apiGroup": RBAC, "kind": role_kind, "name": role},
        "subjects": [ME],
    }


def role(kind: str, rule: dict[str, Any], namespace: str | None = None) -> dict[str, Any]:
    """A role with one rule."""
    metadata = {"name": "escalated"} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": metadata, "rules": [rule]}


def pod(namespace: str) -> dict[str, Any]:
    """A pod that would read every secret of its node."""
    container = {"name": "thief", "image": "thief:1", "securityContext": {"privileged": True}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "thief", "namespace": namespace},
        "spec": {"containers": [container]},
    }


EVERYTHING = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
SECRETS = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}


@dataclass(frozen=True)
class Made:
    """An object whose creation would be a way to more rights."""

    what: str
    body: dict[str, Any]


OWN = "iot-eagle-ford"
RUN_COMMANDS = {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}
ESCALATE = {"apiGroups": [RBAC], "resources": ["roles"], "verbs": ["escalate"]}


def named(kind: str, api_version: str, namespace: str | None = None, **more: Any) -> dict[str, Any]:
    """An object of a kind with nothing but what it needs."""
    metadata = {"name": "escalated"} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


CREATIONS = (
    Made("binds itself to cluster-admin", binding("ClusterRoleBinding", "cluster-admin", "ClusterRole")),
    Made("binds itself to view everywhere", binding("ClusterRoleBinding", "view", "ClusterRole")),
    Made("binds itself to admin in its namespace", binding("RoleBinding", "admin", "ClusterRole", OWN)),
    Made("binds itself in kube-system", binding("RoleBinding", "view", "ClusterRole", "kube-system")),
    Made("binds itself in Kafka's namespace", binding("RoleBinding", "edit", "ClusterRole", "kafka")),
    Made("makes a role of the whole cluster", role("ClusterRole", EVERYTHING)),
    Made("makes a role of more than it has", role("Role", EVERYTHING, OWN)),
    Made("lets itself run commands in pods", role("Role", RUN_COMMANDS, OWN)),
    Made("makes a role that may escalate", role("Role", ESCALATE, OWN)),
    Made("makes a role in kube-system", role("Role", SECRETS, "kube-system")),
    Made("makes a ConfigMap in kube-system", named("ConfigMap", "v1", "kube-system")),
    Made("runs a pod in kube-system", pod("kube-system")),
    Made("runs a pod of its own", pod(OWN)),
    Made("makes an account in Kafka's namespace", named("ServiceAccount", "v1", "kafka")),
    Made(
        "makes an admission webhook",
        named("ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1"),
    ),
    Made(
        "makes an API of its own",
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1.escalated.example"},
            "spec": {
                "group": "escalated.example",
                "version": "v1",
                "groupPriorityMinimum": 1000,
                "versionPriority": 1,
            },
        },
    ),
    Made("makes a priority", named("PriorityClass", "scheduling.k8s.io/v1", value=1)),
    Made(
        "has a certificate signed",
        named(
            "CertificateSigningRequest",
            "certificates.k8s.io/v1",
            spec={
                "request": "",
                "signerName": "kubernetes.io/kube-apiserver-client",
                "usages": ["client auth"],
            },
        ),
    ),
)
# Verb, what (with a part of it after a colon), and where: questions that the API server itself answers.
QUESTIONS = (
    ("impersonate", "users", None),
    ("impersonate", "groups", None),
    ("impersonate", "serviceaccounts", "kube-system"),
    ("get", "secrets", "kube-system"),
    ("list", "secrets", "kafka"),
    ("get", "secrets/core-cluster-ca", "kafka"),
    ("list", "secrets", None),
    ("create", "serviceaccounts:token", "kube-system"),
    ("create", "pods:exec", OWN),
    ("create", "pods", OWN),
    ("get", "nodes:proxy", None),
    ("patch", "nodes", None),
    ("bind", f"clusterroles.{RBAC}/cluster-admin", None),
    ("escalate", f"clusterroles.{RBAC}", None),
    ("escalate", f"roles.{RBAC}", OWN),
    ("bind", f"roles.{RBAC}", OWN),
    ("patch", f"clusterrolebindings.{RBAC}/cluster-admin", None),
    ("delete", "namespaces/kube-system", None),
    ("patch", "namespaces/kafka", None),
    ("patch", "kafkas.kafka.strimzi.io/core", "kafka"),
    ("patch", "customresourcedefinitions.apiextensions.k8s.io", None),
)


@pytest.fixture(scope="module")
def reviewers(deployed: Shell, estate: Estate, site: Site, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A kubeconfig of the site's reviewers: a certificate of their group, signed by the cluster's authority."""
    from lab.certificates import Authority

    authority = Authority(estate.state / "tls", "the lab's")
    pair = authority.client("a-reviewer", "a-reviewer", f"iot-{site.name}-reviewers")
    config = yaml.safe_load(Path(deployed.environment["KUBECONFIG"]).read_text())
    config["users"][0]["user"] = {"client-certificate": str(pair.certificate), "client-key": str(pair.key)}
    file = tmp_path_factory.mktemp("reviewer") / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return str(file)


def tried(shell: Shell, body: dict[str, Any], **variables: str) -> Outcome:
    """Create an object as a dry run on the server, which asks for the same rights; nothing is made."""
    command = ("kubectl", "create", "--dry-run=server", "--validate=false", "-f", "-")
    return shell.run(*command, text=json.dumps(body), check=False, variables=variables)


def may(shell: Shell, verb: str, what: str, namespace: str | None, **variables: str) -> bool:
    """Ask the API server whether a login may."""
    what, _, part = what.partition(":")
    place = (f"--namespace={namespace}",) if namespace else ("--all-namespaces",)
    command = ("kubectl", "auth", "can-i", verb, what, *place, "--quiet", f"--subresource={part}")
    asked = shell.run(*command, check=False, variables=variables)
    return asked.code == 0


def test_the_deployer_is_in_no_group_of_administrators(deployed: Shell) -> None:
    who = json.loads(deployed.run("kubectl", "auth", "whoami", "--output=json").out)["status"]["userInfo"]
    assert who["username"] == "iot-deployer"
    assert "system:masters" not in who["groups"]
    assert {group for group in who["groups"] if not group.startswith("iot-")} == {"system:authenticated"}


@pytest.mark.parametrize("creation", CREATIONS, ids=lambda entry: entry.what)
def test_a_creation_that_gives_more_rights_is_refused(
    deployed: Shell, creation: Made, reviewers: str
) -> None:
    for variables in ({}, {"KUBECONFIG": reviewers}):
        refused = tried(deployed, creation.body, **variables)
        assert refused.code != 0
        assert "forbidden" in refused.text.lower(), refused.text
    # The control: it is an object that the cluster would take, from an administrator.
    taken = tried(deployed, creation.body, **deployed.administration)
    assert "forbidden" not in taken.text.lower() or "podsecurity" in taken.text.lower(), taken.text


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda entry: f"{entry[0]} {entry[1]} {entry[2] or ''}")
def test_the_cluster_says_no(deployed: Shell, question: tuple[str, str, str | None], reviewers: str) -> None:
    assert not may(deployed, *question)
    assert not may(deployed, *question, KUBECONFIG=reviewers)
    assert may(deployed, *question, **deployed.administration), "the control: an administrator may"


def test_a_deployer_binds_the_one_role_that_it_must(deployed: Shell, site: Site) -> None:
    review = binding("ClusterRoleBinding", "system:auth-delegator", "ClusterRole")
    assert tried(deployed, review).code == 0
    found = deployed.get("clusterrolebinding", f"{site.namespace}-token-review")
    assert found["roleRef"]["name"] == "system:auth-delegator"


def test_a_reviewer_reads_what_the_site_has_and_writes_nothing(
    deployed: Shell, site: Site, reviewers: str
) -> None:
    as_reviewer = {"KUBECONFIG": reviewers}
    for what in ("emqx", "configmap", "networkpolicy"):
        assert may(deployed, "get", what, site.namespace, **as_reviewer)
    for verb in ("create", "patch", "delete"):
        for what in ("emqx", "configmap", "secret", "deployment", "role"):
            assert not may(deployed, verb, what, site.namespace, **as_reviewer), f"{verb} {what}"
    assert not may(deployed, "list", "secrets", site.namespace, **as_reviewer)
    assert not may(deployed, "get", "secrets/broker-kafka", site.namespace, **as_reviewer)
    assert may(deployed, "get", "secrets/dashboard-login", site.namespace, **as_reviewer)
