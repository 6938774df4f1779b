"""Rules of images: each says which version it is, and the dashboard's proxy is one that keeps sessions."""

import re
from collections.abc import Iterator

from model.image import Image
from model.rules.rule import Finding, rule
from model.site import Site
from model.words import quoted

OLDEST_PROXY = (7, 13, 0)
"""Earlier ones of oauth2-proxy have holes in their login that were closed there."""
_VERSION = re.compile(r"v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:-[a-z0-9.-]+)?")


@rule("broker")
def the_brokers_images_are_pinned(site: Site) -> Iterator[Finding]:
    """The broker's image is of its version, and the probe's says which it is."""
    broker = site.broker
    yield from unpinned(("broker", "image"), broker.image, has_version=True)
    yield from unpinned(("broker", "probe", "image"), broker.probe.image)


@rule("policy")
def the_policy_servers_image_is_pinned(site: Site) -> Iterator[Finding]:
    """The policy server's image says which version it is."""
    yield from unpinned(("policy", "image"), site.policy.image)


@rule("streams")
def the_workers_images_are_pinned(site: Site) -> Iterator[Finding]:
    """The images of the sinks' workers, and of those to Kafka, say which version they are."""
    yield from unpinned(("streams", "connect", "image"), site.streams.connect.image)
    if site.streams.worker is not None:
        yield from unpinned(("streams", "worker", "image"), site.streams.worker.image)


@rule("identity")
def the_proxys_image_is_pinned_and_new_enough(site: Site) -> Iterator[Finding]:
    """The dashboard proxy's image says which version it is: 7.13.0 or later."""
    image, key = site.identity.dashboard.proxy.image, ("identity", "dashboard", "proxy", "image")
    if found := [*unpinned(key, image)]:
        yield from found
        return
    version = _VERSION.fullmatch(image.tag or "")
    remedy = "write the tag of oauth2-proxy 7.13.0 or later, like `v7.15.6-alpine`"
    if version is None:
        problem = (
            f"{quoted(image.tag)} is not the tag of a version"
            if image.tag
            else "a digest alone names no version"
        )
        yield Finding((*key, "tag"), problem, f"{remedy}; a digest may stand beside it")
    elif tuple(int(number) for number in version.groups()) < OLDEST_PROXY:
        problem = f"{quoted(image.tag)} is older than 7.13.0, whose login has known holes"
        yield Finding((*key, "tag"), problem, remedy)


def unpinned(key: tuple[str, ...], image: Image, *, has_version: bool = False) -> Iterator[Finding]:
    """Yield that the image at a key does not say its version; `has_version`: what uses it says so elsewhere."""
    if image.tag is not None and (image.tag == "latest" or image.tag.startswith("latest-")):
        remedy = "leave the tag out: the version is used" if has_version else "write a tag that is a version"
        yield Finding((*key, "tag"), f"{quoted(image.tag)} changes its licence and version under you", remedy)
    elif image.tag is None and image.digest is None and not has_version:
        problem = "the image is not pinned: without a tag it is the latest one"
        yield Finding((*key, "tag"), problem, "add a tag that is a version, or a digest")


RULES = (
    the_brokers_images_are_pinned,
    the_policy_servers_image_is_pinned,
    the_workers_images_are_pinned,
    the_proxys_image_is_pinned_and_new_enough,
)
