"""The one door for writes to target clusters: each checks the project and the object before it is made."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
import structlog

from adapters.clock import Clock
from adapters.kube import requests as kube
from app_controller.live.clusters import LiveCluster
from gitops.diff.takeover import taken_over
from gitops.diff.three_way import three_way_patch
from gitops.manifest.annotations import HOOK_FINALIZER, annotation
from gitops.model.errors import ClusterRefused, GitOpsError, KindNotServed, NotFound, NotPermitted
from gitops.model.operation import ResultCode
from gitops.model.project import Project
from gitops.model.resource import Manifest, ResourceKey, ResourceType, is_deleting, key_of, uid_of
from gitops.rbac.projects import permits_destination, permits_kind
from gitops.sync.hooks import OPERATION_MARK
from gitops.sync.options import Propagation, SyncOptions
from gitops.sync.tasks import SyncTask

log = structlog.get_logger()

MANAGER = "argocd-controller"
POLL_FOR_GONE = timedelta(milliseconds=200)
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
    """Writes of one application to its destination cluster."""

    def __init__(self, live: LiveCluster, project: Project, *, owns: Callable[[Manifest], bool]) -> None:
        self._live = live
        self._project = project
        self._owns = owns  # whether a live object's tracking mark names the application

    async def apply(self, task: SyncTask, *, dry_run: bool) -> Written:
        """Create or change the task's object; never raises a GitOpsError, it tells it."""
        try:
            assert task.desired is not None
            type = await self._type_of(task)
            self._check(task.key, type)
            live = await self._apply(type, task.desired, task.live, task.options, dry_run=dry_run)
        except KindNotServed as error:
            return Written(ResultCode.SYNC_FAILED, str(error), kind_missing=True)
        except GitOpsError as error:
            return Written(ResultCode.SYNC_FAILED, str(error))
        how = _how(task, live)
        if not dry_run:
            self._live.mirror.observe(live)
        return Written(ResultCode.SYNCED, f"{task.key.kind.lower()}/{task.key.name} {how}", live)

    async def prune(self, task: SyncTask) -> Written:
        """Delete an object Git no longer asks for, if it still is the one that was compared."""
        assert task.live is not None
        try:
            if not self._owns(task.live):
                raise NotPermitted(f"{task.key} no longer carries this application's tracking mark; it is left alone")
            type = await self._type_of(task)
            self._check(task.key, type)
            await self.delete(type, task.live, propagation=REST_PROPAGATION[task.options.prune_propagation])
        except NotFound:
            self._live.mirror.remove(task.key, uid=uid_of(task.live))
        except GitOpsError as error:
            return Written(ResultCode.SYNC_FAILED, str(error))
        return Written(ResultCode.PRUNED, "pruned")

    # --- hooks --------------------------------------------------------------------------------------

    async def clear_hook(self, task: SyncTask, clock: Clock) -> None:
        """Delete what an earlier run left under the hook's name, and wait until it is gone."""
        type = await self._type_of(task)
        self._check(task.key, type)
        while (found := await self._live.client.get(type, task.key.namespace, task.key.name)) is not None:
            if _same_run(task, found):
                return
            await self._delete_released(type, found)
            await clock.sleep(POLL_FOR_GONE)
        self._live.mirror.remove(task.key)

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
                await self.release(type, found, HOOK_FINALIZER)
        except NotFound:
            self._live.mirror.remove(task.key)
        except GitOpsError as error:
            log.warning("hook left behind", hook=str(task.key), cluster=self._live.cluster.name, error=str(error))

    async def _delete_released(self, type: ResourceType, live: Manifest) -> None:
        if HOOK_FINALIZER in (live["metadata"].get("finalizers") or ()):
            live = await self.release(type, live, HOOK_FINALIZER)
        with suppress(NotFound):
            await self.delete(type, live, propagation="Background")

    # --- deleting -----------------------------------------------------------------------------------

    async def delete_owned(self, type: ResourceType, live: Manifest, propagation: kube.Propagation) -> None:
        """Delete an object because its application is deleted."""
        self._check(key_of(live), type)
        if not self._owns(live):
            raise NotPermitted(f"{key_of(live)} does not carry this application's tracking mark; it is left alone")
        await self.delete(type, live, propagation=propagation)

    async def delete(self, type: ResourceType, live: Manifest, *, propagation: kube.Propagation) -> None:
        """Delete this very object (by uid); one created meanwhile under the same name is left alone."""
        metadata = live["metadata"]
        left = await self._live.client.delete(
            type, metadata.get("namespace", ""), metadata["name"], propagation=propagation, uid=uid_of(live)
        )
        key = ResourceKey(type.group, type.kind, metadata.get("namespace", ""), metadata["name"])
        if left is not None and is_deleting(left):
            self._live.mirror.observe(left)
        elif left is None:
            self._live.mirror.remove(key, uid=uid_of(live))

    async def release(self, type: ResourceType, live: Manifest, finalizer: str) -> Manifest:
        """Take one finalizer of ours off an object, so that it may go."""
        metadata = live["metadata"]
        kept = [each for each in metadata.get("finalizers") or () if each != finalizer]
        patch = {"metadata": {"finalizers": kept, "resourceVersion": metadata["resourceVersion"]}}
        after = await self._live.client.patch(type, metadata.get("namespace", ""), metadata["name"], patch)
        self._live.mirror.observe(after)
        return after

    # --- inside -------------------------------------------------------------------------------------

    async def _type_of(self, task: SyncTask) -> ResourceType:
        manifest = task.desired or task.live or {}
        version = str(manifest.get("apiVersion", "")).rpartition("/")[2]
        try:
            return self._live.type_of(task.key.group, version, task.key.kind)
        except KindNotServed:
            await self._live.rediscover()  # its CRD may have come with this very sync
            return self._live.type_of(task.key.group, version, task.key.kind)

    def _check(self, key: ResourceKey, type: ResourceType) -> None:
        if not permits_kind(self._project, key.group_kind, namespaced=type.namespaced, name=key.name):
            scope = "namespaced" if type.namespaced else "cluster-scoped"
            raise NotPermitted(
                f"project {self._project.name} does not allow {scope} {key.group_kind}; "
                "add it to the project's resource whitelist or remove it from the source"
            )
        cluster = self._live.cluster
        if type.namespaced and not permits_destination(
            self._project, server=cluster.server, name=cluster.name, namespace=key.namespace
        ):
            raise NotPermitted(
                f"project {self._project.name} does not allow namespace {key.namespace} of cluster {cluster.name}; "
                "add it to the project's destinations"
            )

    async def _apply(
        self, type: ResourceType, desired: Manifest, live: Manifest | None, options: SyncOptions, *, dry_run: bool
    ) -> Manifest:
        client = self._live.client
        if options.replace and live is not None:
            return await self._replace(type, desired, live, options, dry_run=dry_run)
        if not options.server_side_apply:
            return await self._three_way(type, desired, live, dry_run=dry_run)
        if live is not None and options.client_side_apply_migration and not dry_run:
            await self._take_over(type, live)
        try:
            return await client.apply(type, desired, manager=MANAGER, force=True, dry_run=dry_run)
        except ClusterRefused as refusal:
            if refuses_apply_only(refusal):
                return await self._three_way(type, desired, live, dry_run=dry_run)
            if options.force and live is not None and _is_immutable(refusal) and not dry_run:
                await self.delete(type, live, propagation="Foreground")
                return await client.create(type, desired)
            raise

    async def _take_over(self, type: ResourceType, live: Manifest) -> None:
        """Fields that client-side apply or Helm left behind become ours, so that Git can remove them."""
        fields = taken_over(live, MANAGER)
        if fields is None:
            return
        metadata = live["metadata"]
        patch = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
            {"op": "replace", "path": "/metadata/managedFields", "value": fields},
        ]
        await self._live.client.patch(type, metadata.get("namespace", ""), metadata["name"], patch, kind="json")

    async def _replace(
        self, type: ResourceType, desired: Manifest, live: Manifest, options: SyncOptions, *, dry_run: bool
    ) -> Manifest:
        if options.force and type.kind not in ("Namespace", "CustomResourceDefinition") and not dry_run:
            await self.delete(type, live, propagation="Foreground")
            return await self._live.client.create(type, desired)
        version = live["metadata"]["resourceVersion"]
        pinned = {**desired, "metadata": {**desired["metadata"], "resourceVersion": version}}
        return await self._live.client.replace(type, pinned, dry_run=dry_run)

    async def _three_way(
        self, type: ResourceType, desired: Manifest, live: Manifest | None, *, dry_run: bool
    ) -> Manifest:
        """What server-side apply refuses and client-side apply tolerates."""
        if live is None:
            return await self._live.client.create(type, desired)
        patch: dict[str, Any] | None = three_way_patch(desired, live)
        if not patch:
            return live
        metadata = live["metadata"]
        return await self._live.client.patch(
            type, metadata.get("namespace", ""), metadata["name"], patch, dry_run=dry_run
        )


def refuses_apply_only(refusal: ClusterRefused) -> bool:
    """Whether server-side apply cannot work on this object at all, though other writes may."""
    text = str(refusal)
    return refusal.status == 500 and ("duplicate entries" in text or "failed to create typed patch" in text)


def _same_run(task: SyncTask, live: Manifest) -> bool:
    """Whether the live hook was made by the very attempt this task belongs to."""
    return annotation(live, OPERATION_MARK) == annotation(task.desired or {}, OPERATION_MARK)


def _is_immutable(refusal: ClusterRefused) -> bool:
    return refusal.status == 422 and "immutable" in str(refusal)


def _how(task: SyncTask, after: Manifest) -> str:
    if task.live is None:
        return "created"
    same = task.live["metadata"].get("resourceVersion") == after["metadata"].get("resourceVersion")
    return "unchanged" if same else "configured"
