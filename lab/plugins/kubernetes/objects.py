"""Create, read, update and delete of any covered object, in the official plugin's way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.plugins import base
from lab.plugins.errors import CancelledError, NotReadyError
from lab.plugins.kubernetes import live, older, readiness
from lab.plugins.kubernetes.checking import checked_inputs
from lab.plugins.kubernetes.client import Client, Endpoint, NotServedError, RefusedError
from lab.plugins.kubernetes.difference import difference
from lab.plugins.kubernetes.kinds import ObjectKind
from lab.plugins.kubernetes.managers import CREATOR, new_manager, takeover
from lab.plugins.values import Object, has_unknown, plain

if TYPE_CHECKING:
    from lab.plugins.kubernetes.provider import KubernetesProvider

SERVED_SECONDS = 20.0
"""How long a creation waits for its kind to be served (a CustomResourceDefinition made a moment ago)."""
SERVED_PAUSE = 0.25
DELETE_SECONDS = 600.0
FORBIDDEN = 403
PATCH_FORCE = "pulumi.com/patchForce"
PROPAGATION = "pulumi.com/deletionPropagationPolicy"


class KubernetesObject:
    """The handler of one kind."""

    def __init__(self, kind: ObjectKind, provider: KubernetesProvider) -> None:
        self.kind = kind
        self.provider = provider

    def check(self, request: base.Check, context: base.Context) -> base.Checked:
        """Name it and put it into a namespace."""
        del context
        return checked_inputs(request, self.kind, self._default_namespace)

    def diff(self, request: base.Diff, context: base.Context) -> base.Difference:
        """Compare old inputs with new ones; the server is not asked."""
        del context
        return difference(request, self.kind, mutable=self.provider.mutable)

    def create(self, request: base.Create, context: base.Context) -> base.Created:
        """POST it (as a dry run in a preview) and wait until it is ready."""
        if request.preview and has_unknown(request.inputs):
            return base.Created("", request.inputs)
        client = self.provider.client()
        body = plain(request.inputs)
        try:
            endpoint, made = self._post(client, body, request.preview, context)
        except NotServedError:
            if request.preview:
                return base.Created("", request.inputs)
            raise
        except RefusedError as error:
            if request.preview and _cannot_be_foretold(error):
                return base.Created("", request.inputs)
            raise
        manager = new_manager()
        if request.preview:
            made.pop("status", None)
            return base.Created("", live.outputs(made, request.inputs, manager, self.kind.api_version))
        ready = self._until_ready(client, endpoint, made, request.inputs, manager, request.timeout, context)
        return base.Created(live.id_of(made), ready)

    def read(self, request: base.Read, context: base.Context) -> base.Found | None:
        """GET it; its inputs are the fields that the program sets, with the values that they have now."""
        client = self.provider.client()
        namespace, name = live.place_of(request.id)
        try:
            endpoint = client.endpoint(self.kind)
        except NotServedError:
            return None
        if endpoint.namespaced and namespace is None:
            namespace = self.provider.default_namespace()
        found = client.get(endpoint, namespace, name)
        if found is None:
            return None
        old_inputs = request.inputs or request.outputs.get("__inputs", {})
        inputs = live.inputs(found, old_inputs)
        manager = request.outputs.get("__fieldManager") or new_manager()
        version = request.outputs.get("__initialApiVersion") or self.kind.api_version
        outputs = live.outputs(found, inputs, manager, version)
        missing = [] if request.importing else readiness.missing(self.kind, found, plain(inputs))
        if missing:
            raise NotReadyError(live.id_of(found), outputs, inputs, missing)
        context.progress("")
        return base.Found(live.id_of(found), inputs, outputs)

    def update(self, request: base.Update, context: base.Context) -> Object:
        """Apply it on the server side under the resource's own field manager and wait until it is ready."""
        if request.preview and has_unknown(request.news):
            return {**request.outputs, **request.news}
        client = self.provider.client()
        body = plain(request.news)
        namespace, name = live.place_of(request.id)
        endpoint = client.endpoint(self.kind)
        manager = request.outputs.get("__fieldManager") or new_manager()
        doing = f"resource {live.label(body)} was not successfully updated by the Kubernetes API server"
        before = None
        if not request.preview and older.stores_older(self.kind, body):
            before = client.get(endpoint, namespace, name)
        if self.kind.kind == "CustomResourceDefinition":
            changed = self._replace(client, endpoint, body, manager, request.preview, doing)
        else:
            if not request.preview:
                self._take_over(client, endpoint, namespace, name, manager)
            force = request.preview or live.annotation(body, PATCH_FORCE) == "true"
            try:
                changed = client.request(
                    "PATCH",
                    endpoint.path(namespace, name),
                    {"fieldManager": manager, "force": str(force).lower(), **_dry_run(request.preview)},
                    body,
                    "application/apply-patch+yaml",
                    doing=doing,
                    warn=context.warn,
                )
            except RefusedError as error:
                # Who may only look sees what the program says, without what the server would make of it.
                if request.preview and error.status == FORBIDDEN:
                    return dict(request.news)
                raise
        version = request.outputs.get("__initialApiVersion") or self.kind.api_version
        if request.preview:
            return live.outputs(changed, request.news, manager, version)
        ready = self._until_ready(
            client, endpoint, changed, request.news, manager, request.timeout, context, version
        )
        return ready if before is None else live.outputs(before, request.news, manager, version)

    def delete(self, request: base.Delete, context: base.Context) -> None:
        """DELETE it and wait until it is gone; one that is gone already, or whose kind is gone, is fine."""
        client = self.provider.client()
        namespace, name = live.place_of(request.id)
        inputs = plain(request.inputs or request.outputs.get("__inputs", {}))
        policy = live.annotation(inputs, PROPAGATION) or "Foreground"
        try:
            endpoint = client.endpoint(self.kind)
            client.request(
                "DELETE",
                endpoint.path(namespace, name),
                None,
                {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy.capitalize()},
                doing=f"deleting {self.kind} {request.id}",
            )
        except NotServedError:
            return
        except RefusedError as error:
            if error.status == 404:
                return
            raise
        if not readiness.skips_waiting(inputs):
            seconds = readiness.allowed_seconds(inputs, request.timeout, DELETE_SECONDS)
            readiness.until_gone(client, endpoint, namespace, name, seconds, context)

    def _default_namespace(self) -> str | None:
        namespaced = self.kind.namespaced
        if namespaced is None:
            try:
                namespaced = self.provider.client().endpoint(self.kind).namespaced
            except NotServedError:
                return None
        return self.provider.default_namespace() if namespaced else None

    def _post(
        self, client: Client, body: Object, preview: bool, context: base.Context
    ) -> tuple[Endpoint, Object]:
        """Create it; for real, wait a little for a definition that was made just now to be served."""
        query = {"fieldManager": CREATOR, "fieldValidation": "Warn", **_dry_run(preview)}
        doing = f"resource {live.label(body)} was not successfully created by the Kubernetes API server"
        waited = 0.0
        while True:
            try:
                endpoint = client.endpoint(self.kind)
                path = endpoint.path(live.namespace_of(body))
                return endpoint, client.request("POST", path, query, body, doing=doing, warn=context.warn)
            except NotServedError:
                if preview or waited >= SERVED_SECONDS:
                    raise
            except RefusedError as error:
                # A 404 that names no object: the definition is listed, but its objects are not served yet.
                if preview or error.status != 404 or error.kind or waited >= SERVED_SECONDS:
                    raise
            context.progress(f"Waiting for the API server to serve {self.kind}")
            context.pause(SERVED_PAUSE, f"waiting for {self.kind} to be served")
            waited += SERVED_PAUSE

    def _take_over(
        self, client: Client, endpoint: Endpoint, namespace: str | None, name: str, manager: str
    ) -> None:
        found = client.get(endpoint, namespace, name)
        patch = takeover(found, manager) if found is not None else None
        if patch is not None:
            client.request(
                "PATCH",
                endpoint.path(namespace, name),
                None,
                patch,
                "application/json-patch+json",
                doing=f"taking over the fields of {self.kind} {name}",
            )

    def _replace(
        self, client: Client, endpoint: Endpoint, body: Object, manager: str, preview: bool, doing: str
    ) -> Object:
        """A CustomResourceDefinition is replaced as a whole: an apply would merge its versions."""
        name = body["metadata"]["name"]
        found = client.get(endpoint, None, name) or {"metadata": {}}
        version = found["metadata"].get("resourceVersion")
        whole = {**body, "metadata": {**body["metadata"], "resourceVersion": version}}
        query = {"fieldManager": manager, **_dry_run(preview)}
        return client.request("PUT", endpoint.path(None, name), query, whole, doing=doing)

    def _until_ready(
        self,
        client: Client,
        endpoint: Endpoint,
        made: Object,
        inputs: Object,
        manager: str,
        timeout: float,
        context: base.Context,
        version: str | None = None,
    ) -> Object:
        def told(found: Object) -> Object:
            return live.outputs(found, inputs, manager, version or self.kind.api_version)

        try:
            final, reasons = readiness.until_ready(client, endpoint, made, plain(inputs), timeout, context)
        except CancelledError as error:
            # The object exists: an error without its state would lose it.
            final, reasons = made, [error.sentence()]
        if reasons:
            raise NotReadyError(live.id_of(made), told(final), inputs, reasons)
        return told(final)


def _dry_run(preview: bool) -> dict[str, str]:
    return {"dryRun": "All"} if preview else {}


def _cannot_be_foretold(error: RefusedError) -> bool:
    """Refusals of a dry run that the real run will not meet: its namespace or its predecessor is in the way now."""
    return error.status in (FORBIDDEN, 404) or error.reason == "AlreadyExists"
