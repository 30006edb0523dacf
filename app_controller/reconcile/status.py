"""What a visit found out, as the Application's status: pure, so that it is written only when it changed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from app_controller.desired import Desired
from app_controller.reconcile.status_size import ROOM, TRUNCATED, bounded, fitted
from gitops.manifest.annotations import REFRESH
from gitops.model.application import Application
from gitops.model.errors import GitOpsError, SourceError
from gitops.model.merge import merge_patch
from gitops.model.moments import rfc3339
from gitops.model.operation import OperationPhase
from gitops.model.resource import annotations_of
from gitops.model.status import AppHealth, AppSummary, HealthCode, ResourceStatus, SyncCode

RawApp = Mapping[str, Any]

# Conditions a visit to the application decides; the others belong to whoever set them.
EVALUATED = frozenset(
    {
        "ComparisonError",
        "InvalidSpecError",
        "UnknownError",
        "SyncError",
        "SharedResourceWarning",
        "RepeatedResourceWarning",
        "ExcludedResourceWarning",
        "UnknownFieldWarning",
        TRUNCATED,
        "SourceWarning",
    }
)


class Findings(msgspec.Struct, frozen=True):
    """The outcome of one comparison, ready to be told."""

    sync_code: str
    health: AppHealth
    conditions: tuple[tuple[str, str], ...] = ()  # (type, message)
    resources: tuple[ResourceStatus, ...] | None = None  # None: not known this time, keep the last
    desired: Desired | None = None
    summary: AppSummary | None = None


def findings_of_error(error: GitOpsError, app: Application) -> Findings:
    """Nothing could be compared: Unknown is the only truth left about sync, and health keeps its last word
    unless the cluster itself does not answer."""
    health = app.status.health
    if isinstance(error, SourceError) and not health.status:
        # A new application that does not render has nothing that could be ill; its sync is what is Unknown.
        health = AppHealth(status=HealthCode.HEALTHY)
    if error.reason in ("ClusterUnreachable", "ClusterUnknown") or not health.status:
        health = AppHealth(status=HealthCode.UNKNOWN, message=str(error))
    return Findings(
        sync_code=SyncCode.UNKNOWN,
        health=health,
        conditions=((error.condition, str(error)),),
    )


def status_patch(
    raw: RawApp,
    app: Application,
    findings: Findings,
    *,
    now: datetime,
    refreshed: bool,
    room: int = ROOM,
    controller_namespace: str = "",
) -> dict[str, Any]:
    """The merge patch for the Application; empty when there is nothing new to tell.

    `refreshed`: somebody asked for this visit and waits for `reconciledAt` to move. `room`: how many bytes
    the whole Application may take.
    """
    before: Mapping[str, Any] = raw.get("status") or {}
    after = dict(before)
    after["sync"] = _sync(before.get("sync") or {}, raw, findings)
    after["health"] = _health(before.get("health") or {}, findings.health, now)
    if findings.summary is not None:
        after["summary"] = _as_json(findings.summary)
    if findings.desired is not None:
        _source_types(after, raw, findings.desired)
    after["resourceHealthSource"] = "appTree"
    if controller_namespace:
        after["controllerNamespace"] = controller_namespace
    told = findings.conditions
    if findings.resources is not None:
        fit = fitted(findings.resources, _lasting(raw, after), room)
        after["resources"] = _as_json(fit.resources)
        told = (*told, (TRUNCATED, fit.told)) if fit.told else told
    elif kept := _condition(before, TRUNCATED):
        told = (*told, (TRUNCATED, kept))
    after["conditions"] = _conditions(before.get("conditions") or [], told, now)
    patch = merge_patch(before, after)
    if patch or refreshed or _awaited(before) or "reconciledAt" not in before:
        patch["reconciledAt"] = rfc3339(now)
    result: dict[str, Any] = {"status": patch} if patch else {}
    if refreshed and REFRESH in app.metadata.annotations:
        result["metadata"] = {"annotations": {REFRESH: None}}
    return result


def unreadable_patch(raw: RawApp, error: GitOpsError, *, now: datetime) -> dict[str, Any]:
    """For an Application that cannot even be read, or not be dealt with: why, and that nothing is known of it now."""
    status: Mapping[str, Any] = raw.get("status") or {}
    sync = status.get("sync")
    after = dict(status)
    after["conditions"] = _conditions(_listed(status.get("conditions")), ((error.condition, str(error)),), now)
    after["sync"] = {**(sync if isinstance(sync, Mapping) else {}), "status": SyncCode.UNKNOWN}
    patch = merge_patch(status, after)
    asked = REFRESH in annotations_of(raw)
    if patch or asked:
        patch["reconciledAt"] = rfc3339(now)
    result: dict[str, Any] = {"status": patch} if patch else {}
    if asked:
        result["metadata"] = {"annotations": {REFRESH: None}}
    return result


def has_moved_on(begun: RawApp, now: RawApp) -> bool:
    """Whether findings about the Application as it was say nothing of it as it is."""
    return _decisive(begun) != _decisive(now)


def _decisive(raw: RawApp) -> tuple[Any, ...]:
    state = (raw.get("status") or {}).get("operationState") or {}
    # An operation that goes on changes its state all the time; its begin and its end are what counts.
    ended = None if state.get("phase") in (OperationPhase.RUNNING, OperationPhase.TERMINATING) else state
    return (
        raw.get("spec"),
        raw.get("operation"),
        raw["metadata"].get("deletionTimestamp"),
        ended and (ended.get("startedAt"), ended.get("finishedAt")),
    )


def transitions(before: RawApp, findings: Findings) -> tuple[str, ...]:
    """What changed in the application's state, in Argo CD's words; nothing the first time."""
    status: Mapping[str, Any] = before.get("status") or {}
    changes = (
        ("sync", (status.get("sync") or {}).get("status"), findings.sync_code),
        ("health", (status.get("health") or {}).get("status"), findings.health.status),
    )
    return tuple(f"Updated {what} status: {old} -> {new}" for what, old, new in changes if old and old != new)


def destination_of(raw: RawApp) -> str:
    """The destination's server or name, also of an Application that cannot be read."""
    spec = raw.get("spec")
    destination = spec.get("destination") if isinstance(spec, Mapping) else None
    if not isinstance(destination, Mapping):
        return ""
    return str(destination.get("server") or destination.get("name") or "")


