"""What a write makes of an application. Pure, but for the loop that writes it."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from adapters.store.applications import Applications
from api_server.applications.views import PatchRequest
from api_server.json_patch import apply_json_patch
from api_server.strict_json import check_json
from gitops.manifest.annotations import RESOURCES_FINALIZER
from gitops.model.application import AppName
from gitops.model.errors import Conflict, InvalidRequest, InvalidSpec, NotFound
from gitops.model.merge import apply_merge_patch
from gitops.model.resource import Manifest, name_of

Change = Callable[[Manifest], Manifest]
ATTEMPTS = 5
# What a user states; all else in an Application is the controller's or the cluster's.
STATED_METADATA = ("labels", "annotations", "finalizers")
PROPAGATIONS: Mapping[str, str] = {"": "", "foreground": "/foreground", "background": "/background"}
_NAME = re.compile(r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")


def to_create(app: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """A new application of what a client sent: never with a status, nor with an operation slipped in."""
    metadata = _object(app, "metadata")
    name = metadata.get("name")
    if not isinstance(name, str) or not _NAME.match(name):
        raise InvalidRequest("body metadata.name: a DNS name in lower case is expected, such as around-api-dev")
    if metadata.get("namespace") not in (None, "", namespace):
        raise InvalidRequest(f"body metadata.namespace: applications live in the namespace `{namespace}`")
    stated = {part: metadata[part] for part in STATED_METADATA if metadata.get(part)}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": namespace, **stated},
        "spec": _with_project(_object(app, "spec")),
    }


def same_wish(stored: Manifest, wanted: Manifest) -> bool:
    """Whether both ask for the same; what was left out of the wish does not count."""
    metadata = stored.get("metadata") or {}
    asked = wanted.get("metadata") or {}
    parts = ((metadata.get(part), asked.get(part)) for part in STATED_METADATA)
    return stored.get("spec") == wanted.get("spec") and all(not want or have == want for have, want in parts)


def updated(stored: Manifest, app: Mapping[str, Any]) -> Manifest:
    metadata = _object(app, "metadata")
    if metadata.get("name") not in (None, "", name_of(stored)):
        raise InvalidRequest(f"body metadata.name: it must stay `{name_of(stored)}`")
    kept = {part: each for part, each in (stored.get("metadata") or {}).items() if part not in STATED_METADATA}
    stated = {part: metadata[part] for part in STATED_METADATA if metadata.get(part)}
    version = {"resourceVersion": metadata["resourceVersion"]} if metadata.get("resourceVersion") else {}
    return {**stored, "metadata": {**kept, **stated, **version}, "spec": _with_project(_object(app, "spec"))}


def patched(stored: Manifest, change: PatchRequest) -> Manifest:
    try:
        patch = msgspec.json.decode(change.patch)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(f"body patch: it is not valid JSON: {error}") from None
    check_json(patch, "body patch")
    if change.patch_type == "merge":
        if not isinstance(patch, dict):
            raise InvalidRequest("body patch: a merge patch is a JSON object")
        return apply_merge_patch(stored, patch)
    result = apply_json_patch(dict(stored), patch)
    if not isinstance(result, dict):
        raise InvalidRequest("body patch: what it leaves is not an application")
    return result


def kept_apart(stored: Manifest, wanted: Manifest) -> Manifest:
    """The wish, with identity, status and operation as they are: those have routes of their own."""
    metadata = _object(wanted, "metadata")
    was = stored.get("metadata") or {}
    stated = {part: metadata[part] for part in STATED_METADATA if metadata.get(part)}
    version = metadata.get("resourceVersion") or was.get("resourceVersion")
    identity = {part: each for part, each in was.items() if part not in STATED_METADATA}
    result = {**stored, "metadata": {**identity, **stated, "resourceVersion": version}}
    result["spec"] = _with_project(_object(wanted, "spec"))
    return result


def deletion_finalizers(app: Manifest, *, cascade: bool, policy: str) -> list[str] | None:
    """The finalizers an application needs to be deleted like this; None when it has them."""
    if policy not in PROPAGATIONS:
        raise InvalidRequest("query parameter propagationPolicy: foreground or background is expected")
    present = list((app.get("metadata") or {}).get("finalizers") or ())
    others = [each for each in present if not each.startswith(RESOURCES_FINALIZER)]
    ours = [each for each in present if each.startswith(RESOURCES_FINALIZER)]
    if not cascade:
        return others if ours else None
    if ours and not policy:
        return None
    wanted = [*others, RESOURCES_FINALIZER + PROPAGATIONS[policy]]
    return None if sorted(wanted) == sorted(present) else wanted


async def rewritten(
    applications: Applications, name: AppName, change: Callable[[Manifest], Awaitable[Manifest]]
) -> Manifest:
    """Writes what `change` makes of the application, as it is at that moment."""
    stored = applications.raw(name)
    for _ in range(ATTEMPTS):
        if stored is None:
            raise NotFound(f"application `{name.name}` does not exist any more")
        wanted = await change(stored)
        if wanted == stored:
            return stored
        try:
            return await applications.replace(wanted)
        except Conflict:
            if _version(wanted) != _version(stored):
                raise  # the client itself named an older version
            stored = await applications.fresh(name)
    raise Conflict(f"application `{name.name}` is changing too fast to be written; try again")


def _version(manifest: Manifest) -> str:
    return str((manifest.get("metadata") or {}).get("resourceVersion") or "")


def _object(value: Mapping[str, Any], field: str) -> dict[str, Any]:
    found = value.get(field)
    if not isinstance(found, Mapping):
        raise InvalidSpec(f"body {field}: an object is expected")
    return dict(found)


def _with_project(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {**spec, "project": spec.get("project") or "default"}
