"""Kubernetes objects as plain data, and the names by which we know them.

A manifest is the decoded JSON of one object and is never changed in place: whoever needs a
different manifest builds a new one.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

Manifest = Mapping[str, Any]


class GroupKind(NamedTuple):
    group: str
    kind: str

    def __str__(self) -> str:
        return f"{self.group}/{self.kind}" if self.group else self.kind


class ResourceKey(NamedTuple):
    """One object of one cluster; `namespace` is empty for cluster-scoped objects."""

    group: str
    kind: str
    namespace: str
    name: str

    @property
    def group_kind(self) -> GroupKind:
        return GroupKind(self.group, self.kind)

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.group_kind} {where}"


class ResourceType(msgspec.Struct, frozen=True):
    """A kind as one cluster serves it (from its discovery)."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()

    @property
    def group_kind(self) -> GroupKind:
        return GroupKind(self.group, self.kind)


class Condition(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    type: str
    status: str = "Unknown"
    reason: str = ""
    message: str = ""
    observed_generation: int | None = None


def group_of(manifest: Manifest) -> str:
    api_version: str = manifest.get("apiVersion", "")
    return api_version.rpartition("/")[0]


def version_of(manifest: Manifest) -> str:
    api_version: str = manifest.get("apiVersion", "")
    return api_version.rpartition("/")[2]


def kind_of(manifest: Manifest) -> str:
    kind: str = manifest.get("kind", "")
    return kind


def group_kind_of(manifest: Manifest) -> GroupKind:
    return GroupKind(group_of(manifest), manifest.get("kind", ""))


def key_of(manifest: Manifest) -> ResourceKey:
    metadata = manifest.get("metadata") or {}
    return ResourceKey(
        group_of(manifest),
        manifest.get("kind", ""),
        metadata.get("namespace") or "",
        metadata.get("name") or "",
    )


def name_of(manifest: Manifest) -> str:
    return (manifest.get("metadata") or {}).get("name") or ""


def namespace_of(manifest: Manifest) -> str:
    return (manifest.get("metadata") or {}).get("namespace") or ""


def uid_of(manifest: Manifest) -> str:
    return (manifest.get("metadata") or {}).get("uid") or ""


def resource_version_of(manifest: Manifest) -> str:
    return (manifest.get("metadata") or {}).get("resourceVersion") or ""


def annotations_of(manifest: Manifest) -> Mapping[str, str]:
    return (manifest.get("metadata") or {}).get("annotations") or {}


def labels_of(manifest: Manifest) -> Mapping[str, str]:
    return (manifest.get("metadata") or {}).get("labels") or {}


def is_deleting(manifest: Manifest) -> bool:
    return bool((manifest.get("metadata") or {}).get("deletionTimestamp"))


def conditions_of(manifest: Manifest) -> tuple[Condition, ...]:
    """`status.conditions`, tolerant of what controllers get wrong (missing or non-text fields)."""
    status = manifest.get("status")
    return conditions_in(status) if isinstance(status, Mapping) else ()


def conditions_in(part_of_status: Mapping[str, Any]) -> tuple[Condition, ...]:
    """As `conditions_of`, of something else that has them: a listener, a parent."""
    found = part_of_status.get("conditions")
    if not isinstance(found, list):
        return ()
    return tuple(
        Condition(
            type=str(each.get("type", "")),
            status=str(each.get("status", "Unknown")),
            reason=str(each.get("reason") or ""),
            message=str(each.get("message") or ""),
            observed_generation=_number(each.get("observedGeneration")),
        )
        for each in found
        if isinstance(each, Mapping)
    )


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