def _listed(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _awaited(status: Mapping[str, Any]) -> bool:
    """Tools wait for a comparison made after the last operation ended."""
    finished = (status.get("operationState") or {}).get("finishedAt")
    return bool(finished and str(status.get("reconciledAt") or "") < str(finished))


def _sync(before: Mapping[str, Any], raw: RawApp, findings: Findings) -> dict[str, Any]:
    spec = raw.get("spec") or {}
    compared = {
        name: spec[name] for name in ("source", "sources", "destination", "ignoreDifferences") if spec.get(name)
    }
    sync: dict[str, Any] = {"status": findings.sync_code, "comparedTo": compared}
    if findings.desired is not None:
        if spec.get("sources"):
            sync["revisions"] = list(findings.desired.revisions)
        else:
            sync["revision"] = findings.desired.revision
    else:
        for name in ("revision", "revisions"):
            if before.get(name):
                sync[name] = before[name]
    return sync


def _health(before: Mapping[str, Any], health: AppHealth, now: datetime) -> dict[str, Any]:
    same = before.get("status") == health.status
    moment = before.get("lastTransitionTime") if same else None
    told: dict[str, Any] = {"status": health.status, "lastTransitionTime": moment or rfc3339(now)}
    if health.message:
        told["message"] = health.message
    return told


def _conditions(
    before: Iterable[Mapping[str, Any]], found: tuple[tuple[str, str], ...], now: datetime
) -> list[dict[str, Any]] | None:
    present = [dict(each) for each in before]
    kept = [each for each in present if each.get("type") not in EVALUATED]
    for type, message in bounded(found):
        same = next((each for each in present if each.get("type") == type and each.get("message") == message), None)
        kept.append(same or {"type": type, "message": message, "lastTransitionTime": rfc3339(now)})
    return kept or None


def _lasting(raw: RawApp, status: Mapping[str, Any]) -> RawApp:
    """What takes up room beside the resources and is as large after the patch as before it."""
    rest = {name: value for name, value in status.items() if name not in ("resources", "conditions", "reconciledAt")}
    annotations = {name: value for name, value in annotations_of(raw).items() if name != REFRESH}
    return {"spec": raw.get("spec"), "annotations": annotations, "status": rest}


def _condition(status: Mapping[str, Any], type: str) -> str:
    """The message of a condition; empty if there is none of that type."""
    return next((each.get("message") or "" for each in status.get("conditions") or () if each.get("type") == type), "")


def _source_types(after: dict[str, Any], raw: RawApp, desired: Desired) -> None:
    after["sourceTypes"] = after["sourceType"] = None
    if (raw.get("spec") or {}).get("sources"):
        after["sourceTypes"] = list(desired.source_types)
    else:
        after["sourceType"] = desired.source_types[0] if desired.source_types else ""


def _as_json(value: Any) -> Any:
    """As it will come back from the API server: lists, not tuples."""
    return msgspec.json.decode(msgspec.json.encode(value))
