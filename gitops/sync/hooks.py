"""Hooks: objects that run in a phase of one operation instead of being kept in the cluster.

A hook must run once per operation, whatever crashes. Three things see to that: its name is the same
however often we look (also for `generateName`), the object carries the mark of its operation, and a
finalizer keeps it from vanishing (by a Job's time-to-live, say) before its outcome is on record.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from gitops.manifest.annotations import (
    HOOK_FINALIZER,
    TIPHYS_PREFIX,
    DeletePolicy,
    HookType,
    annotation,
    hook_delete_policies,
    hook_types,
)
from gitops.manifest.tracking import named
from gitops.model.operation import OperationPhase
from gitops.model.resource import Manifest, ResourceKey, annotations_of, key_of, name_of

OPERATION_MARK = TIPHYS_PREFIX + "operation"

LONGEST_NAME = 63  # of a Job: its pods carry it in a label

# The phases of a sync in the order they run; SyncFail only after a failure.
PHASES = (HookType.PRE_SYNC, HookType.SYNC, HookType.POST_SYNC, HookType.SYNC_FAIL)


class Attempt(msgspec.Struct, frozen=True):
    """One try of one operation. A retry is a new attempt, and runs its hooks anew."""

    started_at: datetime
    retry_count: int = 0
    revision: str = ""

    def mark(self, phase: str) -> str:
        return f"{int(self.started_at.timestamp())}-{self.retry_count}/{phase}"


def phases_of(manifest: Manifest, among: Sequence[str] = PHASES) -> tuple[str, ...]:
    """The phases of a sync a hook runs in, in order; none for deletion hooks and unsupported Helm hooks."""
    types = hook_types(manifest)
    return tuple(phase for phase in among if phase in types)


def runs_of(
    hooks: Iterable[Manifest], attempt: Attempt, among: Sequence[str] = PHASES
) -> Iterator[tuple[str, Manifest]]:
    """Each phase each hook runs in, with the object to create for it; no two of them are one object."""
    taken: set[tuple[str, ResourceKey]] = set()
    for manifest in hooks:
        for phase in phases_of(manifest, among):
            run = prepared(manifest, phase, attempt)
            number = 1
            while not name_of(manifest) and (phase, key_of(run)) in taken:
                number += 1
                run = prepared(manifest, phase, attempt, number=number)
            taken.add((phase, key_of(run)))
            yield phase, run


def is_of_attempt(live: Manifest, attempt: Attempt, phase: str) -> bool:
    """Whether a live hook was created by this attempt, rather than left over from an earlier one."""
    return annotation(live, OPERATION_MARK) == attempt.mark(phase)


def replaces_earlier(manifest: Manifest) -> bool:
    """Whether what an earlier run left behind has to go before the hook is created."""
    return DeletePolicy.BEFORE_HOOK_CREATION in hook_delete_policies(manifest)


def deleted_after(manifest: Manifest, hook_phase: str) -> bool:
    """Whether a hook that ended so is deleted at the end of its operation."""
    due = {OperationPhase.SUCCEEDED: DeletePolicy.HOOK_SUCCEEDED, OperationPhase.FAILED: DeletePolicy.HOOK_FAILED}
    return due.get(hook_phase) in hook_delete_policies(manifest)


def hook_name(manifest: Manifest, phase: str, attempt: Attempt, *, number: int = 1) -> str:
    """`generateName` hooks get a name of ours: `<generateName><revision>-<phase>-<start of the operation>`.

    So it is known before the hook is created, and a crash in between creates none twice. A retry is told by
    its number, and so is one of several hooks with the same `generateName`.
    """
    if name := name_of(manifest):
        return name
    # A chart's version may hold what a name must not, such as `+`.
    revision = re.sub(r"[^a-z0-9.-]", "-", attempt.revision[:7].lower())
    end = f"{revision}-{phase.lower()}-{int(attempt.started_at.timestamp())}"
    end += f"-r{attempt.retry_count}" if attempt.retry_count else ""
    end += f"-{number}" if number > 1 else ""
    prefix = (manifest.get("metadata") or {}).get("generateName") or ""
    return prefix[: LONGEST_NAME - len(end)] + end


def prepared(manifest: Manifest, phase: str, attempt: Attempt, *, number: int = 1) -> Manifest:
    """The object to create for one run of a hook."""
    metadata: Mapping[str, Any] = manifest.get("metadata") or {}
    finalizers = [each for each in metadata.get("finalizers") or () if each != HOOK_FINALIZER]
    kept = {key: value for key, value in metadata.items() if key != "generateName"}
    run = {
        **manifest,
        "metadata": {
            **kept,
            "annotations": {**annotations_of(manifest), OPERATION_MARK: attempt.mark(phase)},
            "finalizers": [*finalizers, HOOK_FINALIZER],
        },
    }
    return run if name_of(manifest) else named(run, hook_name(manifest, phase, attempt, number=number))
