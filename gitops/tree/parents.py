"""Whose child is an object? By its owner references, and by what Kubernetes leaves unsaid.

An index of children keeps each object under its `child_keys`, and finds the children of another under
that one's `parent_keys`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from gitops.model.resource import Manifest, annotations_of, group_of, labels_of, name_of, namespace_of, uid_of

_ORDINAL = re.compile(r"-\d+$")
_SERVICE_NAME_LABEL = "kubernetes.io/service-name"
_TOKEN_OWNER = "kubernetes.io/service-account.uid"  # noqa: S105 (an annotation key)


def owner_references(manifest: Manifest) -> list[Mapping[str, Any]]:
    found = (manifest.get("metadata") or {}).get("ownerReferences")
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def child_keys(manifest: Manifest) -> tuple[str, ...]:
    """Under which keys an object is somebody's child."""
    owners = tuple(each["uid"] for each in owner_references(manifest) if each.get("uid"))
    infer = _INFERRED.get((group_of(manifest), manifest.get("kind", "")))
    if infer is None:
        return owners
    return (*owners, *(key for key in infer(manifest, bool(owners)) if key not in owners))


def parent_keys(manifest: Manifest) -> tuple[str, ...]:
    """Under which keys the children of an object are found."""
    keys = [uid] if (uid := uid_of(manifest)) else []
    group, kind = group_of(manifest), manifest.get("kind")
    if (group, kind) == ("", "Service"):
        keys.append(_service_key(manifest, name_of(manifest)))
    elif (group, kind) == ("apps", "StatefulSet"):
        keys.extend(_claim_key(manifest, f"{name}-{name_of(manifest)}") for name in _claim_templates(manifest))
    return tuple(keys)


def children_lookup(objects: Iterable[Manifest]) -> Callable[[Manifest], list[Manifest]]:
    """The children of any object among these; for callers without an index of their own."""
    index: dict[str, list[Manifest]] = {}
    for each in objects:
        for key in child_keys(each):
            index.setdefault(key, []).append(each)

    def children(parent: Manifest) -> list[Manifest]:
        found = {id(child): child for key in parent_keys(parent) for child in index.get(key, ())}
        return list(found.values())

    return children


def _endpoints(manifest: Manifest, owned: bool) -> Iterator[str]:
    # Endpoints bear the name of their Service and no reference to it.
    if not owned:
        yield _service_key(manifest, name_of(manifest))


def _endpoint_slice(manifest: Manifest, owned: bool) -> Iterator[str]:
    name = labels_of(manifest).get(_SERVICE_NAME_LABEL)
    if name and not owned:
        yield _service_key(manifest, name)


def _claim(manifest: Manifest, owned: bool) -> Iterator[str]:
    # A StatefulSet's claims are named `<template>-<set>-<ordinal>` and outlive it, so they carry no owner.
    stem = _ORDINAL.sub("", name_of(manifest))
    if not owned and stem != name_of(manifest):
        yield _claim_key(manifest, stem)


def _token(manifest: Manifest, owned: bool) -> Iterator[str]:
    uid = annotations_of(manifest).get(_TOKEN_OWNER)
    if uid and manifest.get("type") == "kubernetes.io/service-account-token":
        yield uid


def _service_key(manifest: Manifest, name: str) -> str:
    return f"service/{namespace_of(manifest)}/{name}"


def _claim_key(manifest: Manifest, stem: str) -> str:
    return f"claim/{namespace_of(manifest)}/{stem}"


def _claim_templates(manifest: Manifest) -> list[str]:
    spec = manifest.get("spec")
    templates = spec.get("volumeClaimTemplates") if isinstance(spec, Mapping) else None
    if not isinstance(templates, list):
        return []
    named = (each for each in templates if isinstance(each, Mapping) and isinstance(each.get("metadata"), Mapping))
    return [name for each in named if isinstance(name := name_of(each), str) and name]


_INFERRED: Mapping[tuple[str, str], Callable[[Manifest, bool], Iterator[str]]] = {
    ("", "Endpoints"): _endpoints,
    ("discovery.k8s.io", "EndpointSlice"): _endpoint_slice,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Secret"): _token,
}
