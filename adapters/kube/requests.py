"""What is sent to an API server, as values: one builder per verb, no I/O.

A request also remembers what it was about, so that a refusal can name the verb and the object.
"""

import re
from typing import Any, Literal
from urllib.parse import quote, urlencode

import msgspec
import orjson

from gitops.model.errors import ClusterRefused
from gitops.model.resource import Manifest, ResourceType, name_of, namespace_of

Propagation = Literal["Foreground", "Background", "Orphan"]
PatchKind = Literal["merge", "json", "strategic"]
FieldValidation = Literal["Ignore", "Strict", "Warn"]

JSON = "application/json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
APPLY_PATCH = "application/apply-patch+yaml"
PATCH_CONTENT_TYPES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}

# What the API server itself refuses in a name, checked here because a name becomes part of a path:
# `../secrets/x` from a Git file must never reach another object.
_UNSAFE_IN_PATH = re.compile(r"[/%?#\\\s\x00-\x1f]|^\.{1,2}$")


class Request(msgspec.Struct, frozen=True):
    """One call to an API server. `repeatable`: sending it twice ends as sending it once does."""

    method: str
    path: str
    query: str = ""
    body: bytes | None = None
    content_type: str = ""
    accept: str = JSON
    verb: str = "get"
    kind: str = ""
    namespace: str = ""
    name: str = ""
    repeatable: bool = False

    @property
    def target(self) -> str:
        """The path and query as they stand in the request line."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def subject(self) -> str:
        """What the request is about, for people: `apply Deployment dev/around-api`."""
        where = f"{self.namespace}/{self.name}" if self.namespace and self.name else self.namespace or self.name
        return " ".join(part for part in (self.verb, self.kind or self.path, where) if part)


def collection_path(type: ResourceType, namespace: str = "") -> str:
    root = f"/apis/{type.group}/{type.version}" if type.group else f"/api/{type.version}"
    if namespace and type.namespaced:
        return f"{root}/namespaces/{_segment(namespace, type.kind)}/{type.plural}"
    return f"{root}/{type.plural}"


def object_path(type: ResourceType, namespace: str, name: str) -> str:
    if not name:
        raise ClusterRefused(f"a {type.kind} without a name cannot be addressed; set metadata.name", status=422)
    if type.namespaced and not namespace:
        raise ClusterRefused(f"{type.kind} `{name}` needs a namespace; set metadata.namespace", status=422)
    return f"{collection_path(type, namespace)}/{_segment(name, type.kind)}"


def _segment(text: str, kind: str) -> str:
    if _UNSAFE_IN_PATH.search(text):
        raise ClusterRefused(
            f"`{text[:80]}` cannot be a name or namespace (of a {kind})", status=422, api_reason="Invalid"
        )
    return quote(text, safe=":")


def list_page(
    type: ResourceType,
    *,
    namespace: str = "",
    label_selector: str = "",
    metadata_only: bool = False,
    limit: int = 0,
    token: str = "",
) -> Request:
    """One page of a list; `token` is the `continue` mark of the page before."""
    return Request(
        "GET",
        collection_path(type, namespace),
        _query(labelSelector=label_selector, limit=str(limit) if limit else "", **{"continue": token}),
        accept=METADATA_LIST if metadata_only else JSON,
        verb="list",
        kind=type.kind,
        namespace=namespace,
        repeatable=True,
    )


def watch_from(
    type: ResourceType,
    resource_version: str,
    *,
    namespace: str = "",
    label_selector: str = "",
    metadata_only: bool = False,
    lasting: int = 300,
) -> Request:
    """Changes after `resource_version`; the API server itself ends the stream after `lasting` seconds."""
    query = _query(
        watch="1",
        allowWatchBookmarks="true",
        resourceVersion=resource_version,
        labelSelector=label_selector,
        timeoutSeconds=str(lasting),
    )
    return Request(
        "GET",
        collection_path(type, namespace),
        query,
        accept=METADATA if metadata_only else JSON,
        verb="watch",
        kind=type.kind,
        namespace=namespace,
        repeatable=True,
    )


def get(type: ResourceType, namespace: str, name: str) -> Request:
    return Request(
        "GET",
        object_path(type, namespace, name),
        verb="get",
        kind=type.kind,
        namespace=namespace,
        name=name,
        repeatable=True,
    )


def create(type: ResourceType, manifest: Manifest, *, dry_run: bool = False) -> Request:
    namespace = namespace_of(manifest)
    return Request(
        "POST",
        collection_path(type, namespace),
        _query(dryRun="All" if dry_run else "", fieldManager="argocd-controller"),
        orjson.dumps(manifest),
        JSON,
        verb="create",
        kind=type.kind,
        namespace=namespace,
        name=name_of(manifest),
    )


def apply(
    type: ResourceType,
    manifest: Manifest,
    *,
    manager: str,
    force: bool = True,
    dry_run: bool = False,
    field_validation: FieldValidation = "Ignore",
    metadata_only: bool = False,
) -> Request:
    """Server-side apply: create or change the object so that the manifest's fields hold and are ours."""
    namespace, name = namespace_of(manifest), name_of(manifest)
    return Request(
        "PATCH",
        object_path(type, namespace, name),
        _apply_query(manager, force, dry_run, field_validation),
        orjson.dumps(manifest),
        APPLY_PATCH,
        accept=METADATA if metadata_only else JSON,
        verb="apply",
        kind=type.kind,
        namespace=namespace,
        name=name,
        repeatable=True,
    )


