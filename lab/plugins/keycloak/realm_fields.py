"""Which property of a realm is which field of Keycloak's realm representation."""

SWITCHES = {
    "enabled": "enabled",
    "userManagedAccess": "userManagedAccessAllowed",
    "organizationsEnabled": "organizationsEnabled",
    "adminPermissionsEnabled": "adminPermissionsEnabled",
    "registrationAllowed": "registrationAllowed",
    "registrationEmailAsUsername": "registrationEmailAsUsername",
    "editUsernameAllowed": "editUsernameAllowed",
    "resetPasswordAllowed": "resetPasswordAllowed",
    "rememberMe": "rememberMe",
    "verifyEmail": "verifyEmail",
    "loginWithEmailAllowed": "loginWithEmailAllowed",
    "duplicateEmailsAllowed": "duplicateEmailsAllowed",
    "revokeRefreshToken": "revokeRefreshToken",
    "offlineSessionMaxLifespanEnabled": "offlineSessionMaxLifespanEnabled",
}

TEXTS = ("displayName", "displayNameHtml", "defaultSignatureAlgorithm", "passwordPolicy")

THEMES = {"loginTheme": "login", "accountTheme": "account", "adminTheme": "admin", "emailTheme": "email"}
"""Property → kind of theme. Sent only when given: an empty one would be kept as the name of a theme."""

DURATIONS = (
    "accessCodeLifespan",
    "accessCodeLifespanLogin",
    "accessCodeLifespanUserAction",
    "accessTokenLifespan",
    "accessTokenLifespanForImplicitFlow",
    "actionTokenGeneratedByAdminLifespan",
    "actionTokenGeneratedByUserLifespan",
    "clientSessionIdleTimeout",
    "clientSessionMaxLifespan",
    "oauth2DeviceCodeLifespan",
    "offlineSessionIdleTimeout",
    "offlineSessionMaxLifespan",
    "ssoSessionIdleTimeout",
    "ssoSessionIdleTimeoutRememberMe",
    "ssoSessionMaxLifespan",
    "ssoSessionMaxLifespanRememberMe",
)

FLOWS = {
    "browserFlow": "browser",
    "registrationFlow": "registration",
    "directGrantFlow": "direct grant",
    "resetCredentialsFlow": "reset credentials",
    "clientAuthenticationFlow": "clients",
    "dockerAuthenticationFlow": "docker auth",
    "firstBrokerLoginFlow": "first broker login",
}
"""Flow → the built-in one that is bound when none is named."""

ONE_TIME_PASSWORD = {
    "type": "otpPolicyType",
    "algorithm": "otpPolicyAlgorithm",
    "digits": "otpPolicyDigits",
    "initialCounter": "otpPolicyInitialCounter",
    "lookAheadWindow": "otpPolicyLookAheadWindow",
    "period": "otpPolicyPeriod",
    "codeReusable": "otpPolicyCodeReusable",
}

BRUTE_FORCE = {
    "bruteForceStrategy": "bruteForceStrategy",
    "permanentLockout": "permanentLockout",
    "maxTemporaryLockouts": "maxTemporaryLockouts",
    "maxLoginFailures": "failureFactor",
    "maxSecondaryAuthFailures": "maxSecondaryAuthFailures",
    "waitIncrementSeconds": "waitIncrementSeconds",
    "quickLoginCheckMilliSeconds": "quickLoginCheckMilliSeconds",
    "minimumQuickLoginWaitSeconds": "minimumQuickLoginWaitSeconds",
    "maxFailureWaitSeconds": "maxFailureWaitSeconds",
    "failureResetTimeSeconds": "maxDeltaTimeSeconds",
}

BRUTE_FORCE_OFF = {
    "bruteForceProtected": False,
    "bruteForceStrategy": "MULTIPLE",
    "permanentLockout": False,
    "maxTemporaryLockouts": 0,
    "failureFactor": 30,
    "maxSecondaryAuthFailures": 0,
    "waitIncrementSeconds": 60,
    "quickLoginCheckMilliSeconds": 1000,
    "minimumQuickLoginWaitSeconds": 60,
    "maxFailureWaitSeconds": 900,
    "maxDeltaTimeSeconds": 43200,
}
"""What the official plugin writes where brute-force detection is not asked for (Keycloak's own defaults)."""

HEADERS = {
    "contentSecurityPolicy": "contentSecurityPolicy",
    "contentSecurityPolicyReportOnly": "contentSecurityPolicyReportOnly",
    "strictTransportSecurity": "strictTransportSecurity",
    "xContentTypeOptions": "xContentTypeOptions",
    "xFrameOptions": "xFrameOptions",
    "xRobotsTag": "xRobotsTag",
    "xXssProtection": "xXSSProtection",
    "referrerPolicy": "referrerPolicy",
}

WEB_AUTHENTICATION = {
    "acceptableAaguids": "AcceptableAaguids",
    "attestationConveyancePreference": "AttestationConveyancePreference",
    "authenticatorAttachment": "AuthenticatorAttachment",
    "avoidSameAuthenticatorRegister": "AvoidSameAuthenticatorRegister",
    "createTimeout": "CreateTimeout",
    "discoverableCredential": "ResidentKey",
    "extraOrigins": "ExtraOrigins",
    "relyingPartyEntityName": "RpEntityName",
    "relyingPartyId": "RpId",
    "requireResidentKey": "RequireResidentKey",
    "signatureAlgorithms": "SignatureAlgorithms",
    "userVerificationRequirement": "UserVerificationRequirement",
}
"""Property → the field's name after the prefix `webAuthnPolicy` or `webAuthnPolicyPasswordless`."""

MAIL = {
    "host": "host",
    "port": "port",
    "from": "from",
    "fromDisplayName": "fromDisplayName",
    "replyTo": "replyTo",
    "replyToDisplayName": "replyToDisplayName",
    "envelopeFrom": "envelopeFrom",
}

MAIL_SWITCHES = {"starttls": "starttls", "ssl": "ssl", "allowUtf8": "allowutf8"}
