"""The properties of roles, groups, clients, scopes and mappers, as data; the defaults are the official ones."""

from lab.plugins.bridged import Property, ResourceType, Shape

_REALM = Property("realmId", required=True, replaces=True)
_NAME = Property("name", required=True, autoname=True)
_IMPORT = Property("import", Shape.FLAG, default=False, replaces=True)

_HOLDER = (Property("clientId", replaces=True), Property("clientScopeId", replaces=True))
"""Whose tokens a mapper is for: a client's, or those of all with a scope."""
_MAPPER = (_REALM, _NAME, *_HOLDER)
_TOKENS = (
    Property("addToIdToken", Shape.FLAG, default=True),
    Property("addToAccessToken", Shape.FLAG, default=True),
)

ROLE = ResourceType(
    "keycloak:index/role:Role",
    (
        _REALM,
        _NAME,
        _IMPORT,
        Property("clientId", replaces=True),
        Property("description", computed=True),
        Property("compositeRoles", Shape.SET, computed=True),
        Property("attributes", Shape.MAP, computed=True),
    ),
)

GROUP = ResourceType(
    "keycloak:index/group:Group",
    (
        _REALM,
        _NAME,
        Property("organizationId", replaces=True),
        Property("parentId", replaces=True),
        Property("description"),
        Property("attributes", Shape.MAP),
        Property("path", output_only=True),
    ),
)

GROUP_ROLES = ResourceType(
    "keycloak:index/groupRoles:GroupRoles",
    (
        _REALM,
        Property("groupId", required=True, replaces=True),
        Property("roleIds", Shape.SET, required=True),
        Property("exhaustive", Shape.FLAG, default=True),
    ),
)

CLIENT_SCOPE = ResourceType(
    "keycloak:openid/clientScope:ClientScope",
    (
        _REALM,
        _NAME,
        Property("description"),
        Property("consentScreenText"),
        Property("guiOrder", Shape.NUMBER),
        Property("includeInTokenScope", Shape.FLAG, default=True),
        Property("includeInOpenidProviderMetadata", Shape.FLAG, default=True),
        Property("extraConfig", Shape.MAP),
    ),
)

CLIENT_DEFAULT_SCOPES = ResourceType(
    "keycloak:openid/clientDefaultScopes:ClientDefaultScopes",
    (
        _REALM,
        Property("clientId", required=True, replaces=True),
        Property("defaultScopes", Shape.SET, required=True),
    ),
)

CLIENT_OPTIONAL_SCOPES = ResourceType(
    "keycloak:openid/clientOptionalScopes:ClientOptionalScopes",
    (
        _REALM,
        Property("clientId", required=True, replaces=True),
        Property("optionalScopes", Shape.SET, required=True),
    ),
)

DEFAULT_ROLES = ResourceType(
    "keycloak:index/defaultRoles:DefaultRoles",
    (_REALM, Property("defaultRoles", Shape.SET, required=True)),
)

AUDIENCE_MAPPER = ResourceType(
    "keycloak:openid/audienceProtocolMapper:AudienceProtocolMapper",
    (
        *_MAPPER,
        Property("includedClientAudience"),
        Property("includedCustomAudience"),
        *_TOKENS,
        Property("addToTokenIntrospection", Shape.FLAG, default=True),
    ),
)

GROUP_MAPPER = ResourceType(
    "keycloak:openid/groupMembershipProtocolMapper:GroupMembershipProtocolMapper",
    (
        *_MAPPER,
        Property("claimName"),
        Property("fullPath", Shape.FLAG, default=True),
        *_TOKENS,
        Property("addToUserinfo", Shape.FLAG, default=True),
        Property("addToTokenIntrospection", Shape.FLAG, default=False),
    ),
)

CLAIM_MAPPER = ResourceType(
    "keycloak:openid/hardcodedClaimProtocolMapper:HardcodedClaimProtocolMapper",
    (
        *_MAPPER,
        Property("claimName", required=True),
        Property("claimValue", required=True),
        Property("claimValueType", default="String", one_of=("JSON", "String", "long", "int", "boolean")),
        *_TOKENS,
        Property("addToUserinfo", Shape.FLAG, default=True),
    ),
)

