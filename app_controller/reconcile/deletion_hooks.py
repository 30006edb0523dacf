"""PreDelete and PostDelete hooks carried out: a little at each visit of an application that is to go."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from adapters.clock import Clock
from app_controller.live.cluster import LiveCluster
from app_controller.reconcile.actions import Door
from app_controller.reconcile.examination import Examiner
from gitops.health.assess import assess
from gitops.manifest.annotations import HookType
from gitops.model.application import Application
from gitops.model.errors import Conflict, GitOpsError
from gitops.model.moments import parse_rfc3339
from gitops.model.resource import Manifest
from gitops.sync.deletion_hooks import (
    FINALIZERS,
    Standing,
    attempt_of,
    deletion_runs,
    is_deletion_run,
    outlives_success,
    standing,
)
from gitops.sync.hooks import Attempt
from gitops.sync.tasks import SyncTask

log = structlog.get_logger()

FAILED_AGAIN_AFTER = timedelta(minutes=2)
_UNTOUCHED = {
    HookType.PRE_DELETE: "nothing of the application is deleted before it has succeeded",
    HookType.POST_DELETE: "the application's objects are gone, the application itself stays until it has succeeded",
}

Tell = Callable[[Application, str, str], Awaitable[None]]  # a condition of this type, with this message


class HooksNotRun(GitOpsError):
    """A deletion waits for its hooks, and will not go on by itself or not soon."""

    reason = "DeletionHookFailed"
    condition = "DeletionError"


class DeletionHooks:
    def __init__(self, examiner: Examiner, clock: Clock, tell: Tell) -> None:
        self._examiner = examiner
        self._clock = clock
        self._tell = tell

    async def advance(self, app: Application, live: LiveCluster, phase: str) -> bool:
        """Do what can be done now; whether all hooks of the phase have succeeded."""
        try:
            hooks = await self._examiner.hooks(app, live)
            runs = deletion_runs(hooks, phase, attempt_for(app), live.mirror.get)
            found = standing(runs, assess)
            await self._carry_out(self._examiner.door(app, live), found)
        except Conflict:
            raise
        except GitOpsError as error:
            blocked = HooksNotRun(f"{phase} hooks cannot be run: {error}. {_way_on(phase)}")
            blocked.retry = error.retry
            raise blocked from error
        if found.failed:
            await self._failed(app, live, phase, found.failed)
        elif waited := (*found.running, *found.create, *found.clear):
            await self._tell(app, "DeletionWaiting", _waiting(phase, waited))
        return found.done

    async def clean_up(self, app: Application, live: LiveCluster) -> bool:
        """What the hooks of the deletion left is deleted, or let go; whether nothing of it is left to wait for."""
        door, attempt = self._examiner.door(app, live), attempt_for(app)
        left = [
            each for each in live.mirror.owned_by(self._examiner.instance_of(app)) if is_deletion_run(each, attempt)
        ]
        for each in left:
            await door.part_with(each, delete=not outlives_success(each))
        return all(outlives_success(each) for each in self._still_there(live, left))

    def _still_there(self, live: LiveCluster, objects: list[Manifest]) -> list[Manifest]:
        uids = {each["metadata"].get("uid") for each in objects}
        return [found for uid in uids if uid and (found := live.mirror.by_uid(uid)) is not None]

    async def _carry_out(self, door: Door, found: Standing) -> None:
        for run in found.clear:
            await door.remove_hook(run)
        for run in found.create:
            await door.create_hook(run)
            log.info("deletion hook started", hook=str(run.key), phase=run.phase)

    async def _failed(
        self, app: Application, live: LiveCluster, phase: str, failed: tuple[tuple[SyncTask, str], ...]
    ) -> None:
        """It stays for people to look at; after a while it is run again, for what it met may have been mended."""
        run, why = failed[0]
        more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        message = (
            f"{phase} hook {run.key}{more} failed: {why}; {_UNTOUCHED[phase]}. It is run again from Git every "
            f"{FAILED_AGAIN_AFTER.seconds // 60} minutes, and at once when its object is deleted. {_way_on(phase)}"
        )
        since = _told_since(app, message)
        if since is None or self._clock.now() - since < FAILED_AGAIN_AFTER:
            raise HooksNotRun(message)
        door = self._examiner.door(app, live)
        for each, _ in failed:
            await door.remove_hook(each)
        await self._tell(app, "DeletionError", f"{phase} hook {run.key}{more} failed and is run again: {why}")


def attempt_for(app: Application) -> Attempt:
    return attempt_of(_deleted_at(app))


def _deleted_at(app: Application) -> datetime:
    return parse_rfc3339(app.metadata.deletion_timestamp or "1970-01-01T00:00:00Z")


def _told_since(app: Application, message: str) -> datetime | None:
    told = next((each for each in app.status.conditions if each.message == message), None)
    return parse_rfc3339(told.last_transition_time) if told is not None and told.last_transition_time else None


def _way_on(phase: str) -> str:
    return f"To go on without it, take the finalizer {FINALIZERS[phase]} off the application"


def _waiting(phase: str, runs: tuple[SyncTask, ...]) -> str:
    more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
    return f"waiting for completion of {phase} hook {runs[0].key}{more}"
