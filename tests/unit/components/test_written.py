"""What the kit makes in Vault and Keycloak is said in full: an input that is left unsaid stays what a hand made of it.

The inputs come from the installed SDKs; what replaces a resource, and so cannot be changed by hand on the same one,
from the lab's plugins. Whatever is left out on purpose stands below with its reason, and goes when the reason goes.
"""

from collections.abc import Mapping

from components.recording import Composition, compose_bootstrap
from lab.plugins.bridged import BridgedResource, ResourceType
from lab.plugins.keycloak.resources import resources
from lab.plugins.keycloak.server import Server, settings_of
from lab.plugins.vault.provider import VaultProvider
from model.identity import Mail, MailLogin
from tests.support.composing import compose
from tests.support.written import arguments, unwritten

ACTS = (
    "SecretBackendRootCert",
    "SecretBackendIntermediateCertRequest",
    "SecretBackendRootSignIntermediate",
    "SecretBackendIntermediateSetSigned",
)
"""Types of which nothing is read again: a key is made, a certificate signed or taken in, once."""

ENTERPRISE = "belongs to Vault Enterprise"
OFF = "a block that is left out is off, and one that comes by hand is a difference: the server chooses none"
BOUND = "written by Bindings, the realm's own resource of its flows"
NOT_GIVEN_BACK = "Keycloak does not give it back with the realm, so that no hand edit of it can be seen there"
ON_PURPOSE: dict[str, dict[str, str]] = {
    "Mount": {
        "pluginVersion": "Vault refuses an empty one, and a given one would stay behind when Vault is renewed"
    },
    "Policy": {
        "allowOverwrite": "says what the provider may do at creation, and warns that it will be removed"
    },
    "AuthBackendConfig": {
        "tokenReviewerJwt": "Vault never gives it back, and the kit keeps no reviewer's token there",
        "tokenReviewerJwtWo": "is written and kept nowhere",
        "tokenReviewerJwtWoVersion": "belongs to tokenReviewerJwtWo",
    },
    "AuthBackendRole": {"roleId": "Vault's own making"},
    "SecretBackendRole": {
        "noStoreMetadata": ENTERPRISE,
        "parameterSet": "is of key types that the kit does not use",
        "policyIdentifier": "another spelling of policyIdentifiers; the two exclude each other",
    },
    "Realm": {
        **dict.fromkeys(
            (
                *("browserFlow", "registrationFlow", "directGrantFlow", "resetCredentialsFlow"),
                *("clientAuthenticationFlow", "dockerAuthenticationFlow", "firstBrokerLoginFlow"),
            ),
            BOUND,
        ),
        **dict.fromkeys(("defaultDefaultClientScopes", "defaultOptionalClientScopes"), NOT_GIVEN_BACK),
        "internationalization": OFF,
        "smtpServer": OFF,
        "smtpServer.tokenAuth": OFF,
        "smtpServer.auth": OFF,
        **dict.fromkeys(
            ("webAuthnPolicy.requireResidentKey", "webAuthnPasswordlessPolicy.requireResidentKey"),
            "deprecated, so that saying it warns in every deployment; the provider writes its default",
        ),
    },
    "Client": {
        "authenticationFlowBindingOverrides": OFF,
        "authorization": OFF,
        "clientSecret": "Keycloak's own making",
        "clientSecretRegenerateWhenChanged": "renews a secret; the kit renews none this way",
        "clientSecretWo": "is written and kept nowhere",
        "clientSecretWoVersion": "belongs to clientSecretWo",
        "rootUrl": "an empty one makes Keycloak give a new client without redirects the redirect `/*`",
    },
    "AudienceProtocolMapper": {
        "includedClientAudience": "excludes includedCustomAudience; one that comes by hand is a difference"
    },
}


def described() -> Mapping[str, ResourceType]:
    """The lab's descriptions of both plugins' types."""
    nowhere = Server(settings_of({"url": "http://127.0.0.1:1", "clientId": "a", "clientSecret": "b"}, {}))
    kept = [*resources(nowhere).values(), *VaultProvider()._resources.values()]
    return {made.described.token: made.described for made in kept if isinstance(made, BridgedResource)}


def left(composition: Composition) -> dict[str, set[str]]:
    """What may change by hand, is left unsaid and is not one of the acts, by the short name of its type."""
    types = described()
    found: dict[str, set[str]] = {}
    for token, names in unwritten(composition).items():
        kind = token.rpartition(":")[2]
        replacing = {item.name for item in types[token].properties if item.replaces}
        if kind not in ACTS:
            found.setdefault(kind, set()).update(names - replacing)
    return found


def with_mail(composition: Composition) -> Composition:
    """The same site with a mail server, so that its block is looked at, too."""
    mail = Mail(
        host="smtp.field.example",
        port=587,
        encryption="starttls",
        sender="iot@field.example",
        sender_name=None,
        login=MailLogin(user="iot", secret="smtp"),
    )
    identity = composition.site.identity.model_copy(update={"mail": mail})
    return compose(composition.site.model_copy(update={"identity": identity}))


def test_every_input_that_a_hand_can_change_is_written_or_left_out_for_a_reason(
    composition: Composition,
) -> None:
    for made in (composition, with_mail(composition), compose_bootstrap(composition.site)):
        open_ones = {kind: names - set(ON_PURPOSE.get(kind, ())) for kind, names in left(made).items()}
        assert {kind: sorted(names) for kind, names in open_ones.items() if names} == {}


def test_no_reason_stands_for_what_is_written(eagle_ford: Composition) -> None:
    kept = left(eagle_ford)
    for made in (compose_bootstrap(eagle_ford.site), with_mail(eagle_ford)):
        for kind, names in left(made).items():
            kept.setdefault(kind, set()).update(names)
    without_login = eagle_ford.site.identity.model_copy(
        update={
            "mail": Mail(
                host="smtp.a", port=25, encryption="tls", sender="a@b.c", sender_name=None, login=None
            )
        }
    )
    site = eagle_ford.site.model_copy(update={"identity": without_login})
    kept["Realm"] |= left(compose(site))["Realm"]
    stale = {kind: set(names) - kept[kind] for kind, names in ON_PURPOSE.items()}
    assert {kind: names for kind, names in stale.items() if names} == {}


def test_an_input_that_is_left_unsaid_is_found(eagle_ford: Composition) -> None:
    """The control: without one line of the settings the first test fails."""
    role = eagle_ford.one("SecretBackendRole", "device")
    less = {name: value for name, value in role.inputs.items() if name != "allowedOtherSans"}
    stripped = Composition(eagle_ford.site, [type(role)(**{**vars(role), "inputs": less})])
    assert left(stripped) == {
        "SecretBackendRole": {"allowedOtherSans", "noStoreMetadata", "parameterSet", "policyIdentifier"}
    }


def test_the_sdks_know_every_type_that_is_made(composition: Composition) -> None:
    for made in (*composition.objects, *compose_bootstrap(composition.site).objects):
        if made.type.startswith(("vault:", "keycloak:")):
            assert made.type in arguments(), made.type
