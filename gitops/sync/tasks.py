"""What a sync has to do, object by object: a comparison, hooks and options become tasks."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from gitops.manifest.annotations import HookType, is_custom_resource_definition, sync_wave
from gitops.model.application import ManagedNamespaceMetadata
from gitops.model.operation import ResultCode, SyncOperation, SyncOperationResource
from gitops.model.resource import (
    GroupKind,
    Manifest,
    ResourceKey,
    annotations_of,
    is_deleting,
    key_of,
    labels_of,
    version_of,
)
from gitops.sync.hooks import Attempt, is_of_attempt, runs_of
from gitops.sync.options import Consent, SyncOptions, object_options

NAMESPACE = GroupKind("", "Namespace")


class Subject(msgspec.Struct, frozen=True):
    """One object of a comparison, as far as a sync cares. Desired is None when Git no longer has it."""

    key: ResourceKey
    desired: Manifest | None
    live: Manifest | None
    differs: bool  # is not as desired: missing, different or extraneous
    predicted: bool = False  # the API server has already accepted it in a dry run


class TaskId(NamedTuple):
    phase: str
    key: ResourceKey

    def __str__(self) -> str:
        return f"{self.phase} {self.key}"


class Settled(msgspec.Struct, frozen=True):
    """Why a task is over before it began."""

    code: str  # ResultCode
    message: str


class SyncTask(msgspec.Struct, frozen=True):
    id: TaskId
    version: str
    wave: int
    desired: Manifest | None  # None: the object is to be pruned
    live: Manifest | None
    options: SyncOptions
    hook: bool = False
    writes: bool = True  # False: as desired already, only its health counts
    dry_run_first: bool = False
    started: bool = False  # a hook this very attempt has created already
    needs_approval: bool = False
    settled: Settled | None = None

    @property
    def key(self) -> ResourceKey:
        return self.id.key

    @property
    def phase(self) -> str:
        return self.id.phase

    @property
    def prune(self) -> bool:
        return self.desired is None


class SyncIntent(msgspec.Struct, frozen=True):
    """What was asked for, and by which attempt it is carried out."""

    operation: SyncOperation
    options: SyncOptions
    attempt: Attempt
    namespace: str = ""  # of the destination
    namespace_metadata: ManagedNamespaceMetadata | None = None
    deletions_approved: bool = False

    @property
    def partial(self) -> bool:
        return bool(self.operation.resources)

    @property
    def runs_hooks(self) -> bool:
        strategy = self.operation.sync_strategy
        return not self.partial and not (strategy and strategy.apply)


LiveObject = Callable[[ResourceKey], Manifest | None]
Provision = str | GroupKind  # a namespace's name, or the kind a CRD defines


def tasks_for(
    subjects: Iterable[Subject], hooks: Iterable[Manifest], intent: SyncIntent, live: LiveObject
) -> tuple[SyncTask, ...]:
    """All tasks of a sync, unordered but with their final phase and wave.

    Manifests carry the namespace they go to. `live` answers for hooks and for the destination's namespace.
    """
    chosen = [each for each in subjects if selected(each.key, intent.operation)]
    tasks = [task for each in chosen if (task := _subject_task(each, intent))]
    if intent.runs_hooks:
        tasks += _hook_tasks(hooks, intent, live)
    if namespace := _namespace_task(tasks, intent, live):
        tasks.append(namespace)
    return tuple(_without_doomed_dry_runs(_hoisted(_in_prune_order(tasks))))


def selected(key: ResourceKey, operation: SyncOperation) -> bool:
    """Whether a sync of chosen resources includes the object; without a choice all are included."""
    return not operation.resources or any(_names(chosen, key) for chosen in operation.resources)


def _names(chosen: SyncOperationResource, key: ResourceKey) -> bool:
    same = (chosen.group, chosen.kind, chosen.name) == (key.group, key.kind, key.name)
    return same and chosen.namespace in ("", key.namespace)


def _subject_task(subject: Subject, intent: SyncIntent) -> SyncTask | None:
    manifest = subject.desired or subject.live
    if manifest is None or (intent.options.apply_out_of_sync_only and not subject.differs):
        return None
    options = object_options(intent.options, manifest)
    # Replacing by force is how users have a Job run again at every sync, changed or not.
    writes = subject.differs or (options.replace and options.force)
    task = SyncTask(
        id=TaskId(HookType.SYNC, subject.key),
        version=version_of(manifest),
        wave=sync_wave(manifest),
        desired=subject.desired,
        live=subject.live,
        options=options,
        writes=writes,
        dry_run_first=writes and not subject.predicted,
    )
    return _prune_task(task, intent) if subject.desired is None else task


def _prune_task(task: SyncTask, intent: SyncIntent) -> SyncTask:
    if not intent.operation.prune:
        refusal = "ignored (requires pruning)"
    elif task.options.prune is Consent.REFUSED:
        refusal = "ignored (no prune)"
    else:
        confirm = task.options.prune is Consent.ON_APPROVAL and not intent.deletions_approved
        return msgspec.structs.replace(task, writes=True, dry_run_first=False, needs_approval=confirm)
    settled = Settled(ResultCode.PRUNE_SKIPPED, refusal)
    return msgspec.structs.replace(task, writes=False, dry_run_first=False, settled=settled)


def _hook_tasks(hooks: Iterable[Manifest], intent: SyncIntent, live: LiveObject) -> Iterable[SyncTask]:
    for phase, prepared in runs_of(hooks, intent.attempt):
        key = key_of(prepared)
        found = live(key)
        yield SyncTask(
            id=TaskId(phase, key),
            version=version_of(prepared),
            wave=sync_wave(prepared),
            desired=prepared,
            live=found,
            options=object_options(intent.options, prepared),
            hook=True,
            dry_run_first=True,
            started=found is not None and is_of_attempt(found, intent.attempt, phase),
        )


# --- the destination's namespace ---------------------------------------------------------------------


def _namespace_task(tasks: list[SyncTask], intent: SyncIntent, live: LiveObject) -> SyncTask | None:
    """`CreateNamespace=true`: it carries no tracking id, so it is never pruned with the application."""
    key = ResourceKey("", "Namespace", "", intent.namespace)
    if not (intent.options.create_namespace and intent.namespace) or any(task.key == key for task in tasks):
        return None
    found, wanted = live(key), intent.namespace_metadata
    if found is not None and _carries(found, wanted):
        return None
    metadata: dict[str, Any] = {"name": intent.namespace}
    if wanted:
        metadata |= {"labels": wanted.labels, "annotations": wanted.annotations}
    desired = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    before = [task.wave for task in tasks if task.phase == HookType.PRE_SYNC and _active(task)]
    return SyncTask(
        id=TaskId(HookType.PRE_SYNC, key),
        version="v1",
        wave=min(before, default=0),
        desired=desired,
        live=found,
        options=msgspec.structs.replace(intent.options, replace=False, force=False),
    )


def _carries(live: Manifest, wanted: ManagedNamespaceMetadata | None) -> bool:
    if wanted is None:
        return True
    return (
        wanted.labels.items() <= labels_of(live).items() and wanted.annotations.items() <= annotations_of(live).items()
    )


# --- order among tasks --------------------------------------------------------------------------------


def _phase_rank(phase: str) -> int:
    return _PHASE_RANK[phase]


_PHASE_RANK: Mapping[str, int] = {
    HookType.PRE_SYNC: 0,
    HookType.SYNC: 1,
    HookType.POST_SYNC: 2,
    HookType.SYNC_FAIL: 3,
}


def batch_of(task: SyncTask) -> tuple[int, int]:
    """Phase and wave as one sortable value."""
    return _phase_rank(task.phase), task.wave


def _active(task: SyncTask) -> bool:
    return task.settled is None


def _in_prune_order(tasks: list[SyncTask]) -> list[SyncTask]:
    """What was created last goes first: the waves of pruned objects are mirrored; `PruneLast` goes after all."""
    pruned = sorted({task.wave for task in tasks if task.prune and _active(task)})
    mirrored = dict(zip(pruned, reversed(pruned), strict=True))
    in_sync = [task.wave for task in tasks if task.phase == HookType.SYNC and _active(task)]
    last = max(in_sync, default=-1) + 1

    def moved(task: SyncTask) -> SyncTask:
        if not task.prune or not _active(task):
            return task
        wave = last if task.options.prune_last else mirrored[task.wave]
        return msgspec.structs.replace(task, wave=wave)

    return [moved(task) for task in tasks]


def _provided(task: SyncTask) -> Provision | None:
    """What other tasks may need this one for: the namespace, or the kind it brings."""
    if task.desired is None or task.hook:
        return None
    if task.key.group_kind == NAMESPACE:
        return task.key.name
    return kind_defined_by(task.desired) if is_custom_resource_definition(task.desired) else None


def kind_defined_by(crd: Manifest) -> GroupKind:
    spec = crd.get("spec") or {}
    return GroupKind(spec.get("group") or "", (spec.get("names") or {}).get("kind") or "")


def _hoisted(tasks: list[SyncTask]) -> list[SyncTask]:
    """Namespaces and CRDs come in the phase and wave of the first object that needs them, or earlier."""
    earliest: dict[Provision, SyncTask] = {}
    for task in tasks:
        if task.desired is not None and task.phase != HookType.SYNC_FAIL:
            for need in (task.key.namespace, task.key.group_kind):
                if need not in earliest or batch_of(task) < batch_of(earliest[need]):
                    earliest[need] = task

    def moved(task: SyncTask) -> SyncTask:
        user = earliest.get(provided) if (provided := _provided(task)) is not None else None
        if user is None or batch_of(task) <= batch_of(user):
            return task
        return msgspec.structs.replace(task, id=TaskId(user.phase, task.key), wave=user.wave)

    return [moved(task) for task in tasks]


def _without_doomed_dry_runs(tasks: list[SyncTask]) -> Iterable[SyncTask]:
    """An object whose namespace or kind only comes with this sync cannot be tried before it."""
    coming = {provided for task in tasks if task.live is None and (provided := _provided(task)) is not None}
    for task in tasks:
        doomed = task.key.namespace in coming or task.key.group_kind in coming
        yield msgspec.structs.replace(task, dry_run_first=False) if doomed and task.dry_run_first else task


def pending_deletion(task: SyncTask) -> bool:
    return task.live is not None and is_deleting(task.live)
