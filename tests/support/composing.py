"""A site, composed once for all tests of a process that look at it: nothing in a composition is changed."""

from components.recording import OFFLINE, Composition
from components.recording import compose as compose_anew
from components.recording import compose_bootstrap as compose_bootstrap_anew
from components.settings import Settings
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
