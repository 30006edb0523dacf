"""An Application that is to go: with the cascade finalizer its objects go first, last wave first."""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from adapters.clock import Clock
from adapters.kube.requests import Propagation
from adapters.store.store import Store
from app_controller.live.cluster import LiveCluster
from app_controller.reconcile.actions import Door
from app_controller.reconcile.comparison import is_child
from app_controller.reconcile.examination import Examiner, tracking_of
from app_controller.reconcile.outcome import SETTLED, Outcome, again_in
from gitops.manifest.annotations import (
    HELM_RESOURCE_POLICY,
    POST_DELETE_FINALIZER,
    PRE_DELETE_FINALIZER,
    RESOURCES_FINALIZER,
    annotation,
    deletion_approved_at,
    has_hook_finalizer,
    is_custom_resource_definition,
    sync_wave,
)
from gitops.model.application import Application
from gitops.model.errors import ClusterUnknown, GitOpsError, InvalidSpec, NotFound
from gitops.model.moments import parse_rfc3339, rfc3339
from gitops.model.operation import SyncOperation
from gitops.model.resource import GroupKind, Manifest, is_deleting, key_of, uid_of, version_of
from gitops.sync.options import Consent, app_options, object_options

log = structlog.get_logger()

# Watches tell when objects are gone; this is for what they might not tell.
LOOK_AGAIN = timedelta(seconds=10)


class Unapproved(GitOpsError):
    """A person has to say that the objects may go."""

    reason = "DeletionNotApproved"
    condition = "DeletionError"


class Deletion:
    def __init__(self, store: Store, examiner: Examiner, clock: Clock) -> None:
        self._store = store
        self._examiner = examiner
        self._clock = clock

    async def visit(self, app: Application) -> Outcome:
        """Deletes what is left and may go; takes the finalizer off when nothing is left."""
        finalizer = next((each for each in app.metadata.finalizers if each.startswith(RESOURCES_FINALIZER)), None)
        if finalizer is None:
            await self._tell_of_others(app)
            return SETTLED
        try:
            left = await self._delete_next(app, finalizer)
        except GitOpsError as error:
            await self._tell(app, error)
            raise
        if left:
            return again_in(LOOK_AGAIN)
        kept = [each for each in app.metadata.finalizers if each != finalizer]
        patch = {"metadata": {"finalizers": kept or None}}
        await self._store.applications.patch(app.key, patch, resource_version=app.metadata.resource_version)
        log.info("application deleted", application=str(app.key))
        return SETTLED

    async def _tell_of_others(self, app: Application) -> None:
        for each in app.metadata.finalizers:
            if each.startswith((PRE_DELETE_FINALIZER, POST_DELETE_FINALIZER)):
                message = f"deletion hooks are not run; take the finalizer {each} off to let the application go"
                await self._tell(app, InvalidSpec(message))
                return

    async def _delete_next(self, app: Application, finalizer: str) -> int:
        """Asks for the deletion of the last wave; how many objects are still there."""
        try:
            live = self._examiner.destination(app)
        except ClusterUnknown:
            if self._store.clusters.unreadable():
                raise  # it may be the one whose registration cannot be read just now
            return 0  # the cluster is not ours to reach any more: what runs there stays
        # What cannot be seen now must not be left behind unseen.
        await live.ready({GroupKind(each.group, each.kind) for each in app.status.resources})
        going = self._going(app, live)
        if not going:
            return 0
        last = max(sync_wave(each) for each in going)
        door = self._examiner.door(app, live)
        propagation: Propagation = "Background" if finalizer.endswith("/background") else "Foreground"
        await self._delete_wave(door, live, [each for each in going if sync_wave(each) == last], propagation)
        return len(self._going(app, live))

    def _going(self, app: Application, live: LiveCluster) -> list[Manifest]:
        """What is there and has to go; raises if a person has to approve some of it first."""
        tracking = tracking_of(self._store.settings())
        owned = [
            each
            for each in live.mirror.owned_by(self._examiner.instance_of(app))
            # An application that manages itself is not waited for by itself.
            if not is_child(each, tracking) and uid_of(each) != app.metadata.uid
        ]
        consents = [(each, _consent(each, app)) for each in owned]
        waiting = [key_of(each) for each, consent in consents if consent is Consent.ON_APPROVAL]
        if waiting:
            raise Unapproved(
                f"{waiting[0]}{f' and {len(waiting) - 1} more' if len(waiting) > 1 else ''} may only be deleted "
                "once a person has approved it; confirm the deletion of the application"
            )
        return [each for each, consent in consents if consent is Consent.GIVEN]

    async def _delete_wave(
        self, door: Door, live: LiveCluster, wave: Sequence[Manifest], propagation: Propagation
    ) -> None:
        """One that cannot be deleted does not save the others; it is told in the end."""
        failure: GitOpsError | None = None
        for manifest in wave:
            try:
                await self._delete(door, live, manifest, propagation)
            except GitOpsError as error:
                failure = failure or error
        if failure is not None:
            raise failure

    async def _delete(self, door: Door, live: LiveCluster, manifest: Manifest, propagation: Propagation) -> None:
        key = key_of(manifest)
        try:
            type = live.type_of(key.group, version_of(manifest), key.kind)
            if has_hook_finalizer(manifest):
                manifest = await door.release(type, manifest)
            if not is_deleting(manifest):
                await door.delete_owned(type, manifest, propagation)
        except NotFound:
            live.mirror.remove(key, uid=uid_of(manifest))

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


def _consent(manifest: Manifest, app: Application) -> Consent:
    """Whether an object goes with its application."""
    if is_custom_resource_definition(manifest) or annotation(manifest, HELM_RESOURCE_POLICY) == "keep":
        return Consent.REFUSED
    consent = object_options(app_options(app.spec, SyncOperation()), manifest).delete
    if consent is Consent.ON_APPROVAL:
        given = deletion_approved_at({"metadata": {"annotations": app.metadata.annotations}})
        asked = parse_rfc3339(app.metadata.deletion_timestamp or "")
        return Consent.GIVEN if given is not None and given >= asked else consent
    return consent
