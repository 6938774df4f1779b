"""A site, composed once for all tests of a process that look at it: nothing in a composition is changed."""

import pulumi

from components.emqx_cluster import EmqxCluster
from components.recording import OFFLINE, Composition, composed
from components.recording import compose as compose_anew
from components.recording import compose_bootstrap as compose_bootstrap_anew
from components.settings import Settings
from components.site import IotSite
from model import Site

_made: dict[tuple[str, Settings], Composition] = {}


def compose(site: Site, settings: Settings = OFFLINE) -> Composition:
    """Compose a site as `components.recording.compose` does."""
    key = repr(site), settings
    if key not in _made:
        _made[key] = compose_anew(site, settings)
    return _made[key]


def compose_bootstrap(site: Site, settings: Settings = OFFLINE) -> Composition:
    """Compose a site's bootstrap as `components.recording.compose_bootstrap` does."""
    key = f"bootstrap of {site!r}", settings
    if key not in _made:
        _made[key] = compose_bootstrap_anew(site, settings)
    return _made[key]


class _BrokerAlone(IotSite):
    """A site of which there is the broker alone."""

    def __init__(self, site: Site) -> None:
        pulumi.ComponentResource.__init__(self, "iot-broker:site:IotSite", site.name)
        inside = pulumi.ResourceOptions(parent=self)
        EmqxCluster(f"{site.name}-broker", self._place(site, OFFLINE), [], inside)


def compose_broker(site: Site) -> Composition:
    """Compose a site as far as its broker's resource, which is all that many tests look at."""
    whole, alone = (repr(site), OFFLINE), (f"broker of {site!r}", OFFLINE)
    if whole not in _made and alone not in _made:
        _made[alone] = broker_alone(site)
    return _made.get(whole) or _made[alone]


def broker_alone(site: Site) -> Composition:
    """Compose the broker of a site without the rest: its resource is the same, and is made in a tenth of the time."""

    def make() -> dict[str, object]:
        _BrokerAlone(site)
        return {}

    return composed(site, make)
