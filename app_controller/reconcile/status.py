"""What a visit found out, as the Application's status: pure, so that it is written only when it changed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from app_controller.desired import Desired
from gitops.manifest.annotations import REFRESH
from gitops.model.application import Application
from gitops.model.errors import GitOpsError
from gitops.model.merge import merge_patch
from gitops.model.moments import rfc3339
from gitops.model.status import AppCondition, AppHealth, AppSummary, HealthCode, ResourceStatus, SyncCode

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
    if error.reason in ("ClusterUnreachable", "ClusterUnknown") or not health.status:
        health = AppHealth(status=HealthCode.UNKNOWN, message=str(error))
    return Findings(
        sync_code=SyncCode.UNKNOWN,
        health=health,
        conditions=((error.condition, str(error)),),
    )


def status_patch(
    raw: RawApp, app: Application, findings: Findings, *, now: datetime, refreshed: bool
) -> dict[str, Any]:
    """The merge patch for the Application; empty when there is nothing new to tell.

    `refreshed`: somebody asked for this visit and waits for `reconciledAt` to move.
    """
    before: Mapping[str, Any] = raw.get("status") or {}
    after = dict(before)
    after["sync"] = _sync(before.get("sync") or {}, raw, findings)
    after["health"] = _health(before.get("health") or {}, findings.health, now)
    after["conditions"] = _conditions(before.get("conditions") or [], findings.conditions, now)
    if findings.resources is not None:
        after["resources"] = _as_json(findings.resources)
    if findings.summary is not None:
        after["summary"] = _as_json(findings.summary)
    if findings.desired is not None:
        _source_types(after, raw, findings.desired)
    after["resourceHealthSource"] = "appTree"
    patch = merge_patch(before, after)
    if patch or refreshed or _awaited(before) or "reconciledAt" not in before:
        patch["reconciledAt"] = rfc3339(now)
    result: dict[str, Any] = {"status": patch} if patch else {}
    if refreshed and REFRESH in app.metadata.annotations:
        result["metadata"] = {"annotations": {REFRESH: None}}
    return result


def conditions_patch(raw: RawApp, error: GitOpsError, *, now: datetime) -> dict[str, Any]:
    """For an Application that cannot even be read: only why."""
    before = (raw.get("status") or {}).get("conditions") or []
    after = _conditions(before, ((error.condition, str(error)),), now)
    return {"status": {"conditions": after}} if after != before else {}


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
    for type, message in found:
        same = next((each for each in present if each.get("type") == type and each.get("message") == message), None)
        kept.append(same or {"type": type, "message": message, "lastTransitionTime": rfc3339(now)})
    return kept or None


def _source_types(after: dict[str, Any], raw: RawApp, desired: Desired) -> None:
    if (raw.get("spec") or {}).get("sources"):
        after["sourceTypes"] = list(desired.source_types)
    else:
        after["sourceType"] = desired.source_types[0] if desired.source_types else ""


def _as_json(value: Any) -> Any:
    """As it will come back from the API server: lists, not tuples."""
    return msgspec.json.decode(msgspec.json.encode(value))


def error_conditions(conditions: Iterable[AppCondition]) -> tuple[AppCondition, ...]:
    return tuple(each for each in conditions if each.is_error)
