"""What is known of an Application right now, in the shape Argo CD stores it."""

from typing import Any

import msgspec

from gitops.model.operation import HistoryEntry, OperationState, Recorded


class SyncCode:
    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


class HealthCode:
    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"

    # From best to worst; an application is as well as its worst resource.
    BY_BADNESS = (HEALTHY, SUSPENDED, PROGRESSING, MISSING, DEGRADED, UNKNOWN)


class Health(Recorded, frozen=True):
    status: str = HealthCode.UNKNOWN
    message: str = ""


class AppHealth(Recorded, frozen=True):
    status: str = ""
    message: str = ""
    last_transition_time: str | None = None


class ComparedTo(Recorded, frozen=True):
    source: dict[str, Any] | None = None
    sources: tuple[dict[str, Any], ...] = ()
    destination: dict[str, Any] = {}
    ignore_differences: tuple[dict[str, Any], ...] = ()


class SyncStatus(Recorded, frozen=True):
    status: str = ""  # SyncCode
    compared_to: ComparedTo | None = None
    revision: str = ""
    revisions: tuple[str, ...] = ()


class ResourceStatus(Recorded, frozen=True):
    """One managed object in `status.resources[]`."""

    group: str = ""
    version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    status: str = ""  # SyncCode
    health: Health | None = None
    hook: bool = False
    requires_pruning: bool = False
    sync_wave: int = 0
    requires_deletion_confirmation: bool = False


class AppCondition(Recorded, frozen=True):
    type: str = ""
    message: str = ""
    last_transition_time: str | None = None

    @property
    def is_error(self) -> bool:
        return self.type.endswith("Error")


class AppSummary(Recorded, frozen=True):
    external_urls: tuple[str, ...] = msgspec.field(name="externalURLs", default=())
    images: tuple[str, ...] = ()


class AppStatus(Recorded, frozen=True):
    resources: tuple[ResourceStatus, ...] = ()
    sync: SyncStatus = SyncStatus()
    health: AppHealth = AppHealth()
    history: tuple[HistoryEntry, ...] = ()
    conditions: tuple[AppCondition, ...] = ()
    reconciled_at: str | None = None
    operation_state: OperationState | None = None
    observed_at: str | None = None
    source_type: str = ""
    source_types: tuple[str, ...] = ()
    summary: AppSummary = AppSummary()
    resource_health_source: str = ""
    controller_namespace: str = ""
