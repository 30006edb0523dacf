"""One target cluster in memory: its objects by key, by owner and by the application they belong to.

The mirror only ever holds what the API server said. It is written by the cluster's watches
(`clusters.py`) and by the answers to our own writes, whichever is newer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from gitops.model.resource import GroupKind, Manifest, ResourceKey, key_of, resource_version_of, uid_of
from gitops.tree.parents import child_keys, parent_keys

Owner = Callable[[Manifest], str | None]  # the application instance an object's tracking mark names


class ChangeSink(Protocol):
    """Who wants to know that something changed. It gets names, never objects."""

    def managed_object_changed(self, server: str, instance: str, key: ResourceKey) -> None: ...

    def object_changed(self, server: str, key: ResourceKey) -> None: ...


class Mirror:
    def __init__(self, server: str, owner: Owner, sink: ChangeSink) -> None:
        self.server = server
        self._owner = owner
        self._sink = sink
        self._objects: dict[ResourceKey, Manifest] = {}
        self._instance_of: dict[ResourceKey, str] = {}
        self._keys_of_instance: dict[str, set[ResourceKey]] = {}
        self._key_of_uid: dict[str, ResourceKey] = {}
        self._children: dict[str, set[ResourceKey]] = {}
        self._keys_of_kind: dict[GroupKind, set[ResourceKey]] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: ResourceKey) -> Manifest | None:
        return self._objects.get(key)

    def by_uid(self, uid: str) -> Manifest | None:
        key = self._key_of_uid.get(uid)
        return self._objects.get(key) if key else None

    def owned_by(self, instance: str) -> list[Manifest]:
        """Every object whose tracking mark names this application instance."""
        return [self._objects[key] for key in self._keys_of_instance.get(instance, ())]

    def instance_of(self, key: ResourceKey) -> str | None:
        return self._instance_of.get(key)

    def children(self, parent: Manifest) -> list[Manifest]:
        """Objects that belong below this one: by owner reference, or as Kubernetes' conventions have it."""
        keys = {key for name in parent_keys(parent) for key in self._children.get(name, ())}
        return [self._objects[key] for key in keys]

    def of_kind(self, group_kind: GroupKind) -> Iterator[Manifest]:
        return (self._objects[key] for key in tuple(self._keys_of_kind.get(group_kind, ())))

    def root_instance(self, key: ResourceKey) -> str | None:
        """The application an object belongs to, itself or through its owners."""
        seen: set[ResourceKey] = set()
        while key not in seen:
            seen.add(key)
            instance = self._instance_of.get(key)
            if instance is not None:
                return instance
            owner = next(iter(_owner_uids(self._objects.get(key) or {})), None)
            parent = self._key_of_uid.get(owner) if owner else None
            if parent is None:
                return None
            key = parent
        return None

    # --- writing: watches, and the answers to our own writes -------------------------------------

    def replace_kind(self, group_kind: GroupKind, manifests: Iterable[Manifest]) -> None:
        """A fresh list of one kind: what it does not hold is gone."""
        before = set(self._keys_of_kind.get(group_kind, ()))
        for manifest in manifests:
            before.discard(key_of(manifest))
            self.observe(manifest)
        for key in before:
            self.remove(key)

    def observe(self, manifest: Manifest) -> None:
        """Take an object in, unless what we hold is as new or newer."""
        key = key_of(manifest)
        present = self._objects.get(key)
        if present is not None:
            if not _newer(manifest, present):
                return
            self._unindex(key, present)
        self._objects[key] = manifest
        self._index(key, manifest)
        self._tell(key, present)

    def remove(self, key: ResourceKey, *, uid: str = "") -> None:
        """The object is gone; with `uid`, only if it is still that very object."""
        present = self._objects.get(key)
        if present is None or (uid and uid_of(present) != uid):
            return
        instance = self._instance_of.get(key)
        del self._objects[key]
        self._unindex(key, present)
        if instance is not None:
            self._sink.managed_object_changed(self.server, instance, key)
        self._sink.object_changed(self.server, key)

    def drop_kind(self, group_kind: GroupKind) -> None:
        for key in tuple(self._keys_of_kind.get(group_kind, ())):
            self.remove(key)

    def _tell(self, key: ResourceKey, before: Manifest | None) -> None:
        instance = self._instance_of.get(key)
        previous = self._owner(before) if before is not None else None
        for name in {instance, previous} - {None}:
            self._sink.managed_object_changed(self.server, name or "", key)
        self._sink.object_changed(self.server, key)

    def _index(self, key: ResourceKey, manifest: Manifest) -> None:
        self._keys_of_kind.setdefault(key.group_kind, set()).add(key)
        uid = uid_of(manifest)
        if uid:
            self._key_of_uid[uid] = key
        for name in child_keys(manifest):
            self._children.setdefault(name, set()).add(key)
        instance = self._owner(manifest)
        if instance is not None:
            self._instance_of[key] = instance
            self._keys_of_instance.setdefault(instance, set()).add(key)

    def _unindex(self, key: ResourceKey, manifest: Manifest) -> None:
        _discard(self._keys_of_kind, key.group_kind, key)
        uid = uid_of(manifest)
        if self._key_of_uid.get(uid) == key:
            del self._key_of_uid[uid]
        for name in child_keys(manifest):
            _discard(self._children, name, key)
        instance = self._instance_of.pop(key, None)
        if instance is not None:
            _discard(self._keys_of_instance, instance, key)


def _owner_uids(manifest: Manifest) -> Iterator[str]:
    references: list[Mapping[str, Any]] = (manifest.get("metadata") or {}).get("ownerReferences") or []
    return (reference["uid"] for reference in references if reference.get("uid"))


def _discard(index: dict[Any, set[ResourceKey]], name: Any, key: ResourceKey) -> None:
    keys = index.get(name)
    if keys is not None:
        keys.discard(key)
        if not keys:
            del index[name]


def _newer(offered: Manifest, present: Manifest) -> bool:
    # Resource versions of one kind grow as numbers on every API server that etcd backs, also
    # across the deletion and new creation of an object of the same name.
    try:
        return int(resource_version_of(offered)) > int(resource_version_of(present))
    except ValueError:
        return resource_version_of(offered) != resource_version_of(present)
