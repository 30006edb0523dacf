"""An Application that is to go: with the cascade finalizer its objects go first, last wave first, between its hooks."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import structlog

from adapters.clock import Clock
from adapters.kube.requests import Propagation
from adapters.store.store import Store
from app_controller.live.cluster import LiveCluster
from app_controller.reconcile.actions import Door
from app_controller.reconcile.comparison import is_child
from app_controller.reconcile.deletion_hooks import DeletionHooks, attempt_for
from app_controller.reconcile.examination import Examiner, tracking_of
from app_controller.reconcile.outcome import SETTLED, Outcome, again_in
from gitops.manifest.annotations import (
    HELM_RESOURCE_POLICY,
    POST_DELETE_FINALIZER,
    PRE_DELETE_FINALIZER,
    RESOURCES_FINALIZER,
    HookType,
    annotation,
    deletion_approved_at,
    has_hook_finalizer,
    is_custom_resource_definition,
    sync_wave,
)
from gitops.model.application import Application
from gitops.model.errors import ClusterUnknown, ClusterUnreachable, Conflict, GitOpsError, NotFound
from gitops.model.moments import parse_rfc3339, rfc3339
from gitops.model.operation import SyncOperation
from gitops.model.resource import GroupKind, Manifest, is_deleting, key_of, uid_of, version_of
from gitops.sync.deletion_hooks import finalizers_for, is_hook_finalizer
from gitops.sync.hooks import OPERATION_MARK
from gitops.sync.options import Consent, app_options, object_options

log = structlog.get_logger()

# Watches tell when objects are gone; this is for what they might not tell.
LOOK_AGAIN = timedelta(seconds=10)
AT_ONCE = timedelta(milliseconds=50)


class Unapproved(GitOpsError):
    """A person has to say that the objects may go."""

    reason = "DeletionNotApproved"
    condition = "DeletionError"


class Deletion:
    """The finalizers say how far it has come, so that a crash at any point repeats nothing:

    PreDelete hooks, objects, PostDelete hooks, and what the hooks left; each step takes off its own, the
    cascade's goes last. Without that one nothing is deleted, so no hook is run either.
    """

    def __init__(self, store: Store, examiner: Examiner, clock: Clock) -> None:
        self._store = store
        self._examiner = examiner
        self._clock = clock
        self._hooks = DeletionHooks(examiner, clock, self._tell)

    async def reckon_with(self, app: Application, hooks: Iterable[Manifest]) -> Application:
        """The application with the finalizers that its deletion hooks need, before anybody deletes it."""
        wanted = finalizers_for(app.metadata.finalizers, hooks)
        if wanted == app.metadata.finalizers:
            return app
        await self._set_finalizers(app, wanted)
        return self._store.applications.get(app.key) or app

    async def visit(self, app: Application) -> Outcome:
        """Does what can be done now; takes the finalizers off when nothing is left."""
        ours = [each for each in app.metadata.finalizers if _is_ours(each)]
        if not ours:
            return SETTLED
        if any(each.startswith(RESOURCES_FINALIZER) for each in ours):
            try:
                step_off = await self._next_step(app, ours)
            except GitOpsError as error:
                if not isinstance(error, Conflict | NotFound):
                    await self._tell(app, "DeletionError", f"{error}{_way_out(error)}")
                raise
        else:
            step_off = ours
        if not step_off:
            return again_in(LOOK_AGAIN)
        await self._set_finalizers(
            app, [each for each in app.metadata.finalizers if each not in step_off], step_over=True
        )
        if len(step_off) < len(ours):
            return again_in(AT_ONCE)
        log.info("application deleted", application=str(app.key))
        return SETTLED

    async def _next_step(self, app: Application, ours: Sequence[str]) -> Sequence[str]:
        """The finalizers that have served; none while something is waited for."""
        try:
            live = self._examiner.destination(app)
        except ClusterUnknown:
            if self._store.clusters.unreadable():
                raise  # it may be the one whose registration cannot be read just now
            return ours  # the cluster is not ours to reach any more: what runs there stays
        # What cannot be seen now must not be left behind unseen.
        await live.ready({GroupKind(each.group, each.kind) for each in app.status.resources})
        self._going(app, live)  # a person who has to approve it does so before anything is begun
        if PRE_DELETE_FINALIZER in ours:
            done = await self._hooks.advance(app, live, HookType.PRE_DELETE)
            return [PRE_DELETE_FINALIZER] if done else ()
        cascade = next(each for each in ours if each.startswith(RESOURCES_FINALIZER))
        if await self._delete_next(app, live, cascade):
            return ()
        if POST_DELETE_FINALIZER in ours:
            done = await self._hooks.advance(app, live, HookType.POST_DELETE)
            return [POST_DELETE_FINALIZER] if done else ()
        return ours if await self._hooks.clean_up(app, live) else ()

    async def _set_finalizers(self, app: Application, finalizers: Sequence[str], *, step_over: bool = False) -> None:
        patch: dict[str, Any] = {"metadata": {"finalizers": list(finalizers) or None}}
        if step_over and app.status.conditions:
            patch["status"] = {"conditions": None}  # what was said of a step that is over
        await self._store.applications.patch(app.key, patch, resource_version=app.metadata.resource_version)

    async def _delete_next(self, app: Application, live: LiveCluster, finalizer: str) -> int:
        """Asks for the deletion of the last wave; how many objects are still there."""
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
        later = attempt_for(app).mark(HookType.POST_DELETE)
        owned = [
            each
            for each in live.mirror.owned_by(self._examiner.instance_of(app))
            # An application that manages itself is not waited for by itself, nor are hooks that come after.
            if not is_child(each, tracking)
            and uid_of(each) != app.metadata.uid
            and annotation(each, OPERATION_MARK) != later
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

    async def _tell(self, app: Application, type: str, message: str) -> None:
        if any((each.type, each.message) == (type, message) for each in app.status.conditions):
            return
        condition = {"type": type, "message": message, "lastTransitionTime": rfc3339(self._clock.now())}
        await self._store.applications.patch(app.key, {"status": {"conditions": [condition]}})


def _way_out(error: GitOpsError) -> str:
    """How to go on where waiting may be in vain."""
    if not isinstance(error, ClusterUnreachable):
        return ""
    return ". To let the application go and leave there what runs there, take its finalizers off"


def _is_ours(finalizer: str) -> bool:
    return finalizer.startswith(RESOURCES_FINALIZER) or is_hook_finalizer(finalizer)


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
