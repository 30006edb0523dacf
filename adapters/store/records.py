"""The records of one kind in memory, and the rules by which news about them is taken in (no I/O).

News comes from two sides: the watch, and the answers to our own writes, which are known here before
the watch tells of them. A record therefore only ever moves to a higher resourceVersion, and what was
deleted is not brought back by an older answer. Only a list older than what the watch has already
shown (a restored etcd) starts everything anew.
"""

from collections.abc import Callable, Iterable
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from adapters.store.feed import ADDED, DELETED, MODIFIED, Changed
from adapters.store.kinds import RecordName
from gitops.model.errors import InvalidSpec
from gitops.model.numbers import count_of
from gitops.model.resource import Manifest, name_of, namespace_of, resource_version_of

Value = TypeVar("Value")

_TOMBSTONES = 2_000


class News(NamedTuple):
    changed: Changed
    before: Manifest | None


class Record(Generic[Value]):
    """One record; its value and its bytes are made when first asked for."""

    __slots__ = ("_encoded", "_error", "_value", "raw", "version")

    def __init__(self, raw: Manifest, version: int) -> None:
        self.raw = raw
        self.version = version
        self._value: Value | None = None
        self._error: InvalidSpec | None = None
        self._encoded: bytes | None = None

    def value(self, decode: Callable[[Manifest], Value]) -> Value:
        """Raises InvalidSpec, the same again and again, if the record cannot be read."""
        if self._error is not None:
            raise self._error.with_traceback(None)
        if self._value is None:
            try:
                self._value = decode(self.raw)
            except InvalidSpec as error:
                self._error = error
                raise
        return self._value

    def encoded(self) -> bytes:
        if self._encoded is None:
            self._encoded = orjson.dumps(self.raw)
        return self._encoded


class Records(Generic[Value]):
    def __init__(self, decode: Callable[[Manifest], Value]) -> None:
        self._decode = decode
        self._records: dict[RecordName, Record[Value]] = {}
        self._tombstones: dict[RecordName, int] = {}
        self._watched_version = 0
        self.version = 0  # the highest resourceVersion seen
        self.generation = 0  # grows with every change, so that what is derived from here can be kept

    # --- asking --------------------------------------------------------------------------------------

    def get(self, name: RecordName) -> Value | None:
        record = self._records.get(name)
        return record.value(self._decode) if record else None

    def raw(self, name: RecordName) -> Manifest | None:
        record = self._records.get(name)
        return record.raw if record else None

    def encoded(self, name: RecordName) -> bytes | None:
        record = self._records.get(name)
        return record.encoded() if record else None

    def names(self) -> list[RecordName]:
        return sorted(self._records)

    def raws(self) -> Iterable[Manifest]:
        return (record.raw for record in self._records.values())

    def readable(self) -> list[Value]:
        """The values that can be read, by name; one broken record does not hide the others."""
        return [value for name in self.names() if (value := self._read(name)) is not None]

    def unreadable(self) -> dict[RecordName, InvalidSpec]:
        found: dict[RecordName, InvalidSpec] = {}
        for name, record in self._records.items():
            try:
                record.value(self._decode)
            except InvalidSpec as error:
                found[name] = error
        return found

    def _read(self, name: RecordName) -> Value | None:
        try:
            return self.get(name)
        except InvalidSpec:
            return None

    # --- taking in -----------------------------------------------------------------------------------

    def replace_all(self, items: Iterable[dict[str, Any]], version: str) -> list[News]:
        """A full list as of `version`."""
        listed_at = number(version)
        if listed_at < self._watched_version:
            return self._start_anew(items, listed_at)
        self._watched_version = listed_at
        listed = {record_name(item): item for item in items}
        news = [
            self._remove(name)
            for name, record in list(self._records.items())
            if self._vanished(name, record, listed, listed_at)
        ]
        news.extend(told for item in listed.values() if (told := self._put(item)) is not None)
        self._seen(listed_at)
        return news

    def upsert(self, manifest: dict[str, Any], *, watched: bool = True) -> list[News]:
        version = number(resource_version_of(manifest))
        if watched:
            self._watched_version = max(self._watched_version, version)
        told = self._put(manifest)
        self._seen(version)
        return [told] if told else []

    def remove(self, manifest: Manifest) -> list[News]:
        """Deleted, as the watch says; the manifest's resourceVersion is that of the deletion."""
        name, version = record_name(manifest), number(resource_version_of(manifest))
        self._watched_version = max(self._watched_version, version)
        self._seen(version)
        record = self._records.get(name)
        if record is None or record.version > version:
            return []
        self._bury(name, version)
        return [self._remove(name)]

    def _start_anew(self, items: Iterable[dict[str, Any]], listed_at: int) -> list[News]:
        before = {name: record.raw for name, record in self._records.items()}
        self._records.clear()
        self._tombstones.clear()
        self.version = self._watched_version = listed_at
        for item in items:
            self._put(item)
        after = {name: record.raw for name, record in self._records.items()}
        self.generation += 1
        gone = [News(Changed(name, raw, DELETED), raw) for name, raw in before.items() if name not in after]
        here = [
            News(Changed(name, raw, MODIFIED if name in before else ADDED), before.get(name))
            for name, raw in after.items()
        ]
        return gone + here

    def _vanished(
        self, name: RecordName, record: Record[Value], listed: dict[RecordName, dict[str, Any]], listed_at: int
    ) -> bool:
        # A record that we made after the list was taken is not in it, and yet exists.
        return name not in listed and record.version <= listed_at

    def _put(self, manifest: dict[str, Any]) -> News | None:
        name, version = record_name(manifest), number(resource_version_of(manifest))
        before = self._records.get(name)
        if (before is not None and before.version >= version) or self._tombstones.get(name, -1) >= version:
            return None
        self._tombstones.pop(name, None)
        self._records[name] = Record(manifest, version)
        self.generation += 1
        return News(Changed(name, manifest, MODIFIED if before else ADDED), before.raw if before else None)

    def _remove(self, name: RecordName) -> News:
        record = self._records.pop(name)
        self.generation += 1
        return News(Changed(name, record.raw, DELETED), record.raw)

    def _bury(self, name: RecordName, version: int) -> None:
        self._tombstones.pop(name, None)
        self._tombstones[name] = version
        if len(self._tombstones) > _TOMBSTONES:
            del self._tombstones[next(iter(self._tombstones))]

    def _seen(self, version: int) -> None:
        self.version = max(self.version, version)


def record_name(manifest: Manifest) -> RecordName:
    return RecordName(namespace_of(manifest), name_of(manifest))


def number(resource_version: str) -> int:
    """Kubernetes' resourceVersions of one kind are ordered numbers; anything else counts as oldest."""
    return count_of(resource_version) or 0
