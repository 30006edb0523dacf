"""A request on record to sync, and what came of it, in the shape Argo CD stores it."""

from typing import Any

import msgspec


class Recorded(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Base of values that live inside the Application resource."""


class OperationInitiator(Recorded, frozen=True):
    username: str = ""
    automated: bool = False


class Backoff(Recorded, frozen=True):
    duration: str = ""
    factor: int | None = None
    max_duration: str = ""


class RetryStrategy(Recorded, frozen=True):
    limit: int = 0
    backoff: Backoff | None = None
    refresh: bool = False


class SyncOperationResource(Recorded, frozen=True):
    group: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""


class SyncStrategyApply(Recorded, frozen=True):
    force: bool = False


class SyncStrategy(Recorded, frozen=True):
    apply: SyncStrategyApply | None = None
    hook: SyncStrategyApply | None = None


class SyncOperation(Recorded, frozen=True):
    revision: str = ""
    prune: bool = False
    dry_run: bool = False
    sync_strategy: SyncStrategy | None = None
    resources: tuple[SyncOperationResource, ...] = ()
    source: dict[str, Any] | None = None  # the source as it was: a rollback's, else the spec's
    manifests: tuple[str, ...] = ()
    sync_options: tuple[str, ...] = ()
    sources: tuple[dict[str, Any], ...] = ()
    revisions: tuple[str, ...] = ()
    self_heal_attempts_count: int = msgspec.field(name="autoHealAttemptsCount", default=0)


class Info(Recorded, frozen=True):
    name: str = ""
    value: str = ""


class Operation(Recorded, frozen=True):
    sync: SyncOperation | None = None
    initiated_by: OperationInitiator = OperationInitiator()
    info: tuple[Info, ...] = ()
    retry: RetryStrategy = RetryStrategy()


class OperationPhase:
    RUNNING = "Running"
    TERMINATING = "Terminating"
    FAILED = "Failed"
    ERROR = "Error"
    SUCCEEDED = "Succeeded"

    COMPLETED = frozenset({FAILED, ERROR, SUCCEEDED})


class ResultCode:
    SYNCED = "Synced"
    SYNC_FAILED = "SyncFailed"
    PRUNED = "Pruned"
    PRUNE_SKIPPED = "PruneSkipped"
    SYNC_SKIPPED = "SyncSkipped"  # ours: it belongs to another application

    SKIPPED = frozenset({PRUNE_SKIPPED, SYNC_SKIPPED})  # what is settled before anything is tried


class ResourceResult(Recorded, frozen=True):
    """What happened to one object in a sync (`status.operationState.syncResult.resources[]`)."""

    group: str = ""
    version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    status: str = ""  # ResultCode; empty while a hook or task has not ended
    message: str = ""
    hook_type: str = ""  # PreSync, Sync, PostSync, SyncFail; empty for ordinary objects
    hook_phase: str = ""  # OperationPhase of the hook, or of the object's apply
    sync_phase: str = ""
    images: tuple[str, ...] = ()


class SyncResult(Recorded, frozen=True):
    resources: tuple[ResourceResult, ...] = ()
    revision: str = ""
    source: dict[str, Any] | None = None
    sources: tuple[dict[str, Any], ...] = ()
    revisions: tuple[str, ...] = ()
    managed_namespace_metadata: dict[str, Any] | None = None


class OperationState(Recorded, frozen=True):
    operation: Operation = Operation()
    phase: str = ""
    message: str = ""
    sync_result: SyncResult | None = None
    started_at: str | None = None  # RFC 3339, seconds, Z
    finished_at: str | None = None
    retry_count: int = 0

    @property
    def completed(self) -> bool:
        return self.phase in OperationPhase.COMPLETED


class HistoryEntry(Recorded, frozen=True, omit_defaults=False):
    """One successful whole sync (`status.history[]`); a rollback goes back to one of these."""

    id: int = 0
    revision: str = ""
    deployed_at: str = ""
    deploy_started_at: str | None = None
    source: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    sources: tuple[dict[str, Any], ...] | msgspec.UnsetType = msgspec.UNSET
    revisions: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    initiated_by: OperationInitiator | msgspec.UnsetType = msgspec.UNSET
