"""What the broker is told, for tests: the configuration of a composed site, and of one whose broker is changed."""

from typing import Any

from components.emqx_configuration import document
from components.recording import Composition
from components.settings import Settings


def told(composition: Composition, settings: Settings) -> dict[str, Any]:
    """The configuration of a site, as plain data."""
    return dict(document(composition.site, settings))


def told_with(composition: Composition, settings: Settings, **changes: Any) -> dict[str, Any]:
    """The configuration of a site whose broker is changed; a map changes a part of the broker."""
    broker = composition.site.broker
    update = {
        name: getattr(broker, name).model_copy(update=value) if isinstance(value, dict) else value
        for name, value in changes.items()
    }
    site = composition.site.model_copy(update={"broker": broker.model_copy(update=update)})
    return dict(document(site, settings))
