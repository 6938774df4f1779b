"""The properties of a realm and of its event log, as data; defaults are the official plugin's."""

from lab.plugins.bridged import Property, ResourceType, Shape
from lab.plugins.keycloak import realm_fields
from lab.plugins.keycloak.durations import same_duration
from lab.plugins.values import Value

_UNSPECIFIED = "not specified"


def _kept_password(stored: Value, _wanted: Value) -> bool:
    """Keycloak answers a mask in the place of a password, which says nothing about it."""
    return bool(stored == "**********")


_ONE_TIME_PASSWORD = (
    Property("type", default="totp", one_of=("totp", "hotp")),
    Property("algorithm", default="HmacSHA1", one_of=("HmacSHA1", "HmacSHA256", "HmacSHA512")),
    Property("digits", Shape.NUMBER, default=6),
    Property("initialCounter", Shape.NUMBER, default=2),
    Property("lookAheadWindow", Shape.NUMBER, default=1),
    Property("period", Shape.NUMBER, default=30),
    Property("codeReusable", Shape.FLAG, default=False),
)

_WEB_AUTHENTICATION = (
    Property("acceptableAaguids", Shape.SET),
    Property("attestationConveyancePreference", default=_UNSPECIFIED),
    Property("authenticatorAttachment", default=_UNSPECIFIED),
    Property("avoidSameAuthenticatorRegister", Shape.FLAG, default=False),
    Property("createTimeout", Shape.NUMBER, default=0),
    Property("discoverableCredential", default=_UNSPECIFIED),
    Property("extraOrigins", Shape.SET),
    Property("relyingPartyEntityName", default="keycloak"),
    Property("relyingPartyId", default=""),
    Property("requireResidentKey", default=_UNSPECIFIED),
    Property("signatureAlgorithms", Shape.SET, computed=True),
    Property("userVerificationRequirement", default=_UNSPECIFIED),
)

_HEADERS = (
    Property("contentSecurityPolicy", default="frame-src 'self'; frame-ancestors 'self'; object-src 'none';"),
    Property("contentSecurityPolicyReportOnly", default=""),
    Property("strictTransportSecurity", default="max-age=31536000; includeSubDomains"),
    Property("xContentTypeOptions", default="nosniff"),
    Property("xFrameOptions", default="SAMEORIGIN"),
    Property("xRobotsTag", default="none"),
    Property("xXssProtection", default="1; mode=block"),
    Property("referrerPolicy", default="no-referrer"),
)

_BRUTE_FORCE = (
    Property("bruteForceStrategy", default="MULTIPLE", one_of=("LINEAR", "MULTIPLE")),
    Property("permanentLockout", Shape.FLAG, default=False),
    Property("maxTemporaryLockouts", Shape.NUMBER, default=0),
    Property("maxLoginFailures", Shape.NUMBER, default=30),
    Property("maxSecondaryAuthFailures", Shape.NUMBER, default=0),
    Property("waitIncrementSeconds", Shape.NUMBER, default=60),
    Property("quickLoginCheckMilliSeconds", Shape.NUMBER, default=1000),
    Property("minimumQuickLoginWaitSeconds", Shape.NUMBER, default=60),
    Property("maxFailureWaitSeconds", Shape.NUMBER, default=900),
    Property("failureResetTimeSeconds", Shape.NUMBER, default=43200),
)

_DEFENSES = (
    Property("headers", Shape.BLOCK, fields=_HEADERS),
    Property("bruteForceDetection", Shape.BLOCK, fields=_BRUTE_FORCE),
)

_LOCALES = (
    Property("supportedLocales", Shape.SET, required=True),
    Property("defaultLocale", required=True),
)

_MAIL_LOGIN = (
    Property("username", required=True),
    Property("password", required=True, secret=True, same=_kept_password),
)

_MAIL_TOKEN = (
    Property("username", required=True),
    Property("url", required=True),
    Property("clientId", required=True),
    Property("clientSecret", required=True, secret=True, same=_kept_password),
    Property("scope", required=True),
)

_MAIL = (
    Property("host", required=True),
    Property("from", required=True),
    *(Property(name) for name in realm_fields.MAIL if name not in ("host", "from")),
    *(Property(name, Shape.FLAG) for name in realm_fields.MAIL_SWITCHES),
    Property("auth", Shape.BLOCK, fields=_MAIL_LOGIN),
    Property("tokenAuth", Shape.BLOCK, fields=_MAIL_TOKEN),
)

_CHOSEN_BY_KEYCLOAK = (
    "registrationAllowed",
    "registrationEmailAsUsername",
    "editUsernameAllowed",
    "resetPasswordAllowed",
    "rememberMe",
    "verifyEmail",
    "loginWithEmailAllowed",
    "duplicateEmailsAllowed",
)

_OFF_BY_DEFAULT = (
    "userManagedAccess",
    "organizationsEnabled",
    "revokeRefreshToken",
    "offlineSessionMaxLifespanEnabled",
    "terraformDeletionProtection",
)

REALM = ResourceType(
    "keycloak:index/realm:Realm",
    (
        Property("realm", required=True, replaces=True),
        Property("internalId", computed=True, replaces=True),
        Property("enabled", Shape.FLAG, default=True),
        Property("sslRequired", default="external"),
        Property("refreshTokenMaxReuse", Shape.NUMBER, default=0),
        Property("adminPermissionsEnabled", Shape.FLAG),
        Property("attributes", Shape.MAP),
        Property("defaultDefaultClientScopes", Shape.SET),
        Property("defaultOptionalClientScopes", Shape.SET),
        Property("oauth2DevicePollingInterval", Shape.NUMBER, computed=True),
        *(Property(name) for name in (*realm_fields.TEXTS, *realm_fields.THEMES)),
        *(Property(name, computed=True) for name in realm_fields.FLOWS),
        *(Property(name, computed=True, same=same_duration) for name in realm_fields.DURATIONS),
        *(Property(name, Shape.FLAG, computed=True) for name in _CHOSEN_BY_KEYCLOAK),
        *(Property(name, Shape.FLAG, default=False) for name in _OFF_BY_DEFAULT),
        Property("internationalization", Shape.BLOCK, fields=_LOCALES),
        Property("smtpServer", Shape.BLOCK, fields=_MAIL),
        Property("securityDefenses", Shape.BLOCK, computed=True, fields=_DEFENSES),
        Property("otpPolicy", Shape.BLOCK, computed=True, fields=_ONE_TIME_PASSWORD),
        Property("webAuthnPolicy", Shape.BLOCK, computed=True, fields=_WEB_AUTHENTICATION),
        Property(
            "webAuthnPasswordlessPolicy",
            Shape.BLOCK,
            computed=True,
            fields=(
                *_WEB_AUTHENTICATION,
                Property("passwordlessPasskeysEnabled", Shape.FLAG, default=False),
            ),
        ),
    ),
)

REALM_EVENTS = ResourceType(
    "keycloak:index/realmEvents:RealmEvents",
    (
        Property("realmId", required=True, replaces=True),
        Property("adminEventsDetailsEnabled", Shape.FLAG),
        Property("adminEventsEnabled", Shape.FLAG),
        Property("enabledEventTypes", Shape.SET),
        Property("eventsEnabled", Shape.FLAG),
        Property("eventsExpiration", Shape.NUMBER),
        Property("eventsListeners", Shape.SET),
    ),
)
