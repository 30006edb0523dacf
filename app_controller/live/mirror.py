"""One target cluster in memory: its objects by key, by owner and by the application they belong to.

The mirror only ever holds what the API server said. It is written by the cluster's watches
(`clusters.py`) and by the answers to our own writes, whichever is newer; the two come in any order.
So an object never goes back to an older version, one that is known to be gone does not come back by
an older answer, and one that we made after a list was taken is not missed in it.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from gitops.model.numbers import count_of
from gitops.model.resource import GroupKind, Manifest, ResourceKey, key_of, resource_version_of, uid_of
from gitops.tree.parents import child_keys, owner_references, parent_keys

# So many uids of objects that are gone are remembered: enough for answers that are still on their way.
BURIED = 4_000

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
        self._told_up_to: dict[GroupKind, int] = {}  # the newest version that lists and watches have shown
        self._buried: dict[str, None] = {}  # uids, oldest first; no uid is ever used again

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

    def replace_kind(self, group_kind: GroupKind, manifests: Iterable[Manifest], version: str = "") -> None:
        """A fresh list of one kind as of `version`: what it does not hold is gone."""
        listed_at = _number(version)
        if listed_at is not None and listed_at < self._told_up_to.get(group_kind, 0):
            self._forget_kind(group_kind)  # time ran backwards: the API server's data was restored
        before = set(self._keys_of_kind.get(group_kind, ()))
        for manifest in manifests:
            before.discard(key_of(manifest))
            self.observe(manifest)
        for key in before:
            held = _number(resource_version_of(self._objects[key]))
            if listed_at is None or held is None or held <= listed_at:
                self.remove(key)
        if listed_at is not None:
            self._told_up_to[group_kind] = listed_at

    def told(self, manifest: Manifest) -> None:
        """A watch says that an object was created or changed."""
        self._heard_of(manifest)
        self.observe(manifest)

    def told_gone(self, manifest: Manifest) -> None:
        """A watch says that this very object is gone; one made since under its name is another."""
        self._heard_of(manifest)
        self._bury(uid_of(manifest))
        self.remove(key_of(manifest), uid=uid_of(manifest))

    def observe(self, manifest: Manifest) -> None:
        """Take an object in, unless what we hold is as new or newer, or it is known to be gone."""
        key = key_of(manifest)
        present = self._objects.get(key)
        if uid_of(manifest) in self._buried:
            return
        if present is not None:
            if not _newer(manifest, present):
                return
            self._unindex(key, present)
        self._objects[key] = manifest
        self._index(key, manifest)
        self._tell(key, present)

    def remove(self, key: ResourceKey, *, uid: str = "") -> None:
        """The object is gone for good; with `uid`, only if it is still that very object."""
        present = self._objects.get(key)
        if present is None or (uid and uid_of(present) != uid):
            return
        self._bury(uid_of(present))
        self._drop(key, present)

    def drop_kind(self, group_kind: GroupKind) -> None:
        """The kind is not looked at any more, or is about to be listed anew."""
        for key in tuple(self._keys_of_kind.get(group_kind, ())):
            self._drop(key, self._objects[key])

    def index_anew(self) -> None:
        """What marks an application's objects has changed."""
        for key, manifest in list(self._objects.items()):
            self._unindex(key, manifest)
            self._index(key, manifest)

    def _forget_kind(self, group_kind: GroupKind) -> None:
        self.drop_kind(group_kind)
        self._buried.clear()

    def _heard_of(self, manifest: Manifest) -> None:
        version, kind = _number(resource_version_of(manifest)), key_of(manifest).group_kind
        if version is not None and version > self._told_up_to.get(kind, 0):
            self._told_up_to[kind] = version

    def _bury(self, uid: str) -> None:
        if uid:
            self._buried[uid] = None
            if len(self._buried) > BURIED:
                del self._buried[next(iter(self._buried))]

    def _drop(self, key: ResourceKey, present: Manifest) -> None:
        instance = self._instance_of.get(key)
        del self._objects[key]
        self._unindex(key, present)
        if instance is not None:
            self._sink.managed_object_changed(self.server, instance, key)
        self._sink.object_changed(self.server, key)

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
    return (reference["uid"] for reference in owner_references(manifest) if reference.get("uid"))


def _discard(index: dict[Any, set[ResourceKey]], name: Any, key: ResourceKey) -> None:
    keys = index.get(name)
    if keys is not None:
        keys.discard(key)
        if not keys:
            del index[name]


def _newer(offered: Manifest, present: Manifest) -> bool:
    # Resource versions of one kind grow as numbers on every API server that etcd backs, also
    # across the deletion and new creation of an object of the same name.
    version, held = _number(resource_version_of(offered)), _number(resource_version_of(present))
    if version is None or held is None:
        return resource_version_of(offered) != resource_version_of(present)
    return version > held


def _number(version: str) -> int | None:
    return count_of(version)
