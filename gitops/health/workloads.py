"""Health of what runs containers: Deployment, StatefulSet, DaemonSet, ReplicaSet, Pod."""

from collections.abc import Mapping
from typing import Any

from gitops.health.conditions import generation_observed
from gitops.health.verdicts import HEALTHY, degraded, healthy, part, progressing, suspended, unknown, whole_number
from gitops.manifest.annotations import is_hook
from gitops.model.resource import Condition, Manifest, annotations_of, conditions_of, name_of
from gitops.model.status import Health

IGNORE_RESTART_POLICY = "argocd.argoproj.io/ignore-restart-policy"


def _condition(manifest: Manifest, kind: str) -> Condition | None:
    return next((each for each in conditions_of(manifest) if each.type == kind), None)


def deployment(manifest: Manifest) -> Health:
    spec, status = part(manifest, "spec"), part(manifest, "status")
    if spec.get("paused") is True:
        return suspended("Deployment is paused")
    if not generation_observed(manifest):
        return progressing("Waiting for the Deployment controller to see the newest spec")
    rollout = _condition(manifest, "Progressing")
    if rollout and rollout.reason == "ProgressDeadlineExceeded":
        return degraded(f'Deployment "{name_of(manifest)}" exceeded its progress deadline')
    replicas, updated = whole_number(status, "replicas"), whole_number(status, "updatedReplicas")
    available = whole_number(status, "availableReplicas")
    if "replicas" in spec and updated < (wanted := whole_number(spec, "replicas")):
        return progressing(f"Waiting for rollout to finish: {updated} of {wanted} replicas are updated")
    if replicas > updated:
        return progressing(f"Waiting for rollout to finish: {replicas - updated} old replicas still have to end")
    if available < updated:
        return progressing(f"Waiting for rollout to finish: {available} of {updated} updated replicas are available")
    return HEALTHY


def stateful_set(manifest: Manifest) -> Health:
    spec, status = part(manifest, "spec"), part(manifest, "status")
    if not whole_number(status, "observedGeneration") or not generation_observed(manifest):
        return progressing("Waiting for the StatefulSet controller to see the newest spec")
    wanted = whole_number(spec, "replicas") if "replicas" in spec else None
    ready, updated = whole_number(status, "readyReplicas"), whole_number(status, "updatedReplicas")
    if wanted is not None and ready < wanted:
        return progressing(f"Waiting for {wanted - ready} pods to be ready")
    strategy = part(spec, "updateStrategy")
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "RollingUpdate" and isinstance(rolling, Mapping):
        due = (wanted or 0) - whole_number(rolling, "partition")
        if wanted is not None and "partition" in rolling and updated < due:
            return progressing(f"Waiting for the partitioned rollout to finish: {updated} of {due} pods are updated")
        return healthy(f"Partitioned rollout complete: {updated} pods are updated")
    if strategy.get("type") == "OnDelete":
        return healthy(f"{ready} pods are ready")
    update, current = status.get("updateRevision", ""), status.get("currentRevision", "")
    if update != current:
        return progressing(f"Waiting for the rollout to finish: {updated} pods are at revision {update}")
    return healthy(f"Rollout complete: {whole_number(status, 'currentReplicas')} pods are at revision {current}")


def daemon_set(manifest: Manifest) -> Health:
    status = part(manifest, "status")
    if not generation_observed(manifest):
        return progressing("Waiting for the DaemonSet controller to see the newest spec")
    updated, wanted = whole_number(status, "updatedNumberScheduled"), whole_number(status, "desiredNumberScheduled")
    if part(part(manifest, "spec"), "updateStrategy").get("type") == "OnDelete":
        return healthy(f"{updated} of {wanted} pods are updated")
    if updated < wanted:
        return progressing(f"Waiting for rollout to finish: {updated} of {wanted} pods are updated")
    if (available := whole_number(status, "numberAvailable")) < wanted:
        return progressing(f"Waiting for rollout to finish: {available} of {wanted} pods are available")
    return HEALTHY


def replica_set(manifest: Manifest) -> Health:
    spec = part(manifest, "spec")
    if not generation_observed(manifest):
        return progressing("Waiting for the ReplicaSet controller to see the newest spec")
    failure = _condition(manifest, "ReplicaFailure")
    if failure and failure.status == "True":
        return degraded(failure.message)
    available = whole_number(part(manifest, "status"), "availableReplicas")
    if "replicas" in spec and available < (wanted := whole_number(spec, "replicas")):
        return progressing(f"Waiting for rollout to finish: {available} of {wanted} replicas are available")
    return HEALTHY


def pod(manifest: Manifest) -> Health:
    status, policy = part(manifest, "status"), part(manifest, "spec").get("restartPolicy", "Always")
    phase, message = status.get("phase"), str(status.get("message") or "")
    # A pod that ends by itself is usually a hook: a container that cannot start yet must not fail the hook.
    stays = policy == "Always" or (
        annotations_of(manifest).get(IGNORE_RESTART_POLICY) == "true" and not is_hook(manifest)
    )
    if stays and (stuck := _stuck_containers(status)):
        return degraded(", ".join(stuck))
    if phase == "Pending":
        return progressing(message)
    if phase == "Succeeded":
        return healthy(message)
    if phase == "Failed":
        return degraded(message or _first_failure(status))
    if phase == "Running" and stays:
        return _running(manifest, status, message)
    if phase == "Running" and policy in ("OnFailure", "Never"):
        return progressing(message)
    return unknown(message)


def _running(manifest: Manifest, status: Mapping[str, Any], message: str) -> Health:
    ready = _condition(manifest, "Ready")
    if ready and ready.status == "True":
        return healthy(message)
    if any(part(each, "lastState").get("terminated") for each in container_statuses(status)):
        return degraded(message)
    return progressing(message)


def container_statuses(status: Mapping[str, Any], field: str = "containerStatuses") -> list[Mapping[str, Any]]:
    found = status.get(field)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _stuck_containers(status: Mapping[str, Any]) -> list[str]:
    """What containers that wait because of an error have to say."""
    told = []
    for each in container_statuses(status):
        waiting = part(part(each, "state"), "waiting")
        reason = str(waiting.get("reason") or "")
        if reason.startswith("Err") or reason.endswith(("Error", "BackOff")):
            told.append(str(waiting.get("message") or reason))
    return told


def _first_failure(status: Mapping[str, Any]) -> str:
    for each in (*container_statuses(status, "initContainerStatuses"), *container_statuses(status)):
        ended = part(part(each, "state"), "terminated")
        if ended.get("message"):
            return str(ended["message"])
        if ended.get("reason") == "OOMKilled":
            return "OOMKilled"
        if code := whole_number(ended, "exitCode"):
            return f'container "{each.get("name", "")}" failed with exit code {code}'
    return ""