def patch(
    type: ResourceType,
    namespace: str,
    name: str,
    changes: Any,
    *,
    kind: PatchKind = "merge",
    manager: str = "argocd-controller",
    dry_run: bool = False,
    subresource: str = "",
) -> Request:
    path = object_path(type, namespace, name)
    return Request(
        "PATCH",
        f"{path}/{_segment(subresource, type.kind)}" if subresource else path,
        _query(dryRun="All" if dry_run else "", fieldManager=manager),
        orjson.dumps(changes),
        PATCH_CONTENT_TYPES[kind],
        verb="patch",
        kind=type.kind,
        namespace=namespace,
        name=name,
        repeatable=dry_run,
    )


def replace(type: ResourceType, manifest: Manifest, *, dry_run: bool = False) -> Request:
    namespace, name = namespace_of(manifest), name_of(manifest)
    return Request(
        "PUT",
        object_path(type, namespace, name),
        _query(dryRun="All" if dry_run else "", fieldManager="argocd-controller"),
        orjson.dumps(manifest),
        JSON,
        verb="replace",
        kind=type.kind,
        namespace=namespace,
        name=name,
        repeatable=dry_run,
    )


def delete(
    type: ResourceType,
    namespace: str,
    name: str,
    *,
    propagation: Propagation = "Foreground",
    uid: str | None = None,
    resource_version: str | None = None,
    dry_run: bool = False,
    grace_seconds: int | None = None,
) -> Request:
    """Delete one object; with `uid` (and `resource_version`) only if it is still that very one."""
    preconditions = {"uid": uid, "resourceVersion": resource_version}
    options: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
    if held := {key: value for key, value in preconditions.items() if value}:
        options["preconditions"] = held
    if grace_seconds is not None:
        options["gracePeriodSeconds"] = grace_seconds
    if dry_run:
        options["dryRun"] = ["All"]
    return Request(
        "DELETE",
        object_path(type, namespace, name),
        "",
        orjson.dumps(options),
        JSON,
        verb="delete",
        kind=type.kind,
        namespace=namespace,
        name=name,
        # Without a uid a repeated delete could hit an object made in between.
        repeatable=bool(uid) or dry_run,
    )


def raw(path: str, *, accept: str = JSON) -> Request:
    """A GET of a path that is no object: version, discovery, metrics."""
    bare, _, query = path.partition("?")
    return Request("GET", bare, query, accept=accept, verb="get", repeatable=True)


def logs(
    namespace: str,
    pod: str,
    *,
    container: str = "",
    tail: int | None = None,
    follow: bool = False,
    since_seconds: int | None = None,
    previous: bool = False,
    timestamps: bool = False,
) -> Request:
    query = _query(
        container=container,
        tailLines="" if tail is None else str(tail),
        follow="true" if follow else "",
        sinceSeconds="" if since_seconds is None else str(since_seconds),
        previous="true" if previous else "",
        timestamps="true" if timestamps else "",
    )
    pods = ResourceType("", "v1", "Pod", "pods", namespaced=True)
    path = f"{object_path(pods, namespace, pod)}/log"
    return Request("GET", path, query, accept="*/*", verb="read log of", kind="Pod", namespace=namespace, name=pod)


def _query(**options: str) -> str:
    return urlencode({key: value for key, value in options.items() if value})


def _apply_query(manager: str, force: bool, dry_run: bool, field_validation: str) -> str:
    # The hot path: no urlencode, its parts are our own words; the manager comes quoted.
    dry = "&dryRun=All" if dry_run else ""
    forced = "true" if force else "false"
    return f"fieldManager={quote(manager, safe='')}&force={forced}&fieldValidation={field_validation}{dry}"
