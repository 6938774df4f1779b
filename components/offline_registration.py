"""Registers resources with nobody: the shorter way that is taken where no server is at hand.

The SDK's own way would do, and does for what an SDK has typed. Half of a site is Kubernetes objects, which are plain
data already: taking them through the engine's protocol, there and back, was nearly half of the time of a rendering.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pulumi
from pulumi import _types
from pulumi.runtime import resource as runtime_resource
from pulumi.runtime import rpc
from pulumi.runtime._depends_on import _resolve_depends_on_urns
from pulumi.runtime.settings import SETTINGS

from components.registered import Record, Registered

_KUBERNETES = "kubernetes:"
# By which Pulumi marks a value that is encrypted in the state.
_SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


def object_id(name: str) -> str:
    """Return the id that a resource gets from a server that is not there."""
    return f"{name}-id"


class Registration:
    """What a resource calls to register itself, in place of the SDK's `register_resource`."""

    def __init__(
        self,
        urn_of: Callable[[str, str, str], str],
        answers: Mapping[str, Mapping[str, Any]],
        record: Record,
        of_sdk: Callable[..., None],
    ) -> None:
        """`urn_of` makes a URN of parent, type and name; `answers` are what a server adds to a resource of a type."""
        self.urn_of = urn_of
        self.answers = answers
        self.record = record
        self.of_sdk = of_sdk
        # The loop itself keeps no task from being collected.
        self.running: set[asyncio.Future[Any]] = set()

    def __call__(
        self,
        made: pulumi.Resource,
        type_token: str,
        name: str,
        custom: bool,
        remote: bool,
        new_dependency: Callable[[str], pulumi.Resource],
        inputs: Mapping[str, Any],
        options: pulumi.ResourceOptions,
        *more: Any,
    ) -> None:
        """Register a Kubernetes object straight away, and everything else by the SDK without what nobody gave."""
        if type_token.startswith(_KUBERNETES):
            self._register_object(made, type_token, name, inputs, options)
            return
        answered = _names(type(made), self.answers.get(type_token, {}))
        given = {key: value for key, value in inputs.items() if value is not None or key in answered}
        self.of_sdk(made, type_token, name, custom, remote, new_dependency, given, options, *more)
        # An SDK's class names each of its server's dozens of keys; one output stands for all that stay empty.
        nothing = made.urn.apply(lambda _urn: None)
        made.__dict__.update(dict.fromkeys(inputs.keys() - given.keys(), nothing))

    def _register_object(
        self,
        made: pulumi.Resource,
        type_token: str,
        name: str,
        inputs: Mapping[str, Any],
        options: pulumi.ResourceOptions,
    ) -> None:
        given = {key: value for key, value in inputs.items() if value is not None}
        outputs = {key: runtime_resource.resource_output(made) for key in ("urn", "id", *given)}
        made.__dict__.update({key: output for key, (_, output) in outputs.items()})

        async def register() -> None:
            try:
                registered = await self._object(made, type_token, name, given, options)
            except Exception as error:
                for resolve, _ in outputs.values():
                    resolve(None, True, False, error)
                raise
            self.record(registered)
            known = {**registered.inputs, "urn": registered.urn, "id": object_id(name)}
            for key, (resolve, _) in outputs.items():
                value = known[key]
                secret = _is_secret(value)
                resolve(value["value"] if secret else value, True, secret, None)

        registration = asyncio.ensure_future(SETTINGS.rpc_manager.do_rpc("register", register)())
        self.running.add(registration)
        registration.add_done_callback(self.running.discard)

    async def _object(
        self,
        made: pulumi.Resource,
        type_token: str,
        name: str,
        given: Mapping[str, Any],
        options: pulumi.ResourceOptions,
    ) -> Registered:
        """Return the object as the engine would have got it."""
        assert options.parent is not None and options.provider is not None  # noqa: S101, PT018 - as a house rule
        needed: set[pulumi.Resource] = set()
        inputs = {key: await _plain(value, needed) for key, value in given.items()}
        parent = await options.parent.urn.future() or ""
        return Registered(
            type=type_token,
            name=name,
            inputs=inputs,
            provider=await runtime_resource._create_provider_ref(options.provider),
            parent=parent,
            protect=bool(options.protect),
            deleted_first=bool(options.delete_before_replace),
            retained=bool(options.retain_on_delete),
            urn=self.urn_of(parent, type_token, name),
            depends_on=(
                *await _resolve_depends_on_urns(options._depends_on_list(), from_resource=made),
                *await rpc._expand_dependencies(needed, made),
            ),
            ignore_changes=tuple(options.ignore_changes or ()),
            aliases=tuple(
                str(alias.type_) for alias in options.aliases or () if isinstance(alias, pulumi.Alias)
            ),
            timeouts=runtime_resource._create_custom_timeouts(
                options.custom_timeouts or pulumi.CustomTimeouts()
            ),
        )


def _names(made: type, answers: Mapping[str, Any]) -> set[str]:
    """Return the names that an SDK's class has for what its server answers."""
    if not answers:
        return set()
    names = _types.resource_pulumi_to_py_names(made)
    return {names.get(key, key) for key in answers}


async def _plain(value: Any, needed: set[pulumi.Resource]) -> Any:
    """Return an input as the engine gets it, and add the resources that it comes from to `needed`.

    One with a secret anywhere in it is a secret as a whole.
    Raises TypeError for what is neither an output nor data of a YAML document.
    """
    known = {}
    secret = False
    for output in _outputs(value):
        known[id(output)] = await output.future()
        needed |= await output.resources()
        secret = secret or await output.is_secret()
    filled = _filled(value, known)
    return {**_SECRET, "value": filled} if secret else filled


def _outputs(value: Any) -> Iterator[pulumi.Output[Any]]:
    if isinstance(value, pulumi.Output):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _outputs(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _outputs(inner)


def _filled(value: Any, known: Mapping[int, Any]) -> Any:
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, pulumi.Output):
        return _filled(known[id(value)], {})
    if isinstance(value, Mapping):
        return {key: _filled(inner, known) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(inner, known) for inner in value]
    raise TypeError(f"{value!r} is no plain data")


def _is_secret(value: Any) -> bool:
    return isinstance(value, Mapping) and _SECRET.items() <= value.items()
