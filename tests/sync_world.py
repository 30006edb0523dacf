"""A cluster, an operation record and a driver in memory: enough world for the sync machine to run in.

The driver keeps the rules real drivers keep, and can be made to crash after any number of actions.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from gitops.manifest.annotations import HOOK, HOOK_DELETE_POLICY, HOOK_FINALIZER, SYNC_WAVE, annotation
from gitops.model.operation import ResourceResult, ResultCode, SyncOperation
from gitops.model.resource import Manifest, ResourceKey, key_of
from gitops.model.status import Health, HealthCode
from gitops.sync.hooks import OPERATION_MARK, Attempt
from gitops.sync.machine import begin, step
from gitops.sync.options import SyncOptions
from gitops.sync.outcomes import to_results
from gitops.sync.protocol import (
    Action,
    Apply,
    Approved,
    AwaitApproval,
    Check,
    ClearHook,
    DeleteHook,
    Event,
    Finish,
    Gone,
    HealthSeen,
    HookCleared,
    Pause,
    PauseOver,
    Prune,
    Record,
    ReleaseHook,
    Stage,
    Sync,
    TaskEnded,
    Watch,
)
from gitops.sync.tasks import Subject, SyncIntent, SyncTask, tasks_for

ATTEMPT = Attempt(datetime(2026, 11, 23, 10, tzinfo=UTC), revision="0123456789abcdef")


def an_object(
    name: str,
    *,
    kind: str = "ConfigMap",
    wave: int = 0,
    api: str = "v1",
    namespace: str = "ns",
    annotations: Mapping[str, str] = {},
) -> dict[str, Any]:
    marks = {**({SYNC_WAVE: str(wave)} if wave else {}), **annotations}
    metadata: dict[str, Any] = {"name": name, "annotations": marks}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api, "kind": kind, "metadata": metadata}


def a_hook(name: str, phases: str = "PreSync", *, wave: int = 0, policy: str = "") -> dict[str, Any]:
    marks = {HOOK: phases, **({HOOK_DELETE_POLICY: policy} if policy else {})}
    return an_object(name, kind="Job", wave=wave, api="batch/v1", annotations=marks)


class Crash(Exception):
    """The process that drove the sync is gone."""


class World:
    """What survives a crash: the cluster, and the results on record."""

    def __init__(
        self,
        desired: Iterable[Manifest] = (),
        hooks: Iterable[Manifest] = (),
        live: Iterable[Manifest] = (),
        *,
        operation: SyncOperation | None = None,
        options: SyncOptions | None = None,
        refused: Iterable[str] = (),
        dry_run_tells: bool = True,
        sick: Iterable[str] = (),
    ) -> None:
        self.desired = {key_of(each): each for each in desired}
        self.hooks = list(hooks)
        self.live: dict[ResourceKey, Manifest] = {key_of(each): each for each in live}
        self.managed = set(self.desired) | set(self.live)
        self.intent = SyncIntent(
            operation=operation or SyncOperation(prune=True), options=options or SyncOptions(), attempt=ATTEMPT
        )
        self.refused, self.sick = set(refused), set(sick)
        self.dry_run_tells = dry_run_tells  # whether a refusal shows in a dry run already
        self.recorded: tuple[ResourceResult, ...] = ()
        self.log: list[tuple[str, str]] = []  # what was done, to what
        self.hook_runs: list[str] = []  # marks of hooks at their creation

    # --- a run -----------------------------------------------------------------------------------

    def tasks(self) -> tuple[SyncTask, ...]:
        return tasks_for(map(self._subject, sorted(self.managed)), self.hooks, self.intent, self.live.get)

    def _subject(self, key: ResourceKey) -> Subject:
        desired, live = self.desired.get(key), self.live.get(key)
        return Subject(key, desired, live, differs=desired != live)

    def run(self, *, crash_after: int | None = None, dry_run: bool = False) -> Sync:
        """Carries the sync out to its end; raises Crash after so many actions."""
        events: deque[Event] = deque()
        sync, actions = begin(self.tasks(), self.recorded, dry_run=dry_run)
        left = crash_after
        while True:
            for action in actions:
                if left is not None:
                    if left == 0:
                        raise Crash
                    left -= 1
                events.extend(self.perform(sync, action))
            if sync.stage is Stage.FINISHED:
                return sync
            sync, actions = step(sync, events.popleft())  # an empty queue here is a deadlock: IndexError

    def perform(self, sync: Sync, action: Action) -> list[Event]:
        match action:
            case AwaitApproval():
                return [Approved()]
            case Record():
                self.recorded = to_results(sync)
            case Apply(task, dry_run):
                return [self._applied(task, dry_run)]
            case Check(task):
                return [self._applied(task, dry_run=True)]
            case Prune(task):
                self.log.append(("prune", task.key.name))
                self.live.pop(task.key, None)
                return [TaskEnded(task.id, ResultCode.PRUNED, "pruned")]
            case ClearHook(task):
                if not self._is_its_run(task):
                    self.live.pop(task.key, None)
                return [HookCleared(task.id)]
            case DeleteHook(task):
                if self._is_its_run(task):
                    self.log.append(("delete hook", task.key.name))
                    del self.live[task.key]
            case ReleaseHook(task):
                self._release(task)
            case Watch(keys):
                return [event for key in sorted(keys) for event in self._reports(key)]
            case Pause():
                return [PauseOver()]
            case Finish():
                self.recorded = to_results(sync)
        return []

    def _applied(self, task: SyncTask, dry_run: bool) -> Event:
        assert task.desired is not None
        if task.key.name in self.refused and (self.dry_run_tells or not dry_run):
            return TaskEnded(task.id, ResultCode.SYNC_FAILED, f"{task.key.name} is refused")
        if not dry_run:
            self.log.append(("apply", task.key.name))
            if task.hook:
                self.hook_runs.append(annotation(task.desired, OPERATION_MARK) + " " + task.key.name)
            self.live[task.key] = task.desired
        return TaskEnded(task.id, ResultCode.SYNCED, "created")

    def _is_its_run(self, task: SyncTask) -> bool:
        live = self.live.get(task.key)
        assert task.desired is not None
        return live is not None and annotation(live, OPERATION_MARK) == annotation(task.desired, OPERATION_MARK)

    def _release(self, task: SyncTask) -> None:
        if self._is_its_run(task):
            live = self.live[task.key]
            kept = [each for each in live["metadata"]["finalizers"] if each != HOOK_FINALIZER]
            self.live[task.key] = {**live, "metadata": {**live["metadata"], "finalizers": kept}}

    def _reports(self, key: ResourceKey) -> list[Event]:
        if key not in self.live:
            return [Gone(key)]
        if key.kind == "ConfigMap":
            return [HealthSeen(key, None)]
        final = HealthCode.DEGRADED if key.name in self.sick else HealthCode.HEALTHY
        return [
            HealthSeen(key, Health(HealthCode.PROGRESSING)),
            HealthSeen(key, Health(final, f"{key.name} is {final}")),
        ]


def told(results: Iterable[ResourceResult]) -> Mapping[tuple[str, str, str], tuple[str, str]]:
    """Results without what may differ between two runs of the same: the messages."""
    return {(each.sync_phase, each.kind, each.name): (each.status, each.hook_phase) for each in results}
