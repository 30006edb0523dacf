"""Health of what extends or steers a cluster: APIService, HorizontalPodAutoscaler, CRD, common operators' kinds."""

import msgspec

from gitops.health.verdicts import HEALTHY, degraded, healthy, part, progressing, suspended, whole_number
from gitops.model.errors import InvalidSpec
from gitops.model.resource import Condition, Manifest, annotations_of, conditions_of
from gitops.model.status import Health

_SCALER_FAILURES = frozenset(
    {
        ("AbleToScale", "FailedGetScale"),
        ("AbleToScale", "FailedUpdateScale"),
        ("ScalingActive", "FailedGetResourceMetric"),
        ("ScalingActive", "FailedGetObjectMetric"),
        ("ScalingActive", "FailedGetPodsMetric"),
        ("ScalingActive", "FailedGetExternalMetric"),
        ("ScalingActive", "FailedComputeMetricsReplicas"),
        ("ScalingActive", "InvalidSelector"),
    }
)
_V1_CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"


def horizontal_pod_autoscaler(manifest: Manifest) -> Health:
    return _scaler(conditions_of(manifest))


def horizontal_pod_autoscaler_v1(manifest: Manifest) -> Health:
    # autoscaling/v1 has no room for conditions: the API server keeps them in an annotation.
    text = annotations_of(manifest).get(_V1_CONDITIONS)
    if not text:
        return _scaler(())
    try:
        return _scaler(msgspec.json.decode(text, type=tuple[Condition, ...]))
    except msgspec.MsgspecError:
        raise InvalidSpec(f"the annotation {_V1_CONDITIONS} does not hold conditions") from None


def _scaler(conditions: tuple[Condition, ...]) -> Health:
    for each in conditions:
        if (each.type, each.reason) in _SCALER_FAILURES:
            return degraded(each.message)
    for each in conditions:
        if each.type in ("AbleToScale", "ScalingLimited") and each.status == "True":
            return healthy(each.message)
    return progressing("Waiting to autoscale")


def api_service(manifest: Manifest) -> Health:
    for each in conditions_of(manifest):
        if each.type == "Available":
            verdict = healthy if each.status == "True" else progressing
            return verdict(f"{each.reason}: {each.message}")
    return progressing("Waiting to be processed")


def custom_resource_definition(manifest: Manifest) -> Health:
    """Established and its names accepted; before that, objects of the new kind are refused."""
    found = {each.type: each for each in conditions_of(manifest)}
    if (names := found.get("NamesAccepted")) and names.status == "False":
        return degraded(f"{names.reason}: {names.message}")
    if (terminating := found.get("Terminating")) and terminating.status == "True":
        return progressing(terminating.message)
    if (established := found.get("Established")) and established.status == "True":
        return HEALTHY
    return progressing("Waiting to be established")


def sealed_secret(manifest: Manifest) -> Health:
    status = part(manifest, "status")
    synced = next((each for each in conditions_of(manifest) if each.type == "Synced"), None)
    if synced and synced.status == "False":
        return degraded(synced.message)
    behind = whole_number(status, "observedGeneration") < whole_number(part(manifest, "metadata"), "generation")
    if synced is None or behind:
        return progressing("Waiting for the Sealed Secrets controller")
    return healthy(synced.message)


def ready_condition(manifest: Manifest) -> Health:
    """The many kinds that sum themselves up in one condition: Ready."""
    ready = next((each for each in conditions_of(manifest) if each.type == "Ready"), None)
    if ready is None:
        return progressing("Waiting for a Ready condition")
    if ready.status == "True":
        return healthy(ready.message)
    return degraded(ready.message) if ready.status == "False" else progressing(ready.message)


def certificate(manifest: Manifest) -> Health:
    """cert-manager: while an issuance runs, Ready=False is not yet a failure."""
    found = {each.type: each for each in conditions_of(manifest)}
    if (issuing := found.get("Issuing")) and issuing.status == "True":
        return progressing(issuing.message)
    return ready_condition(manifest)


_ROLLOUT_PHASES = {"Healthy": healthy, "Paused": suspended, "Degraded": degraded, "Progressing": progressing}


def rollout(manifest: Manifest) -> Health:
    """Argo Rollouts; its phase speaks of an older spec until `observedGeneration` (a text) has caught up."""
    status, metadata = part(manifest, "status"), part(manifest, "metadata")
    if str(status.get("observedGeneration") or "") != str(metadata.get("generation") or ""):
        return progressing("Waiting for the Rollouts controller to see the newest spec")
    verdict = _ROLLOUT_PHASES.get(str(status.get("phase") or ""), progressing)
    return verdict(str(status.get("message") or ""))
