"""How one object is written: server-side apply, a three-way patch, or a replacement, as its options say.

Whatever depends on what the object is like now names the version it was made for. If the object has
moved on meanwhile, it is read again and the write made anew, a few times.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

from adapters.clock import Clock
from adapters.kube.client import KubeClient
from gitops.diff.injected import with_injected
from gitops.diff.takeover import taken_over
from gitops.diff.three_way import merge_patch, predict, recorded, three_way_patch
from gitops.diff.undeclared import undeclared_fields, without_fields
from gitops.model.errors import ClusterRefused, Conflict, NotFound
from gitops.model.resource import Manifest, ResourceType, key_of, resource_version_of, uid_of
from gitops.sync.options import SyncOptions

Result = TypeVar("Result")

MANAGER = "argocd-controller"
TRIES = 5
ROUNDS = 3  # of leaving out fields; the API server mostly names all of them at once
POLL_FOR_GONE = timedelta(milliseconds=200)

# Deleting one of these to create it anew takes everything in it along.
HOLDS_OTHERS = frozenset({"Namespace", "CustomResourceDefinition", "PersistentVolume", "PersistentVolumeClaim"})


class Outcome(NamedTuple):
    live: Manifest
    note: str = ""  # how it was written, if not in the usual way


class Writer:
    def __init__(self, client: KubeClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def write(
        self, type: ResourceType, desired: Manifest, live: Manifest | None, options: SyncOptions, *, dry_run: bool
    ) -> Outcome:
        """Create the object or change it; the answer is the object as it is (or would be) then."""
        if live is not None:
            desired = with_injected(desired, live)
        if options.replace and live is not None:
            return Outcome(await self._replace(type, desired, live, options, dry_run=dry_run))
        if options.server_side_apply is False:
            return Outcome(await self._three_way(type, desired, live, dry_run=dry_run))
        if live is not None and options.client_side_apply_migration and not dry_run:
            await self._take_over(type, live)
        strictly = options.server_side_apply is True
        try:
            applied, left_out = await apply_declared(self._client, type, desired, strictly=strictly, dry_run=dry_run)
            return Outcome(applied, f"without {', '.join(left_out)}: not in its schema" if left_out else "")
        except ClusterRefused as refusal:
            if refuses_apply_only(refusal):
                patched = await self._three_way(type, desired, live, dry_run=dry_run)
                return Outcome(patched, "by a three-way patch, because server-side apply refuses it")
            if options.force and live is not None and _is_immutable(refusal) and type.kind not in HOLDS_OTHERS:
                return Outcome(live if dry_run else await self._recreate(type, desired, live), "anew")
            raise

    async def on_current(
        self, type: ResourceType, live: Manifest, attempt: Callable[[Manifest], Awaitable[Result]]
    ) -> Result:
        """What `attempt` makes of the object; on a Conflict it is given the object as it is by then.

        Raises NotFound if the object, that very one, is gone.
        """
        for _ in range(TRIES - 1):
            try:
                return await attempt(live)
            except Conflict:
                found = await self._client.get(type, live["metadata"].get("namespace", ""), live["metadata"]["name"])
                if found is None or uid_of(found) != uid_of(live):
                    raise NotFound(f"{key_of(live)} is gone") from None
                live = found
        return await attempt(live)

    async def wait_gone(self, type: ResourceType, live: Manifest) -> None:
        """Until this very object does not exist any more, however long its finalizers take."""
        metadata = live["metadata"]
        while (found := await self._client.get(type, metadata.get("namespace", ""), metadata["name"])) is not None:
            if uid_of(found) != uid_of(live):
                return
            await self._clock.sleep(POLL_FOR_GONE)

    # --- inside -------------------------------------------------------------------------------------

    async def _take_over(self, type: ResourceType, live: Manifest) -> None:
        """Fields that client-side apply or Helm left behind become ours, so that Git can remove them."""

        async def attempt(current: Manifest) -> None:
            fields = taken_over(current, MANAGER)
            if fields is not None:
                patch = [
                    {"op": "replace", "path": "/metadata/managedFields", "value": fields},
                    {"op": "replace", "path": "/metadata/resourceVersion", "value": resource_version_of(current)},
                ]
                await self._patch(type, current, patch, kind="json")

        current: Manifest | None = live
        if not live["metadata"].get("managedFields"):  # of what nobody has marked yet the mirror holds none
            current = await self._client.get(type, live["metadata"].get("namespace", ""), live["metadata"]["name"])
        if current is not None:
            await self.on_current(type, current, attempt)

    async def _three_way(
        self, type: ResourceType, desired: Manifest, live: Manifest | None, *, dry_run: bool
    ) -> Manifest:
        """What server-side apply refuses and client-side apply tolerates."""
        if live is None:
            return await self._client.create(type, recorded(desired), dry_run=dry_run)

        async def attempt(current: Manifest) -> Manifest:
            patch = three_way_patch(desired, current)
            if not patch:
                return current
            version = {"resourceVersion": resource_version_of(current)}
            pinned = {**patch, "metadata": {**(patch.get("metadata") or {}), **version}}
            return await self._patch(type, current, pinned, dry_run=dry_run)

        return await self.on_current(type, live, attempt)

    async def _replace(
        self, type: ResourceType, desired: Manifest, live: Manifest, options: SyncOptions, *, dry_run: bool
    ) -> Manifest:
        if options.force and type.kind not in HOLDS_OTHERS:
            return live if dry_run else await self._recreate(type, desired, live)

        async def attempt(current: Manifest) -> Manifest:
            version = {"resourceVersion": resource_version_of(current)}
            pinned = {**desired, "metadata": {**desired["metadata"], **version}}
            return await self._client.replace(type, pinned, dry_run=dry_run)

        return await self.on_current(type, live, attempt)

    async def _recreate(self, type: ResourceType, desired: Manifest, live: Manifest) -> Manifest:
        metadata = live["metadata"]
        try:
            await self._client.delete(
                type, metadata.get("namespace", ""), metadata["name"], propagation="Foreground", uid=uid_of(live)
            )
            await self.wait_gone(type, live)
        except (NotFound, Conflict):
            pass  # that very object is gone already
        return await self._client.apply(type, desired, manager=MANAGER, force=True)

    async def _patch(self, type: ResourceType, live: Manifest, patch: Any, **how: Any) -> Manifest:
        metadata = live["metadata"]
        return await self._client.patch(type, metadata.get("namespace", ""), metadata["name"], patch, **how)


async def apply_declared(
    client: KubeClient, type: ResourceType, desired: Manifest, *, strictly: bool, dry_run: bool
) -> tuple[Manifest, tuple[str, ...]]:
    """Server-side apply, without the fields the schema does not know; the answer, and which these are.

    `strictly`: such a field is refused. Other writes leave it out without a word, so here it is told.
    """
    left_out: tuple[str, ...] = ()
    for _ in range(ROUNDS):
        try:
            return await client.apply(type, desired, manager=MANAGER, force=True, dry_run=dry_run), left_out
        except ClusterRefused as refusal:
            unknown = () if strictly else undeclared_fields(str(refusal))
            kept = without_fields(desired, unknown) if unknown else None
            if kept is None:
                raise
            desired, left_out = kept, (*left_out, *unknown)
    return await client.apply(type, desired, manager=MANAGER, force=True, dry_run=dry_run), left_out


async def patched(client: KubeClient, type: ResourceType, desired: Manifest, live: Manifest) -> Manifest:
    """What a three-way patch would make of the object, by the API server's own word."""
    patch = merge_patch(live, predict(desired, live))
    if not patch:
        return live
    metadata = live["metadata"]
    return await client.patch(type, metadata.get("namespace", ""), metadata["name"], patch, dry_run=True)


def refuses_apply_only(refusal: ClusterRefused) -> bool:
    """Whether server-side apply cannot work on this object at all, though other writes may.

    A field that the schema does not know is no such case: another write would drop it silently.
    """
    text = str(refusal)
    if refusal.status != 500:
        return False
    if "failed to create typed live object" in text:
        return True
    typed = "duplicate entries" in text or "failed to create typed patch" in text
    return typed and "field not declared in schema" not in text


def _is_immutable(refusal: ClusterRefused) -> bool:
    return refusal.status == 422 and "immutable" in str(refusal)
