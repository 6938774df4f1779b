"""Preflight's look for the secrets that the stack does not make: that each key is there, and never its value.

Where the site makes its Secrets itself they must be in its namespace; with External Secrets, in Vault.
"""

from collections.abc import Iterable, Mapping

from components import names
from components.broker_secrets import SINK_KAFKA_PASSWORD
from components.kafka_topics import user_name
from components.requirements import needed_secrets
from components.workers import carriers
from model import Site
from model.platform import ExternalSecrets
from sitectl.checks import Finding
from sitectl.checks.kubectl import Kubectl, KubectlFailed
from sitectl.checks.web import Web

CLUSTER, VAULT = "kubernetes", "vault"


def secret_findings(kubectl: Kubectl, site: Site) -> list[Finding]:
    """Look for the Secrets that must be in the site's namespace before `pulumi up`, or during the first one."""
    wanted = in_namespace(site)
    if not wanted:
        return []
    what = f"Secrets in namespace {site.namespace}"
    try:
        found = kubectl.keys_of_secrets(site.namespace, wanted)
    except KubectlFailed as failure:
        return [
            Finding(CLUSTER, what, str(failure), "let this login read Secrets there, as `pulumi up` must")
        ]
    later = {} if _has_kafka_users(kubectl, site) else _made_by_strimzi(site, wanted)
    now = {name: [key for key in keys if key not in later.get(name, ())] for name, keys in wanted.items()}
    lacking, waiting = missing(now, found), missing(later, found)
    if lacking:
        return [Finding(CLUSTER, what, f"missing: {lacking}", _making(site))]
    if waiting:
        detail = f"all but {waiting}, which Strimzi makes in the first `up`: copy them then, it waits for you"
        return [Finding(CLUSTER, what, detail)]
    return [Finding(CLUSTER, what, f"all keys of {', '.join(wanted)}")]


def _making(site: Site) -> str:
    return (
        "make them before the whole `pulumi up` (docs/rights.md says how the namespace comes first)\n    "
        f"`kubectl create secret generic NAME --namespace {site.namespace} --from-file=KEY=FILE` "
        "(docs/real-site.md says what each holds)"
    )


def _has_kafka_users(kubectl: Kubectl, site: Site) -> bool:
    """Say whether Strimzi has made the passwords of who writes to Kafka; not while nobody can see them."""
    users = [user_name(site, user) for user in carriers(site)]
    try:
        found = kubectl.keys_of_secrets(site.streams.cluster.namespace, users)
    except KubectlFailed:
        return False
    return all("password" in found.get(user, ()) for user in users)


def _made_by_strimzi(site: Site, wanted: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return the keys that hold the password of a Kafka user: it comes with the site's first `up`."""
    users = {names.SINKS_KAFKA, *carriers(site).values()}
    return {
        name: [key for key in keys if key == SINK_KAFKA_PASSWORD or (name in users and key == "password")]
        for name, keys in wanted.items()
    }


def in_namespace(site: Site) -> dict[str, tuple[str, ...]]:
    """Return the Secrets, and their keys, that the site makes itself."""
    wanted = needed_secrets(site)
    if site.platform.external_secrets is None:
        return wanted
    licence = site.broker.licence
    return {licence.secret: wanted[licence.secret]} if licence else {}


def slot_findings(web: Web, site: Site) -> list[Finding]:
    """Look, where External Secrets brings them, whether Vault has each key of each slot: by names alone."""
    external = site.platform.external_secrets
    if external is None:
        return []
    own = in_namespace(site)
    wanted = {name: keys for name, keys in needed_secrets(site).items() if name not in own}
    what = f"secrets under {external.path}/{site.name}"
    found: dict[str, set[str]] = {}
    for name in wanted:
        answer = web.get(f"/v1/{external.path}/subkeys/{site.name}/{name}")
        if answer.status == 403:
            remedy = f"let the token read {external.path}/subkeys/*, as rights/vault/deployer.hcl does"
            return [Finding(VAULT, what, "may not look for them", remedy)]
        if answer.status == 200:
            found[name] = set(answer.body["data"]["subkeys"])
    lacking = missing(wanted, found)
    if not lacking:
        return [Finding(VAULT, what, f"all keys of {', '.join(wanted)}")]
    return [Finding(VAULT, what, f"missing: {lacking}", _filling(external, site))]


def _filling(external: ExternalSecrets, site: Site) -> str:
    return (
        f"`vault kv put -mount={external.path} {site.name}/SECRET KEY=@FILE …`, in a key-value engine of version 2 "
        f"(docs/real-site.md says what each holds)"
    )


def missing(wanted: Mapping[str, Iterable[str]], found: Mapping[str, set[str]]) -> str:
    """Name every key that is not there, by its Secret; empty where nothing is missing."""
    lacking = {name: [key for key in keys if key not in found.get(name, ())] for name, keys in wanted.items()}
    return "; ".join(f"{name} ({', '.join(keys)})" for name, keys in lacking.items() if keys)
