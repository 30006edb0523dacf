"""The history of deployments: what a rollback can go back to."""

import msgspec

from gitops.model.application import Application
from gitops.model.operation import HistoryEntry, OperationPhase, OperationState, SyncResult

DEFAULT_LIMIT = 10


def with_deployment(app: Application, state: OperationState) -> tuple[HistoryEntry, ...] | None:
    """The history once this operation has ended; None when it leaves it as it is.

    Only whole syncs that succeeded count: a partial one (such as self-heal) does not bring a revision about.
    """
    sync, result = state.operation.sync, state.sync_result
    whole = sync is not None and not sync.dry_run and not sync.resources
    if not whole or result is None or state.phase != OperationPhase.SUCCEEDED:
        return None
    earlier = app.status.history
    entry = _entry(state, result, number=1 + max((each.id for each in earlier), default=-1))
    limit = DEFAULT_LIMIT if app.spec.revision_history_limit is None else max(0, app.spec.revision_history_limit)
    return (*earlier, entry)[-limit:] if limit else ()


def _entry(state: OperationState, result: SyncResult, *, number: int) -> HistoryEntry:
    initiator = state.operation.initiated_by
    several = bool(result.sources)
    return HistoryEntry(
        id=number,
        revision="" if several else result.revision,
        deployed_at=state.finished_at or "",
        deploy_started_at=state.started_at,
        source=msgspec.UNSET if several or result.source is None else result.source,
        sources=result.sources if several else msgspec.UNSET,
        revisions=result.revisions if several else msgspec.UNSET,
        initiated_by=initiator if initiator.username or initiator.automated else msgspec.UNSET,
    )
