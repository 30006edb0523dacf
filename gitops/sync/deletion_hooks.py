"""Hooks of a deletion (PreDelete, PostDelete): what is left to do for them, told by what is in the cluster.

Nothing else is kept on record. A hook that was created carries the mark of the deletion and our finalizer,
so it is found again after a crash, and cannot come and go unseen.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import msgspec

from gitops.manifest.annotations import (
    POST_DELETE_FINALIZER,
    PRE_DELETE_FINALIZER,
    DeletePolicy,
    HookType,
    annotation,
    hook_delete_policies,
    hook_types,
    sync_wave,
)
from gitops.model.resource import Manifest, ResourceKey, is_deleting, key_of, version_of
from gitops.model.status import Health, HealthCode
from gitops.sync.hooks import OPERATION_MARK, Attempt, is_of_attempt, runs_of
from gitops.sync.options import SyncOptions
from gitops.sync.tasks import SyncTask, TaskId

CLEANUP = "/cleanup"
FINALIZERS = {HookType.PRE_DELETE: PRE_DELETE_FINALIZER, HookType.POST_DELETE: POST_DELETE_FINALIZER}

_STILL_RUNS = frozenset({HealthCode.PROGRESSING, HealthCode.SUSPENDED, HealthCode.MISSING})


class Standing(msgspec.Struct, frozen=True):
    """Where the hooks of one phase stand, as far as their first wave that has not ended goes."""

    create: tuple[SyncTask, ...] = ()
    clear: tuple[SyncTask, ...] = ()  # another deletion, or somebody who wanted it gone, left it under its name
    running: tuple[SyncTask, ...] = ()
    failed: tuple[tuple[SyncTask, str], ...] = ()  # and why

    @property
    def done(self) -> bool:
        return not (self.create or self.clear or self.running or self.failed)


def finalizers_for(present: Sequence[str], hooks: Iterable[Manifest]) -> tuple[str, ...]:
    """The application's finalizers, with those that its deletion hooks need and without those that none needs."""
    types = {type for each in hooks for type in hook_types(each)}
    needed = [name for type, base in FINALIZERS.items() if type in types for name in (base, base + CLEANUP)]
    kept = [each for each in present if not is_hook_finalizer(each) or each in needed]
    return (*kept, *(each for each in needed if each not in kept))


def is_hook_finalizer(finalizer: str) -> bool:
    return finalizer.startswith((PRE_DELETE_FINALIZER, POST_DELETE_FINALIZER))


def attempt_of(deletion: datetime) -> Attempt:
    """A deletion is known by its moment; the commit its hooks come from may change while it goes on."""
    return Attempt(started_at=deletion, revision="delete")


def deletion_runs(
    hooks: Iterable[Manifest], phase: str, attempt: Attempt, live: Callable[[ResourceKey], Manifest | None]
) -> tuple[SyncTask, ...]:
    return tuple(
        SyncTask(
            id=TaskId(phase, key_of(run)),
            version=version_of(run),
            wave=sync_wave(run),
            desired=run,
            live=(found := live(key_of(run))),
            options=SyncOptions(),
            hook=True,
            started=found is not None and is_of_attempt(found, attempt, phase),
        )
        for phase, run in runs_of(hooks, attempt, (phase,))
    )


def standing(runs: Iterable[SyncTask], health_of: Callable[[Manifest], Health | None]) -> Standing:
    """What the first wave needs that has not ended; all of it done when there is none."""
    listed = tuple(runs)
    for wave in sorted({run.wave for run in listed}):
        found = _standing([run for run in listed if run.wave == wave], health_of)
        if not found.done:
            return found
    return Standing()


def _standing(runs: Sequence[SyncTask], health_of: Callable[[Manifest], Health | None]) -> Standing:
    create, clear, running, failed = [], [], [], []
    for run in runs:
        health = health_of(run.live) if run.live is not None else None
        if run.live is None:
            create.append(run)
        elif not run.started:
            clear.append(run)
        elif health is None or health.status == HealthCode.HEALTHY:
            continue
        elif is_deleting(run.live):
            clear.append(run)  # somebody deleted it while it ran, or after it failed: it is run again
        elif health.status in _STILL_RUNS:
            running.append(run)
        else:
            failed.append((run, health.message or health.status))
    return Standing(tuple(create), tuple(clear), tuple(running), tuple(failed))


def is_deletion_run(live: Manifest, attempt: Attempt) -> bool:
    """Whether the object is a hook's that this very deletion has run."""
    return annotation(live, OPERATION_MARK) in {attempt.mark(phase) for phase in FINALIZERS}


def outlives_success(live: Manifest) -> bool:
    """Whether a hook that succeeded stays: only if all it says is to go when it fails."""
    return hook_delete_policies(live) == {DeletePolicy.HOOK_FAILED}
