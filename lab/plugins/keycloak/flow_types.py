"""The properties of authentication flows and their steps, as data; defaults are the official plugin's."""

from lab.plugins.bridged import Property, ResourceType, Shape
from lab.plugins.keycloak import realm_fields

_REALM = Property("realmId", required=True, replaces=True)
_PARENT = Property("parentFlowAlias", required=True, replaces=True)
_STEP = (
    Property(
        "requirement",
        default="DISABLED",
        one_of=("REQUIRED", "ALTERNATIVE", "OPTIONAL", "CONDITIONAL", "DISABLED"),
    ),
    Property("priority", Shape.NUMBER),
)
_ALIAS = Property("alias", required=True)

FLOW = ResourceType(
    "keycloak:authentication/flow:Flow",
    (
        _REALM,
        _ALIAS,
        Property("description"),
        Property("providerId", computed=True, one_of=("basic-flow", "client-flow")),
        Property("copyFrom", replaces=True, not_covered="the kit's flows are its own"),
    ),
)

SUBFLOW = ResourceType(
    "keycloak:authentication/subflow:Subflow",
    (
        _REALM,
        _PARENT,
        _ALIAS,
        Property("description"),
        Property("providerId", default="basic-flow", one_of=("basic-flow", "form-flow", "client-flow")),
        Property("authenticator", replaces=True),
        *_STEP,
    ),
)

EXECUTION = ResourceType(
    "keycloak:authentication/execution:Execution",
    (_REALM, _PARENT, Property("authenticator", required=True, replaces=True), *_STEP),
)

EXECUTION_CONFIG = ResourceType(
    "keycloak:authentication/executionConfig:ExecutionConfig",
    (
        _REALM,
        Property("executionId", required=True, replaces=True),
        Property("alias", required=True, replaces=True),
        Property("config", Shape.MAP, required=True),
    ),
)

BINDINGS = ResourceType(
    "keycloak:authentication/bindings:Bindings",
    (_REALM, *(Property(name, computed=True) for name in realm_fields.FLOWS)),
)
