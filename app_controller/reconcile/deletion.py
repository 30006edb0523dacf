"""An Application that is to go: with the cascade finalizer its objects go first, last wave first."""

from datetime import timedelta

import structlog

from adapters.clock import Clock
from adapters.kube.requests import Propagation
from adapters.store.store import Store
from app_controller.live.clusters import LiveCluster
from app_controller.reconcile.actions import Door
from app_controller.reconcile.examination import Examiner
from app_controller.reconcile.outcome import SETTLED, Outcome, again_in
from gitops.manifest.annotations import DELETION_APPROVED, RESOURCES_FINALIZER, sync_options, sync_wave
from gitops.model.application import Application
from gitops.model.errors import ClusterUnknown, GitOpsError, NotFound
from gitops.model.moments import rfc3339
from gitops.model.resource import Manifest, is_deleting, key_of, version_of

log = structlog.get_logger()

# Watches tell when objects are gone; this is for what they might not tell.
LOOK_AGAIN = timedelta(seconds=10)


class Deletion:
    def __init__(self, store: Store, examiner: Examiner, clock: Clock) -> None:
        self._store = store
        self._examiner = examiner
        self._clock = clock

    async def visit(self, app: Application) -> Outcome:
        """Deletes what is left and may go; takes the finalizer off when nothing is left."""
        finalizer = next((each for each in app.metadata.finalizers if each.startswith(RESOURCES_FINALIZER)), None)
        if finalizer is None:
            return SETTLED
        try:
            left = await self._delete_next(app, finalizer)
        except GitOpsError as error:
            await self._tell(app, error)
            raise
        if left:
            return again_in(LOOK_AGAIN)
        kept = [each for each in app.metadata.finalizers if each != finalizer]
        await self._store.applications.patch(app.key, {"metadata": {"finalizers": kept or None}})
        log.info("application deleted", application=str(app.key))
        return SETTLED

    async def _delete_next(self, app: Application, finalizer: str) -> int:
        """Asks for the deletion of the last wave; how many objects are still there."""
        try:
            live = self._examiner.destination(app)
        except ClusterUnknown:
            return 0  # the cluster is not ours to reach any more: what runs there stays
        await live.ready()
        owned = live.mirror.owned_by(self._examiner.instance_of(app))
        going = [each for each in owned if _may_go(each, app)]
        if not going:
            return 0
        last = max(sync_wave(each) for each in going)
        door = self._examiner.door(app, live)
        propagation: Propagation = "Background" if finalizer.endswith("/background") else "Foreground"
        for manifest in going:
            if sync_wave(manifest) == last and not is_deleting(manifest):
                await self._delete(door, live, manifest, propagation)
        return len([each for each in live.mirror.owned_by(self._examiner.instance_of(app)) if _may_go(each, app)])

    async def _delete(self, door: Door, live: LiveCluster, manifest: Manifest, propagation: Propagation) -> None:
        key = key_of(manifest)
        try:
            await door.delete_owned(live.type_of(key.group, version_of(manifest), key.kind), manifest, propagation)
        except NotFound:
            live.mirror.remove(key)

    async def _tell(self, app: Application, error: GitOpsError) -> None:
        told = [each for each in app.status.conditions if each.type == "DeletionError"]
        if told and told[0].message == str(error):
            return
        condition = {
            "type": "DeletionError",
            "message": str(error),
            "lastTransitionTime": rfc3339(self._clock.now()),
        }
        await self._store.applications.patch(app.key, {"status": {"conditions": [condition]}})


def _may_go(manifest: Manifest, app: Application) -> bool:
    options = sync_options(manifest)
    if "Delete=false" in options:
        return False
    return "Delete=confirm" not in options or DELETION_APPROVED in app.metadata.annotations
