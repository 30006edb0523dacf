"""The records of one kind in one namespace, kept current by a watch, and the writes to them.

What we write is seen here at once, in the API server's own answer; readers never wait for the watch.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from adapters.clock import Clock
from adapters.kube.client import KubeClient
from adapters.kube.requests import Propagation
from adapters.kube.watch import Broken, Gone, Resumed, Synced, Upsert, WatchEvent, watch
from adapters.store.feed import Feed, Interest
from adapters.store.kinds import RecordName
from adapters.store.records import News, Records
from gitops.model.errors import GitOpsError, InvalidSpec, KindNotServed
from gitops.model.resource import Manifest, ResourceType

Value = TypeVar("Value")

# Under another name than objects are delivered with: what we note on an Application that is itself delivered from
# Git (its status, its finalizers) must not be taken for what an earlier version of it left there.
RECORDS_MANAGER = "tiphys"


class Mirror(Generic[Value]):
    """`optional`: a cluster that does not serve the kind counts as having no such records."""

    def __init__(
        self,
        client: KubeClient,
        type: ResourceType,
        namespace: str,
        decode: Callable[[Manifest], Value],
        clock: Clock,
        *,
        keep: Interest | None = None,
        optional: bool = False,
    ) -> None:
        self.type = type
        self.namespace = namespace
        self.stale_since: datetime | None = None  # the view may be older than that
        self.error: GitOpsError | None = None  # why it is stale
        self._client = client
        self._clock = clock
        self._keep = keep
        self._optional = optional
        self._records: Records[Value] = Records(decode)
        self._feeds: WeakSet[Feed] = WeakSet()
        self._synced = asyncio.Event()

    # --- following -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Follow the cluster until cancelled."""
        events = watch(self._client, self.type, namespace=self.namespace, clock=self._clock, transform=lean)
        async with aclosing(events):
            async for event in events:
                self._take(event)

    async def wait_synced(self) -> None:
        await self._synced.wait()

    def _take(self, event: WatchEvent) -> None:
        match event:
            case Broken(error, since):
                self.stale_since, self.error = since, error
                if self._optional and isinstance(error, KindNotServed):
                    self._synced.set()
                return
            case Synced(items, version):
                self._tell(self._records.replace_all(filter(self._keep, items), version))
                self._synced.set()
            case Upsert(manifest) if self._keep is not None and not self._keep(manifest):
                self._tell(self._records.remove(manifest))
            case Upsert(manifest):
                self._tell(self._records.upsert(manifest))
            case Gone(manifest):
                self._tell(self._records.remove(manifest))
            case Resumed():
                pass
        if self.error is not None:
            self.stale_since = self.error = None
            for feed in self._feeds:
                feed.recovered()

    def _tell(self, news: list[News]) -> None:
        for feed in [feed for feed in self._feeds if feed.closed]:
            self._feeds.discard(feed)
        for changed, before in news:
            for feed in self._feeds:
                feed.offer(changed, before)

    # --- reading -------------------------------------------------------------------------------------

    def get(self, name: RecordName) -> Value | None:
        """None if there is none; InvalidSpec if it is there and cannot be read."""
        return self._records.get(name)

    def raw(self, name: RecordName) -> Manifest | None:
        """As stored, without managedFields. Not to be changed."""
        return self._records.raw(name)

    def encoded(self, name: RecordName) -> bytes | None:
        """`raw` as JSON, encoded once per version."""
        return self._records.encoded(name)

    def names(self) -> list[RecordName]:
        return self._records.names()

    def raws(self) -> list[Manifest]:
        return list(self._records.raws())

    def all(self) -> list[Value]:
        """The readable ones, by name."""
        return self._records.readable()

    def unreadable(self) -> dict[RecordName, InvalidSpec]:
        return self._records.unreadable()

    @property
    def resource_version(self) -> str:
        """The highest version seen: that of a list made of what is here."""
        return str(self._records.version)

    @property
    def generation(self) -> int:
        """Grows with every change."""
        return self._records.generation

    def changes(self, interest: Interest | None = None, *, recoveries: bool = False) -> Feed:
        """Every change from now on; with `interest`, of the records it is (or was) true for."""
        feed = Feed(interest, recoveries=recoveries)
        self.attach(feed)
        return feed

    def attach(self, feed: Feed) -> None:
        self._feeds.add(feed)

    # --- writing -------------------------------------------------------------------------------------

    async def patch(
        self, name: RecordName, merge_patch: Mapping[str, Any], *, resource_version: str | None = None
    ) -> Manifest:
        """A JSON merge patch; with `resource_version` only over that version, else Conflict."""
        body = dict(merge_patch)
        if resource_version:
            body["metadata"] = {**(body.get("metadata") or {}), "resourceVersion": resource_version}
        return self._record(
            await self._client.patch(self.type, name.namespace, name.name, body, manager=RECORDS_MANAGER)
        )

    async def create(self, raw: Manifest) -> Manifest:
        return self._record(await self._client.create(self.type, self._placed(raw)))

    async def replace(self, raw: Manifest) -> Manifest:
        """Put the whole record; a resourceVersion in it guards against other people's changes."""
        return self._record(await self._client.replace(self.type, self._placed(raw)))

    async def delete(
        self, name: RecordName, propagation: Propagation = "Background", *, uid: str | None = None
    ) -> None:
        await self._client.delete(self.type, name.namespace, name.name, propagation=propagation, uid=uid)

    async def fresh(self, name: RecordName) -> Manifest | None:
        """Read from the API server itself, past the mirror, and taken in."""
        answer = await self._client.get(self.type, name.namespace, name.name)
        return self._record(answer) if answer is not None else None

    def _record(self, answer: dict[str, Any]) -> Manifest:
        manifest = lean(answer)
        if self._keep is None or self._keep(manifest):
            self._tell(self._records.upsert(manifest, watched=False))
        return manifest

    def _placed(self, raw: Manifest) -> Manifest:
        metadata = raw.get("metadata") or {}
        api_version = f"{self.type.group}/{self.type.version}" if self.type.group else self.type.version
        placed = {**metadata, "namespace": metadata.get("namespace") or self.namespace}
        return {**raw, "apiVersion": api_version, "kind": self.type.kind, "metadata": placed}


def lean(manifest: dict[str, Any]) -> dict[str, Any]:
    """Without managedFields, half of a record's size and of no use here. Changes the fresh JSON in place."""
    metadata = manifest.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
    return manifest
