"""Manifests by render key: the key (pure), and what is kept under it in memory and in Redis."""

import hashlib
import zlib
from collections import OrderedDict
from typing import Protocol

import msgspec

from gitops.model.repository import SkippedFile
from repo_server.inputs.wanted import Inputs

# Raised whenever the same inputs may render differently: a new worker, decoder or tool rule.
SCHEMA = 5


class Manifests(msgspec.Struct, frozen=True):
    source_type: str
    encoded: bytes  # JSON array
    skipped: tuple[SkippedFile, ...] = ()


class Shelf(Protocol):
    """Where manifests outlive this process."""

    async def get(self, key: str) -> Manifests | None: ...

    async def put(self, key: str, value: Manifests) -> None: ...


def render_key(inputs: Inputs, tool: str) -> str:
    """Hash of everything a render reads and of the tool that reads it; equal keys, equal manifests."""
    material = (SCHEMA, tool, inputs.source_type, inputs.options, inputs.files)
    return hashlib.sha256(msgspec.msgpack.encode(material)).hexdigest()


class ManifestCache:
    """Memory first, bounded by bytes; then the shelf."""

    def __init__(self, shelf: Shelf | None, *, memory_limit: int) -> None:
        self._shelf = shelf
        self._limit = memory_limit
        self._held = 0
        self._memory: OrderedDict[str, Manifests] = OrderedDict()  # compressed

    async def get(self, key: str) -> tuple[Manifests, str] | None:
        """The manifests and where they were found."""
        if kept := self._memory.get(key):
            self._memory.move_to_end(key)
            return msgspec.structs.replace(kept, encoded=zlib.decompress(kept.encoded)), "memory"
        found = await self._shelf.get(key) if self._shelf else None
        if found is None:
            return None
        self._keep(key, found)
        return found, "redis"

    async def put(self, key: str, value: Manifests) -> None:
        self._keep(key, value)
        if self._shelf:
            await self._shelf.put(key, value)

    def _keep(self, key: str, value: Manifests) -> None:
        packed = zlib.compress(value.encoded, level=1)
        if len(packed) > self._limit:
            return
        if replaced := self._memory.pop(key, None):
            self._held -= len(replaced.encoded)
        self._memory[key] = msgspec.structs.replace(value, encoded=packed)
        self._held += len(packed)
        while self._held > self._limit:
            _, dropped = self._memory.popitem(last=False)
            self._held -= len(dropped.encoded)
