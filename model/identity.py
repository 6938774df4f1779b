"""Identity's part of the site: the realm's roles, groups, ways to sign in, sessions, mail and events."""

from typing import Literal

from pydantic import Field

from model.addresses import HostName, Mailbox, ReturnAddress
from model.base import Label, Part, Port, Text, UrlPath
from model.image import Image
from model.scaling import Autoscaling
from model.units import Duration


class RealmRole(Part):
    """A role of the realm."""

    name: Label = Field(description="Role name.")
    description: Text = Field(description="What the role may do, for the administrator.")


class RealmGroup(Part):
    """A group of the realm; people get roles only through groups."""

    name: Label = Field(description="Group name.")
    roles: tuple[Label, ...] = Field(min_length=1, description="Roles that its members have.")


class Sessions(Part):
    """How long tokens and sessions live."""

    access_token: Duration = Field(description="Life time of an access token.")
    idle: Duration = Field(description="A session ends after this time without use.")
    maximum: Duration = Field(description="A session ends after this time in any case.")


class BruteForce(Part):
    """When logins are held up after failures."""

    failures: int = Field(ge=1, le=100, description="Failed logins before waiting begins.")
    wait: Duration = Field(description="First wait; it grows with further failures.")
    maximum_wait: Duration = Field(description="Longest wait.")


class Passwords(Part):
    """What a person's password must be; Keycloak also refuses the person's name and address in it."""

    length: int = Field(ge=8, le=64, description="Fewest characters.")
    different: int = Field(
        ge=2, le=9, description="Fewest different characters: of `aaaaaaaaaaaaaa` there is one."
    )
    history: int = Field(ge=0, le=24, description="How many of the last passwords cannot be chosen again.")


class SecondFactor(Part):
    """Who shows a one-time code beside the password; a person without one is made to enrol at the next login."""

    roles: tuple[Label, ...] = Field(
        min_length=1, description="Roles, of `roles`, whose people need a second factor."
    )


class MailLogin(Part):
    """How the realm signs in to the mail server; the password is Keycloak's to read, from its own vault."""

    user: Text = Field(description="User name.")
    secret: Label = Field(
        description="Name of the password in Keycloak's vault: it reads the file `<site>_<secret>` there."
    )


class Mail(Part):
    """The mail server by which the realm verifies addresses; it is never spoken to without TLS."""

    host: HostName = Field(description="The server's name.")
    port: Port = Field(description="Its port.")
    encryption: Literal["starttls", "tls"] = Field(
        description="`starttls` begins TLS within the connection (often port 587), `tls` with it (often 465)."
    )
    sender: Mailbox = Field(description="Address from which mail comes.")
    sender_name: Text | None = Field(
        None, description="Name beside that address; left out, the site's title."
    )
    login: MailLogin | None = Field(None, description="How to sign in; left out, without.")


class PeopleClient(Part):
    """The public client (PKCE) by which people get a token for the broker's WebSocket listener."""

    client_id: Label = Field(description="Client id.")
    redirects: tuple[ReturnAddress, ...] = Field(
        min_length=1, description="Addresses of the programs to which logins return."
    )


class DashboardProxy(Part):
    """The OIDC proxy before the dashboard."""

    image: Image = Field(description="The proxy's image.")
    replicas: int = Field(ge=1, le=16, description="Proxies; the fewest where they scale themselves.")
    autoscaling: Autoscaling | None = Field(
        None, description="When more proxies are started; left out, there are `replicas`."
    )


class DashboardClient(Part):
    """The OpenID client of the broker's dashboard."""

    client_id: Label = Field(description="Client id.")
    role: Label = Field(description="Role, of `roles`, whose groups change the broker by the dashboard.")
    viewer_role: Label = Field(
        description="Role, of `roles`, whose groups look at the dashboard; in the enterprise edition alone, for the "
        "other has no users who may only look."
    )
    redirect_paths: tuple[UrlPath, ...] = Field(
        (), description="Further paths on the dashboard's host to which logins return."
    )
    proxy: DashboardProxy = Field(
        description="The OIDC proxy before the dashboard: the only way to it for people."
    )


class EdgeGateway(Part):
    """An edge gateway that signs in with a token of the realm, because it cannot keep a client certificate.

    Its user name at the broker is `<name>.gateways.<domain>`, which would be the common name of its certificate.
    """

    name: Label = Field(description="First part of its user name, which is its Sparkplug edge node.")
    title: Text = Field(description="Name for people.")
    assets: tuple[Label, ...] = Field(
        (), description="Assets under whose topics it publishes and reads, beside its own Sparkplug topics."
    )


class EventLog(Part):
    """The realm's record of logins and administration."""

    retention: Duration = Field(description="How long Keycloak keeps events.")


class Identity(Part):
    """The site's Keycloak realm."""

    roles: tuple[RealmRole, ...] = Field(min_length=1, description="Roles; keyed by name.")
    groups: tuple[RealmGroup, ...] = Field(min_length=1, description="Groups; keyed by name.")
    sessions: Sessions = Field(description="Token and session times.")
    brute_force: BruteForce = Field(description="Brute-force protection.")
    passwords: Passwords = Field(description="What passwords must be.")
    second_factor: SecondFactor = Field(description="Who needs a second factor.")
    mail: Mail | None = Field(
        None,
        description="The realm's mail server: addresses are verified by it; left out, none is, and no mail is sent.",
    )
    people: PeopleClient = Field(description="The client of people's own programs.")
    dashboard: DashboardClient = Field(description="The dashboard's client.")
    readers: tuple[Label, ...] = Field(
        min_length=1,
        description="Roles, of `roles`, whose people get a token that the broker takes; with it they read.",
    )
    gateways: tuple[EdgeGateway, ...] = Field(
        (), description="Edge gateways that sign in with tokens; keyed by name."
    )
    events: EventLog = Field(description="Event log.")
