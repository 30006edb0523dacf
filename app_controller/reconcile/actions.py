"""The one door for writes to target clusters: each checks the project and the object before it is made."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta

import msgspec
import structlog

from adapters.clock import Clock
from adapters.kube import requests as kube
from app_controller.live.cluster import LiveCluster
from app_controller.reconcile.reach import how_to_share
from app_controller.reconcile.writes import POLL_FOR_GONE, Writer
from gitops.manifest.annotations import HOOK_FINALIZER, annotation, is_custom_resource_definition, is_hook
from gitops.model.errors import AlreadyExists, Conflict, GitOpsError, KindNotServed, NotFound, NotPermitted
from gitops.model.operation import ResultCode
from gitops.model.project import Project
from gitops.model.resource import (
    Manifest,
    ResourceKey,
    ResourceType,
    is_deleting,
    key_of,
    resource_version_of,
    uid_of,
    version_of,
)
from gitops.rbac.projects import object_refusal
from gitops.sync.hooks import OPERATION_MARK
from gitops.sync.options import Propagation
from gitops.sync.tasks import SyncTask
from gitops.sync.wording import CONFIGURED, CREATED, REPLACED, SERVER_SIDE_APPLIED, UNCHANGED, told

log = structlog.get_logger()

SERVED_WITHIN = timedelta(seconds=10)  # a new definition's kinds, mostly after a fraction of a second
REST_PROPAGATION: Mapping[str, kube.Propagation] = {
    Propagation.FOREGROUND: "Foreground",
    Propagation.BACKGROUND: "Background",
    Propagation.ORPHAN: "Orphan",
}


class Written(msgspec.Struct, frozen=True):
    """What became of one write."""

    code: str  # ResultCode
    message: str
    live: Manifest | None = None
    kind_missing: bool = False  # the cluster does not serve the kind


class Door:
    """Writes of one application to its destination cluster.

    `project` is asked before every write: what it allows may change while an operation runs.
    """

    def __init__(
        self,
        live: LiveCluster,
        clock: Clock,
        *,
        project: Callable[[], Project],
        owner_of: Callable[[Manifest], str | None],
        instance: str,
        other_owner: Callable[[Manifest | None], str] = lambda _: "",
    ) -> None:
        self._live = live
        self._clock = clock
        self._project = project
        self._owner_of = owner_of  # whom a live object's tracking mark names
        self._other_owner = other_owner  # which other application owns a live object; empty: none, or it may be taken
        self._instance = instance
        self._writer = Writer(live.client, clock)

    async def check(self, task: SyncTask) -> Written:
        """Whether the write can work at all: the kind is served, the project allows it. Never raises a GitOpsError."""
        try:
            self._check(task.key, await self._type_of(task))
        except KindNotServed as error:
            return Written(ResultCode.SYNC_FAILED, str(error), kind_missing=True)
        except GitOpsError as error:
            return Written(ResultCode.SYNC_FAILED, str(error))
        return Written(ResultCode.SYNCED, "")

    async def apply(self, task: SyncTask, *, dry_run: bool) -> Written:
        """Create or change the task's object; never raises a GitOpsError, it tells it."""
        try:
            assert task.desired is not None
            type = await self._type_of(task)
            self._check(task.key, type)
            self._check_owner(task.key)
            live, note = await self._writer.write(type, task.desired, task.live, task.options, dry_run=dry_run)
        except KindNotServed as error:
            return Written(ResultCode.SYNC_FAILED, str(error), kind_missing=True)
        except GitOpsError as error:
            return Written(ResultCode.SYNC_FAILED, str(error))
        if not dry_run:
            self._live.mirror.observe(live)
            if is_custom_resource_definition(live):
                await self._served(live)
        return Written(ResultCode.SYNCED, told(task.key, _how(task, live), note), live)

    async def prune(self, task: SyncTask) -> Written:
        """Delete an object Git no longer asks for, if it still is the one that was compared, and still ours."""
        assert task.live is not None
        try:
            type = await self._type_of(task)
            await self.delete_owned(type, task.live, REST_PROPAGATION[task.options.prune_propagation])
        except NotFound:
            self._live.mirror.remove(task.key, uid=uid_of(task.live))
        except GitOpsError as error:
            return Written(ResultCode.SYNC_FAILED, str(error))
        return Written(ResultCode.PRUNED, "pruned")

    # --- hooks --------------------------------------------------------------------------------------

    async def clear_hook(self, task: SyncTask) -> None:
        """Delete what an earlier run left under the hook's name, and wait until it is gone."""
        while not await self.remove_hook(task, spare_own=True):
            await self._clock.sleep(POLL_FOR_GONE)

    async def remove_hook(self, task: SyncTask, *, spare_own: bool = False) -> bool:
        """Ask what has the hook's name to go; whether nothing is there any more, or (`spare_own`) only its own run."""
        type = await self._type_of(task)
        self._check(task.key, type)
        found = await self._live.client.get(type, task.key.namespace, task.key.name)
        if found is None:
            self._live.mirror.remove(task.key)
            return True
        if spare_own and _same_run(task, found):
            return True
        self._check_leftover(task, found)
        with suppress(NotFound):
            await self._delete_released(type, found)
        return False

    async def create_hook(self, task: SyncTask) -> None:
        """Make the hook's object; one that is there under its name, unseen until now, is a Conflict."""
        assert task.desired is not None
        type = await self._type_of(task)
        self._check(task.key, type)
        try:
            self._live.mirror.observe(await self._live.client.create(type, task.desired))
        except AlreadyExists as error:
            raise Conflict(str(error)) from None

    async def part_with(self, live: Manifest, *, delete: bool) -> None:
        """What a hook left is not ours any more: it goes, or stays without our finalizer."""
        key = key_of(live)
        try:
            type = self._live.type_of(key.group, version_of(live), key.kind)
            await (self._delete_released(type, live) if delete else self.release(type, live))
        except NotFound:
            self._live.mirror.remove(key, uid=uid_of(live))

    def _check_leftover(self, task: SyncTask, found: Manifest) -> None:
        owner = self._owner_of(found)
        if owner != self._instance and (owner is not None or not is_hook(found)):
            whose = f"of application {owner}" if owner else "nobody's hook"
            raise NotPermitted(
                f"{task.key} is there already and is {whose}, so the hook of that name does not replace it; "
                "give the hook another name or remove that object"
            )

    async def delete_hook(self, task: SyncTask) -> None:
        """The run is over and its object is not wanted any more. What fails here stays behind, and is told."""
        await self._farewell(task, delete=True)

    async def release_hook(self, task: SyncTask) -> None:
        """The run is over: the object stays for people to look at, without our finalizer."""
        await self._farewell(task, delete=False)

    async def _farewell(self, task: SyncTask, *, delete: bool) -> None:
        try:
            type = await self._type_of(task)
            found = await self._live.client.get(type, task.key.namespace, task.key.name)
            if found is None or not _same_run(task, found):
                return
            if delete:
                await self._delete_released(type, found)
            else:
                await self.release(type, found)
        except NotFound:
            self._live.mirror.remove(task.key)
        except GitOpsError as error:
            log.warning("hook left behind", hook=str(task.key), cluster=self._live.cluster.name, error=str(error))

    async def _delete_released(self, type: ResourceType, live: Manifest) -> None:
        released = await self.release(type, live)
        if not is_deleting(released):
            await self._writer.on_current(type, released, lambda found: self._delete(type, found, "Background"))

    # --- deleting -----------------------------------------------------------------------------------

    async def delete_owned(self, type: ResourceType, live: Manifest, propagation: kube.Propagation) -> None:
        """Delete this very object, if it carries the application's mark at that moment; NotFound: it is gone."""

        async def attempt(found: Manifest) -> None:
            if self._owner_of(found) != self._instance:
                raise NotPermitted(
                    f"{key_of(found)} no longer carries this application's tracking mark; it is left alone"
                )
            await self._delete(type, found, propagation)

        seen = self._live.mirror.get(key_of(live))
        current = seen if seen is not None and uid_of(seen) == uid_of(live) else live
        await self._writer.on_current(type, current, attempt)

    async def _delete(self, type: ResourceType, live: Manifest, propagation: kube.Propagation) -> None:
        """Of this object in this version: one that was changed, or made anew, meanwhile is a Conflict."""
        key = key_of(live)
        self._check(key, type)
        if propagation == "Foreground" and not self._live.mirror.children(live):
            # Nothing has to go before it, and the garbage collector is slow to find that out.
            propagation = "Background"
        left = await self._live.client.delete(
            type,
            key.namespace,
            key.name,
            propagation=propagation,
            uid=uid_of(live),
            resource_version=resource_version_of(live),
        )
        if left is None:
            self._live.mirror.remove(key, uid=uid_of(live))
        elif is_deleting(left):
            self._live.mirror.observe(left)

    async def release(self, type: ResourceType, live: Manifest) -> Manifest:
        """Take our finalizer off a hook, so that it may go."""
        self._check(key_of(live), type)

        async def attempt(found: Manifest) -> Manifest:
            metadata = found["metadata"]
            finalizers = metadata.get("finalizers") or ()
            if HOOK_FINALIZER not in finalizers:
                return found
            kept = [each for each in finalizers if each != HOOK_FINALIZER]
            patch = {"metadata": {"finalizers": kept, "resourceVersion": metadata["resourceVersion"]}}
            after = await self._live.client.patch(type, metadata.get("namespace", ""), metadata["name"], patch)
            self._live.mirror.observe(after)
            return after

        return await self._writer.on_current(type, live, attempt)

    # --- inside -------------------------------------------------------------------------------------

    async def _type_of(self, task: SyncTask) -> ResourceType:
        manifest = task.desired or task.live or {}
        try:
            return self._live.type_of(task.key.group, version_of(manifest), task.key.kind)
        except KindNotServed:
            await self._live.rediscover()  # its CRD may have come with this very sync
            return self._live.type_of(task.key.group, version_of(manifest), task.key.kind)

    async def _served(self, crd: Manifest) -> None:
        """Until the kinds of a definition can be used; what takes too long, its objects will tell."""
        deadline = self._clock.now() + SERVED_WITHIN
        try:
            while not self._serves(crd) and self._clock.now() < deadline:
                await self._live.rediscover()
                await self._clock.sleep(POLL_FOR_GONE)
        except GitOpsError as error:
            log.info("kinds not looked up", definition=crd["metadata"]["name"], error=str(error))

    def _serves(self, crd: Manifest) -> bool:
        spec = crd.get("spec") or {}
        kind = (spec.get("names") or {}).get("kind", "")
        versions = [each["name"] for each in spec.get("versions") or () if each.get("served")]
        try:
            for version in versions:
                self._live.type_of(spec.get("group", ""), version, kind)
        except KindNotServed:
            return False
        return True

    def _check_owner(self, key: ResourceKey) -> None:
        """The plan knew whose the object was; it may have become another's since."""
        owner = self._other_owner(self._live.mirror.get(key))
        if owner:
            raise NotPermitted(f"{key}: {how_to_share(owner)}")

    def _check(self, key: ResourceKey, type: ResourceType) -> None:
        refusal = object_refusal(self._project(), self._live.cluster, key, namespaced=type.namespaced)
        if refusal:
            raise NotPermitted(refusal)


def _same_run(task: SyncTask, live: Manifest) -> bool:
    """Whether the live hook was made by the very attempt this task belongs to."""
    return annotation(live, OPERATION_MARK) == annotation(task.desired or {}, OPERATION_MARK)


def _how(task: SyncTask, after: Manifest) -> str:
    """In kubectl's words; those of its server-side mode only where that was asked for."""
    if task.options.replace and task.live is not None:
        return REPLACED
    if task.options.server_side_apply:
        return SERVER_SIDE_APPLIED
    if task.live is None:
        return CREATED
    same = task.live["metadata"].get("resourceVersion") == after["metadata"].get("resourceVersion")
    return UNCHANGED if same else CONFIGURED
