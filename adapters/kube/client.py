"""One API server, spoken to in typed calls.

Answers are the decoded JSON as it came. A no becomes a `GitOpsError` that names verb, object and the
server's own words; silence becomes `ClusterUnreachable`. Every call has a deadline.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple, Self

import orjson

from adapters.kube import requests
from adapters.kube.discovery import (
    AGGREGATED,
    Discovery,
    group_versions,
    is_aggregated,
    read_aggregated,
    read_resource_list,
)
from adapters.kube.requests import FieldValidation, PatchKind, Propagation, Request
from adapters.kube.transport import Stream, Transport
from gitops.model.errors import ClusterRefused, ClusterUnreachable, GitOpsError, NotFound
from gitops.model.repository import Cluster
from gitops.model.resource import Manifest, ResourceType

PROBE_DEADLINE = timedelta(seconds=3)


class ObjectList(NamedTuple):
    items: list[dict[str, Any]]
    resource_version: str


class KubeClient:
    """Use with `async with`, or call `aclose` in the end."""

    def __init__(self, cluster: Cluster, transport: Transport) -> None:
        self.cluster = cluster
        self.transport = transport
        self.told_version = ""  # what the last answered probe said
        self._probing: asyncio.Task[ClusterUnreachable | None] | None = None

    @classmethod
    def for_cluster(cls, cluster: Cluster, *, connections: int = 64) -> Self:
        """At most `connections` calls are under way at a time; watches and logs come on top."""
        return cls(cluster, Transport(cluster, connections=connections))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait([self._probing])  # else its connection is open when the session is closed, and stays so
        await self.transport.close()

    # --- what the server is and serves ---------------------------------------------------------------

    async def version(self) -> str:
        """The server's gitVersion, such as `v1.34.4`."""
        answer = await self._object(requests.raw("/version"))
        return str(answer.get("gitVersion") or "")

    async def discover(self) -> tuple[ResourceType, ...]:
        """Every kind served, a group's preferred version first. See `discovery` for what did not answer."""
        return (await self.discovery()).types

    async def discovery(self) -> Discovery:
        """The kinds served, and which group/versions are known but do not answer at present."""
        found = Discovery()
        for path in ("/api", "/apis"):
            document = await self._object(requests.raw(path, accept=AGGREGATED))
            if is_aggregated(document):
                found += read_aggregated(document)
            else:
                found += await self._discover_singly(path, document)
        return found

    async def _discover_singly(self, path: str, document: Manifest) -> Discovery:
        found = Discovery()
        for group_version in group_versions(document):
            try:
                found += read_resource_list(await self._object(requests.raw(f"{path}/{group_version}")))
            except ClusterUnreachable:
                raise
            except GitOpsError:  # one broken group must not hide the others
                found += Discovery(stale=frozenset({group_version}))
        return found

    async def is_alive(self, within: float) -> bool:
        """Whether the server gave a sign of life in the last `within` seconds; asks it if it did not."""
        return await self.silence(within) is None

    async def silence(self, within: float) -> ClusterUnreachable | None:
        """Why there was no sign of life in the last `within` seconds; None: there was, or there is now.

        All who want to know at one time share one question: its silence must not be waited for by each in turn.
        """
        if asyncio.get_running_loop().time() - self.transport.alive_at < within:
            return None
        if self._probing is None or self._probing.done():
            self._probing = asyncio.ensure_future(self._probed())
        return await asyncio.shield(self._probing)

    async def _probed(self) -> ClusterUnreachable | None:
        try:
            body = await self.transport.probe(requests.raw("/version"), PROBE_DEADLINE)
        except GitOpsError as error:  # also credentials that cannot be had
            return ClusterUnreachable(str(error))
        with suppress(orjson.JSONDecodeError):
            answer = orjson.loads(body)
            self.told_version = str(answer.get("gitVersion") or "") if isinstance(answer, dict) else ""
        return None

    # --- reading -------------------------------------------------------------------------------------

    async def list(
        self,
        type: ResourceType,
        *,
        namespace: str = "",
        label_selector: str = "",
        metadata_only: bool = False,
        limit: int = 500,
    ) -> ObjectList:
        """All objects as of one moment. The items carry `apiVersion` and `kind`, which lists leave out."""
        items: list[dict[str, Any]] = []
        token = ""
        while True:
            page = requests.list_page(
                type,
                namespace=namespace,
                label_selector=label_selector,
                metadata_only=metadata_only,
                limit=limit,
                token=token,
            )
            try:
                answer = await self._object(page)
            except ClusterRefused as error:
                if error.status != 410 or not token:
                    raise
                # The pages' moment is gone (compacted): begin anew, in one piece.
                items, token, limit = [], "", 0
                continue
            items.extend(answer.get("items") or ())
            metadata = answer.get("metadata") or {}
            token = metadata.get("continue") or ""
            if not token:
                return ObjectList(_typed(items, type), str(metadata.get("resourceVersion") or ""))

    async def get(self, type: ResourceType, namespace: str, name: str) -> dict[str, Any] | None:
        """The object, or None if there is none of that name."""
        try:
            return await self._object(requests.get(type, namespace, name))
        except NotFound:
            return None

    async def raw_get(self, path: str) -> bytes:
        return await self.transport.send(requests.raw(path, accept="*/*"))

    # --- writing -------------------------------------------------------------------------------------

    async def create(self, type: ResourceType, manifest: Manifest, *, dry_run: bool = False) -> dict[str, Any]:
        return await self._object(requests.create(type, manifest, dry_run=dry_run))

    async def apply(
        self,
        type: ResourceType,
        manifest: Manifest,
        *,
        manager: str = "argocd-controller",
        force: bool = True,
        dry_run: bool = False,
        field_validation: FieldValidation = "Ignore",
        metadata_only: bool = False,
    ) -> dict[str, Any]:
        """Server-side apply. `metadata_only` asks for a small answer: all but metadata left out."""
        return await self._object(
            requests.apply(
                type,
                manifest,
                manager=manager,
                force=force,
                dry_run=dry_run,
                field_validation=field_validation,
                metadata_only=metadata_only,
            )
        )

    async def patch(
        self,
        type: ResourceType,
        namespace: str,
        name: str,
        patch: Any,
        *,
        kind: PatchKind = "merge",
        manager: str = "argocd-controller",
        dry_run: bool = False,
        subresource: str = "",
    ) -> dict[str, Any]:
        return await self._object(
            requests.patch(
                type, namespace, name, patch, kind=kind, manager=manager, dry_run=dry_run, subresource=subresource
            )
        )

    async def replace(self, type: ResourceType, manifest: Manifest, *, dry_run: bool = False) -> dict[str, Any]:
        """Put the whole object; with a resourceVersion in it, only over that very version."""
        return await self._object(requests.replace(type, manifest, dry_run=dry_run))

    async def delete(
        self,
        type: ResourceType,
        namespace: str,
        name: str,
        *,
        propagation: Propagation = "Foreground",
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
        grace_seconds: int | None = None,
    ) -> dict[str, Any] | None:
        """Ask for the deletion. Conflict: it is another one by now.

        The answer is the object while finalizers or dependents keep it, None when it is gone at once.
        """
        answer = await self._object(
            requests.delete(
                type,
                namespace,
                name,
                propagation=propagation,
                uid=uid,
                resource_version=resource_version,
                dry_run=dry_run,
                grace_seconds=grace_seconds,
            )
        )
        return None if answer.get("kind") == "Status" else answer

    # --- logs ----------------------------------------------------------------------------------------

    async def logs(
        self,
        namespace: str,
        pod: str,
        *,
        container: str = "",
        tail: int | None = None,
        follow: bool = False,
        since_seconds: int | None = None,
        previous: bool = False,
        timestamps: bool = False,
    ) -> AsyncIterator[bytes]:
        """The lines of a container's log, without their line ends; with `follow` until the container ends."""
        request = requests.logs(
            namespace,
            pod,
            container=container,
            tail=tail,
            follow=follow,
            since_seconds=since_seconds,
            previous=previous,
            timestamps=timestamps,
        )
        async with self.transport.stream(request) as stream:
            async for line in lines_of(stream):
                yield line

    async def _object(self, request: Request) -> dict[str, Any]:
        body = await self.transport.send(request)
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ClusterRefused(f"{request.subject}: the answer of {self.transport.server} is not JSON") from error
        if not isinstance(answer, dict):
            raise ClusterRefused(f"{request.subject}: the answer of {self.transport.server} is not an object")
        return answer


async def lines_of(stream: Stream) -> AsyncIterator[bytes]:
    rest = b""
    while data := await stream.read():
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line
    if rest:
        yield rest


def _typed(items: "list[dict[str, Any]]", type: ResourceType) -> "list[dict[str, Any]]":
    api_version = f"{type.group}/{type.version}" if type.group else type.version
    for item in items:
        item["apiVersion"] = api_version
        item["kind"] = type.kind
    return items
