"""Health of Argo Rollouts' Rollout, from the versions that sum it up in a phase back to those that do not."""

from collections.abc import Mapping
from typing import Any

from gitops.health.verdicts import degraded, healthy, part, progressing, suspended, unknown, whole_number
from gitops.model.numbers import count_of
from gitops.model.resource import Manifest, annotations_of, conditions_of
from gitops.model.status import Health

_WORKLOAD_GENERATION = "rollout.argoproj.io/workload-generation"
_PHASES = {"Healthy": healthy, "Paused": suspended, "Degraded": degraded, "Progressing": progressing}
_FAILURES = frozenset({"RolloutAborted", "ProgressDeadlineExceeded"})


def rollout(manifest: Manifest) -> Health:
    status = part(manifest, "status")
    if not status or not _is_observed(manifest, status) or not _workload_is_observed(manifest, status):
        return progressing("Waiting for the Rollouts controller to see the newest spec")
    if phase := str(status.get("phase") or ""):
        verdict = _PHASES.get(phase, unknown)
        return verdict(str(status.get("message") or ""))
    return _before_phases(manifest, part(manifest, "spec"), status)


def _is_observed(manifest: Manifest, status: Mapping[str, Any]) -> bool:
    """`observedGeneration` is a number in a text; up to v0.9 it was a hash, which tells nothing."""
    generation = whole_number(part(manifest, "metadata"), "generation")
    observed = _number(status.get("observedGeneration"))
    return observed is None or observed >= generation


def _workload_is_observed(manifest: Manifest, status: Mapping[str, Any]) -> bool:
    annotations = annotations_of(manifest)
    if not part(manifest, "spec").get("workloadRef") or not annotations:
        return True
    return _number(annotations.get(_WORKLOAD_GENERATION)) == _number(status.get("workloadObservedGeneration"))


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else count_of(value)


def _before_phases(manifest: Manifest, spec: Mapping[str, Any], status: Mapping[str, Any]) -> Health:
    """Up to v0.10 one had to look at the conditions, the pauses and the replicas."""
    for each in conditions_of(manifest):
        if each.type == "InvalidSpec" or (each.type == "Progressing" and each.reason in _FAILURES):
            return degraded(each.message)
    if status.get("pauseConditions") or spec.get("paused") is True:
        return suspended("Rollout is paused")
    if not status.get("currentPodHash"):
        return progressing("Waiting for the Rollouts controller")
    return _replicas(spec, status) or _strategy(spec, status) or healthy()


def _replicas(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Health | None:
    wanted = whole_number(spec, "replicas") if "replicas" in spec else 1
    updated, available = whole_number(status, "updatedReplicas"), whole_number(status, "availableReplicas")
    if updated < wanted:
        return progressing(f"Waiting for rollout to finish: {updated} of {wanted} replicas are updated")
    if available < updated:
        return progressing(f"Waiting for rollout to finish: {available} of {updated} updated replicas are available")
    return None


def _strategy(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Health | None:
    strategy, current = part(spec, "strategy"), status.get("currentPodHash")
    stable = status.get("stableRS") or part(status, "canary").get("stableRS") or ""
    if "blueGreen" in strategy:
        if part(status, "blueGreen").get("activeSelector") != current:
            return progressing("The active service still has to be switched over")
        return progressing("Waiting for the analysis to end") if stable not in ("", current) else None
    if "canary" in strategy:
        old = whole_number(status, "replicas") - whole_number(status, "updatedReplicas")
        if old > 0:
            return progressing(f"Waiting for rollout to finish: {old} old replicas still have to end")
        return progressing("Waiting for the steps of the rollout to end") if stable != current else None
    return None
