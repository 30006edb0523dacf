"""An application's objects and all that they own, as the tree Argo CD's API serves (`ApplicationTree`)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from gitops.manifest.annotations import MANAGED_BY_URL, annotation
from gitops.model.numbers import count_of
from gitops.model.resource import (
    GroupKind,
    Manifest,
    ResourceKey,
    annotations_of,
    group_kind_of,
    key_of,
    resource_version_of,
    uid_of,
    version_of,
)
from gitops.model.status import Health, HealthCode
from gitops.tree.network_info import network_info
from gitops.tree.parents import owner_references
from gitops.tree.pod_info import images_of, pod_info

Node = dict[str, Any]
ChildrenOf = Callable[[Manifest], Iterable[Manifest]]
HealthOf = Callable[[Manifest], Health | None]

_POD = GroupKind("", "Pod")
_REVISIONS = ("deployment.kubernetes.io/revision", "rollout.argoproj.io/revision")


class Managed(Protocol):
    """What the tree needs to know of a managed object; a comparison's object is one."""

    @property
    def key(self) -> ResourceKey: ...
    @property
    def desired(self) -> Manifest | None: ...
    @property
    def live(self) -> Manifest | None: ...
    @property
    def health(self) -> Health | None: ...


def application_tree(
    managed: Sequence[Managed],
    children_of: ChildrenOf,
    health_of: HealthOf,
    *,
    orphans: Iterable[Manifest] = (),
    info_labels: Sequence[str] = (),
) -> dict[str, Any]:
    """The tree as JSON: live objects with their children, missing ones, and orphans with theirs.

    `health_of` is this installation's health check. An object is drawn once, below every parent that its
    `parentRefs` name. Owners that form a circle do no harm: the walk never enters an object twice.
    """
    drawing = _Drawing(children_of, health_of, info_labels)
    missing = [_missing_node(each) for each in managed if each.live is None and each.desired is not None]
    nodes = [*missing, *drawing.below([each.live for each in managed if each.live is not None])]
    orphaned = drawing.below(list(orphans))
    return {"nodes": _sorted(nodes), "orphanedNodes": _sorted(orphaned), "hosts": []}


class _Drawing:
    def __init__(self, children_of: ChildrenOf, health_of: HealthOf, info_labels: Sequence[str]) -> None:
        self._children_of = children_of
        self._health_of = health_of
        self._info_labels = info_labels
        self._seen: dict[ResourceKey, Node] = {}

    def below(self, roots: list[Manifest]) -> list[Node]:
        """Nodes of the roots and of all they own, each once."""
        drawn: list[Node] = []
        waiting: list[tuple[Manifest, Manifest | None]] = [(root, None) for root in roots]
        while waiting:
            manifest, parent = waiting.pop()
            key = key_of(manifest)
            node = self._seen.get(key)
            if node is None:
                node = self._seen[key] = node_of(manifest, self._health_of(manifest), info_labels=self._info_labels)
                drawn.append(node)
                waiting.extend((child, manifest) for child in self._children_of(manifest))
            if parent is not None:
                _add_parent(node, parent)
        return drawn


def node_of(manifest: Manifest, health: Health | None, *, info_labels: Sequence[str] = ()) -> Node:
    """One live object as a node, with the parents its owner references name."""
    is_pod = group_kind_of(manifest) == _POD
    metadata = manifest.get("metadata") or {}
    node = {
        **_reference(manifest),
        "parentRefs": [_owner(each, manifest) for each in owner_references(manifest)],
        "info": _info(manifest, is_pod, info_labels),
        "networkingInfo": network_info(manifest),
        "resourceVersion": resource_version_of(manifest),
        "images": images_of(manifest) if is_pod else [],
        "health": health_json(health),
        "createdAt": metadata.get("creationTimestamp"),
    }
    return {name: value for name, value in node.items() if value}


def health_json(health: Health | None) -> dict[str, str] | None:
    if health is None:
        return None
    return {"status": health.status, "message": health.message} if health.message else {"status": health.status}


def _missing_node(managed: Managed) -> Node:
    reference = _reference(managed.desired or {})
    key = managed.key
    placed = {**reference, "namespace": key.namespace, "name": key.name, "health": {"status": HealthCode.MISSING}}
    return {name: value for name, value in placed.items() if value}


def _reference(manifest: Manifest) -> dict[str, str]:
    key = key_of(manifest)
    found = {
        "group": key.group,
        "version": version_of(manifest),
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
        "uid": uid_of(manifest),
    }
    return {name: value for name, value in found.items() if value}


def _owner(reference: Mapping[str, Any], child: Manifest) -> dict[str, str]:
    """An owner as its reference names it: in the child's namespace, until the owner itself is met."""
    group, _, version = str(reference.get("apiVersion", "")).rpartition("/")
    found = {
        "group": group,
        "version": version,
        "kind": str(reference.get("kind", "")),
        "namespace": key_of(child).namespace,
        "name": str(reference.get("name", "")),
        "uid": str(reference.get("uid", "")),
    }
    return {name: value for name, value in found.items() if value}


def _add_parent(node: Node, parent: Manifest) -> None:
    """Notes a parent the walk came from: inferred ones are not in the owner references at all, and a
    cluster-scoped one has no namespace."""
    reference = _reference(parent)
    others = [each for each in node.get("parentRefs", ()) if each.get("uid") != reference.get("uid")]
    node["parentRefs"] = [*others, reference]


def _info(manifest: Manifest, is_pod: bool, info_labels: Sequence[str]) -> list[dict[str, str]]:
    info: list[dict[str, str]] = []
    if revision := _revision(manifest):
        info.append({"name": "Revision", "value": f"Rev:{revision}"})
    if info_labels:
        labels = (manifest.get("metadata") or {}).get("labels") or {}
        info.extend({"name": name, "value": str(labels[name])} for name in info_labels if name in labels)
    if is_pod:
        info.extend(pod_info(manifest))
    elif url := annotation(manifest, MANAGED_BY_URL):
        info.append({"name": "managed-by-url", "value": url})
    return info


def _revision(manifest: Manifest) -> int:
    annotations = annotations_of(manifest)
    for name in _REVISIONS:
        if name in annotations:
            return count_of(annotations[name]) or 0
    number = manifest.get("revision")  # a ControllerRevision
    return number if isinstance(number, int) and not isinstance(number, bool) else 0


def _sorted(nodes: list[Node]) -> list[Node]:
    order = ("group", "kind", "namespace", "name", "uid")
    return sorted(nodes, key=lambda node: tuple(node.get(name, "") for name in order))
