"""Operations people ask for: a sync, or going back to what was deployed before."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gitops.model.application import Application
from gitops.model.errors import Conflict, InvalidRequest, NotFound
from gitops.model.operation import (
    HistoryEntry,
    Info,
    Operation,
    OperationInitiator,
    RetryStrategy,
    SyncOperation,
    SyncOperationResource,
    SyncStrategy,
    SyncStrategyApply,
)
from gitops.sync.autosync import of_sources, restored


class SyncRequest(msgspec.Struct, frozen=True):
    """What a person or a program asks for. Empty fields mean what the application itself says."""

    revision: str = ""
    revisions: tuple[str, ...] = ()
    prune: bool = False
    dry_run: bool = False
    strategy: SyncStrategy | None = None
    resources: tuple[SyncOperationResource, ...] = ()
    manifests: tuple[str, ...] = ()
    sync_options: tuple[str, ...] | None = None
    retry: RetryStrategy | None = None
    infos: tuple[Info, ...] = ()


def requested_sync(
    app: Application, asked: SyncRequest, *, by: str, sources: Sequence[Mapping[str, Any]] = ()
) -> Operation:
    """`sources` as the user wrote them: the sync is about these, whatever becomes of the spec meanwhile.

    Raises Conflict while another operation runs, InvalidRequest for a revision auto-sync would undo.
    """
    _check_free(app)
    if _syncs_itself(app) and not asked.dry_run:
        _check_own_revisions(app, asked)
    if asked.manifests and _syncs_itself(app) and not asked.dry_run:
        raise InvalidRequest("Cannot use local sync when Automatic Sync Policy is enabled unless for dry run")
    policy = app.spec.sync_policy
    sync = SyncOperation(
        revision=asked.revision,
        revisions=asked.revisions,
        prune=asked.prune,
        dry_run=asked.dry_run,
        sync_strategy=asked.strategy,
        resources=asked.resources,
        manifests=asked.manifests,
        sync_options=app.spec.sync_options if asked.sync_options is None else asked.sync_options,
    )
    sync = of_sources(sync, sources, several=bool(app.spec.sources))
    retry = asked.retry or (policy.retry if policy else None) or RetryStrategy()
    return Operation(sync=sync, initiated_by=OperationInitiator(username=by), info=asked.infos, retry=retry)


def rollback_operation(
    app: Application, history_id: int | None = None, *, prune: bool = False, dry_run: bool = False, by: str
) -> Operation:
    """Back to a history entry; without an id, to the one before the latest."""
    _check_free(app)
    if _syncs_itself(app):
        raise InvalidRequest("rollback cannot be initiated when auto-sync is enabled")
    entry = _entry(app, history_id)
    back = msgspec.structs.replace(
        restored(entry),
        prune=prune,
        dry_run=dry_run,
        sync_strategy=SyncStrategy(apply=SyncStrategyApply()),
        sync_options=app.spec.sync_options,
    )
    # Without a word of it, nobody could tell it from a sync of an old revision.
    told = Info("Rollback", f"to history id {entry.id}")
    return Operation(sync=back, initiated_by=OperationInitiator(username=by), info=(told,))


def _entry(app: Application, history_id: int | None) -> HistoryEntry:
    history = app.status.history
    if history_id is None and len(history) > 1:
        return history[-2]
    found = next((entry for entry in history if entry.id == history_id), None)
    if found is None:
        known = ", ".join(str(entry.id) for entry in history) or "none"
        wanted = "an earlier deployment" if history_id is None else f"deployment with id {history_id}"
        raise NotFound(f"application {app.metadata.name} does not have {wanted}; it has: {known}")
    return found


def _check_free(app: Application) -> None:
    state = app.status.operation_state
    if app.operation is not None or (state is not None and state.phase and not state.completed):
        raise Conflict("another operation is already in progress; wait for it or terminate it")
    if app.metadata.deletion_timestamp:
        raise Conflict(f"application {app.metadata.name} is being deleted")


def _syncs_itself(app: Application) -> bool:
    automated = app.spec.automated
    return automated is not None and automated.syncs_new_commits


def _check_own_revisions(app: Application, asked: SyncRequest) -> None:
    wanted = [each.target_revision or "HEAD" for each in app.spec.all_sources]
    foreign = [each for each in (asked.revision, *asked.revisions) if each and each not in wanted]
    if foreign:
        raise InvalidRequest(
            f"Cannot sync to {', '.join(foreign)}: auto-sync currently set to {', '.join(wanted)}; "
            "change the target revision or turn auto-sync off"
        )
