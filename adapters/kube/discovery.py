"""Which kinds a cluster serves, read from its aggregated discovery documents (pure).

A group whose API server is down is told apart from a kind that does not exist: absence may lead to
deletions, an outage never.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from gitops.model.resource import GroupKind, ResourceType

AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)


class Discovery(msgspec.Struct, frozen=True):
    """What is served, preferred versions first; `stale` names group/versions that did not answer."""

    types: tuple[ResourceType, ...] = ()
    stale: frozenset[str] = frozenset()

    def __add__(self, other: "Discovery") -> "Discovery":
        return Discovery(self.types + other.types, self.stale | other.stale)


def preferred(types: Iterable[ResourceType]) -> dict[GroupKind, ResourceType]:
    """One type per kind: the version its group lists first."""
    chosen: dict[GroupKind, ResourceType] = {}
    for type in types:
        chosen.setdefault(type.group_kind, type)
    return chosen


def is_aggregated(document: Mapping[str, Any]) -> bool:
    return document.get("kind") == "APIGroupDiscoveryList"


def read_aggregated(document: Mapping[str, Any]) -> Discovery:
    types: list[ResourceType] = []
    stale: set[str] = set()
    for group in document.get("items") or ():
        name = (group.get("metadata") or {}).get("name") or ""
        for version in group.get("versions") or ():
            label = str(version.get("version") or "")
            if version.get("freshness") == "Stale":
                stale.add(f"{name}/{label}")
            types.extend(_types(name, label, version.get("resources") or ()))
    return Discovery(tuple(types), frozenset(stale))


def _types(group: str, version: str, resources: Iterable[Mapping[str, Any]]) -> Iterable[ResourceType]:
    for each in resources:
        kind = (each.get("responseKind") or {}).get("kind")
        if kind and each.get("resource"):
            yield ResourceType(
                group,
                version,
                kind,
                each["resource"],
                each.get("scope") == "Namespaced",
                frozenset(each.get("verbs") or ()),
            )


def group_versions(document: Mapping[str, Any]) -> list[str]:
    """From the older documents (`APIVersions`, `APIGroupList`): what to ask for one by one, preferred first."""
    if document.get("kind") == "APIVersions":
        return [str(each) for each in document.get("versions") or ()]
    found: list[str] = []
    for group in document.get("groups") or ():
        first = (group.get("preferredVersion") or {}).get("groupVersion")
        rest = [each.get("groupVersion") for each in group.get("versions") or ()]
        found.extend(dict.fromkeys(each for each in (first, *rest) if each))
    return found


def read_resource_list(document: Mapping[str, Any]) -> Discovery:
    """One `APIResourceList` of the older kind."""
    group, _, version = str(document.get("groupVersion") or "").rpartition("/")
    types = tuple(
        ResourceType(
            group, version, each["kind"], each["name"], bool(each.get("namespaced")), frozenset(each.get("verbs") or ())
        )
        for each in document.get("resources") or ()
        if "/" not in each.get("name", "/")
    )
    return Discovery(types)