ROLE_MAPPER = ResourceType(
    "keycloak:index/genericRoleMapper:GenericRoleMapper",
    (
        _REALM,
        *_HOLDER,
        Property("roleId", required=True, replaces=True),
    ),
)

_CLIENT_TEXTS = (
    "adminUrl",
    "allowRefreshTokenInStandardTokenExchange",
    "backchannelLogoutUrl",
    "baseUrl",
    "clientSecretWoVersion",
    "consentScreenText",
    "description",
    "frontchannelLogoutUrl",
    "loginTheme",
    "oauth2DeviceCodeLifespan",
    "oauth2DevicePollingInterval",
    "oauth2JwtAuthorizationGrantIdp",
    "rootUrl",
)

_CLIENT_LIFETIMES = (
    "accessTokenLifespan",
    "clientOfflineSessionIdleTimeout",
    "clientOfflineSessionMaxLifespan",
    "clientSessionIdleTimeout",
    "clientSessionMaxLifespan",
)

_CLIENT_CHOSEN_BY_KEYCLOAK = (
    "consentRequired",
    "directAccessGrantsEnabled",
    "displayOnConsentScreen",
    "excludeIssuerFromAuthResponse",
    "excludeSessionStateFromAuthResponse",
    "frontchannelLogoutEnabled",
    "implicitFlowEnabled",
    "requireDpopBoundTokens",
    "serviceAccountsEnabled",
    "standardFlowEnabled",
)

_CLIENT_ON_BY_DEFAULT = (
    "backchannelLogoutSessionRequired",
    "enabled",
    "fullScopeAllowed",
    "useRefreshTokens",
)

_CLIENT_OFF_BY_DEFAULT = (
    "alwaysDisplayInConsole",
    "oauth2DeviceAuthorizationGrantEnabled",
    "oauth2JwtAuthorizationGrantEnabled",
    "standardTokenExchangeEnabled",
    "useRefreshTokensClientCredentials",
)

_CLIENT_ADDRESSES = ("validPostLogoutRedirectUris", "validRedirectUris", "webOrigins")

_FLOW_OVERRIDES = (Property("browserId"), Property("directGrantId"))

_AUTHORIZATION = (
    Property("policyEnforcementMode", required=True),
    Property("decisionStrategy", default="UNANIMOUS"),
    Property("allowRemoteResourceManagement", Shape.FLAG, default=False),
    Property("keepDefaults", Shape.FLAG, default=False),
)

CLIENT = ResourceType(
    "keycloak:openid/client:Client",
    (
        _REALM,
        _IMPORT,
        Property("clientId", required=True),
        Property("name", computed=True, autoname=True),
        Property("accessType", required=True, one_of=("CONFIDENTIAL", "PUBLIC", "BEARER-ONLY")),
        Property("clientAuthenticatorType", default="client-secret"),
        Property("pkceCodeChallengeMethod", one_of=("", "plain", "S256")),
        Property("clientSecret", computed=True, secret=True),
        Property("clientSecretWo", secret=True),
        Property("clientSecretRegenerateWhenChanged", Shape.MAP),
        Property("extraConfig", Shape.MAP),
        Property("backchannelLogoutRevokeOfflineSessions", Shape.FLAG),
        *(Property(name) for name in _CLIENT_TEXTS),
        *(Property(name, computed=True) for name in _CLIENT_LIFETIMES),
        *(Property(name, Shape.FLAG, computed=True) for name in _CLIENT_CHOSEN_BY_KEYCLOAK),
        *(Property(name, Shape.FLAG, default=True) for name in _CLIENT_ON_BY_DEFAULT),
        *(Property(name, Shape.FLAG, default=False) for name in _CLIENT_OFF_BY_DEFAULT),
        *(Property(name, Shape.SET, computed=True) for name in _CLIENT_ADDRESSES),
        Property("authenticationFlowBindingOverrides", Shape.BLOCK, fields=_FLOW_OVERRIDES),
        Property("authorization", Shape.BLOCK, fields=_AUTHORIZATION),
        Property("resourceServerId", output_only=True),
        Property("serviceAccountUserId", output_only=True),
    ),
    schema_version=1,
)
