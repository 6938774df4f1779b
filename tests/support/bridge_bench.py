"""A site's door and the broker that it replaces, with all that is needed to run the bridge between them."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from components import names
from components.emqx_incumbent import user
from components.emqx_mounts import INCUMBENT_FOLDER
from components.rendering import BROKER_CONFIGURATION, rendered
from model import Site
from model.rollout import BridgedTopics
from tests.support.bridge_node import LIMIT, Ends, Node, running
from tests.support.front import Front
from tests.support.incumbent import Incumbent
from tests.support.mqtt import Session
from tests.support.variants import variants
from tests.support.watch import Watch

THEIRS = "Field/Pads"
"""What topics begin with at the incumbent that begin with the site's name here."""
MAPPED = (
    BridgedTopics(name="devices", theirs=THEIRS, ours="eagle-ford", commands=False),
    BridgedTopics(name="edge", theirs="Sparkplug/Pads", ours="spBv1.0/eagle-ford", commands=False),
)


@dataclass(frozen=True)
class Bench:
    """Both brokers, and somebody at each who sees everything."""

    site: Site
    front: Front
    incumbent: Incumbent
    configuration: Callable[..., str]
    """The site's broker configuration in a phase, as `sitectl render` writes it; see `Renderings`."""
    ends: Ends
    here: Watch
    there: Watch

    def node(
        self,
        configuration: str,
        name: str = "one",
        limit: int = LIMIT,
        *,
        mounted: Path | None = None,
        port: int | None = None,
    ) -> AbstractContextManager[Node]:
        """A node with a configuration; `mounted` instead of the right Secret, `port` instead of the usual door."""
        changed = {INCUMBENT_FOLDER: mounted} if mounted else self.ends.mounted
        servers = dict.fromkeys(self.ends.servers, port) if port else self.ends.servers
        return running(name, configuration, replace(self.ends, mounted=changed, servers=servers), limit)

    def device(self, name: str = "pump-1") -> AbstractContextManager[Session]:
        """A device of the site's, with its certificate."""
        return self.front.device(self.front.enrolled("device", name), name)

    def old_device(self) -> AbstractContextManager[Session]:
        """A device that still speaks to the incumbent."""
        return self.incumbent.client("old-device")

    def own(self, name: str = "pump-1") -> str:
        """What a device's own topics at the site begin with."""
        return f"{self.site.name}/{name}.{names.client_domain(self.site, 'device')}"

    def there_called(self, topic: str) -> str:
        """What a device's topic is called at the incumbent."""
        return topic.replace(self.site.name, THEIRS, 1)


@dataclass(frozen=True)
class Renderings:
    """The broker configurations of a site in its phases, as `sitectl render` writes them."""

    site: str
    folder: Path
    kept: dict[str, str]

    def __call__(self, phase: str, topics: tuple[BridgedTopics, ...] = MAPPED, **incumbent: object) -> str:
        """Return the configuration in a phase, with these bridged spaces and other changes of the incumbent's data."""
        key = repr((phase, topics, incumbent))
        if key not in self.kept:
            (found,) = (variant for variant in variants(self.folder, phase) if variant.name == self.site)
            changed = found.incumbent.model_copy(update={"topics": topics, **incumbent})
            files = rendered(found.model_copy(update={"incumbent": changed}))
            self.kept[key] = files[BROKER_CONFIGURATION]
        return self.kept[key]


def ends(site: Site, front: Front, incumbent: Incumbent, mounted: Path) -> Ends:
    """Return where a node's bridge leads; the files of the Secret `incumbent-bridge` are written into `mounted`."""
    pair = incumbent.authority.client("bridge", user(site))
    files = {
        "password": incumbent.passwords[user(site)],
        "ca.crt": incumbent.authority.certificate,
        "tls.crt": pair.certificate,
        "tls.key": pair.key,
    }
    for name, file in files.items():
        (mounted / name).write_bytes(file.read_bytes())
    server = f"{site.incumbent.address}:{site.incumbent.port}"
    return Ends(front.rules, {server: incumbent.port}, {INCUMBENT_FOLDER: mounted})
