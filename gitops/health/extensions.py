"""Health of what extends or steers a cluster: APIService, HorizontalPodAutoscaler, CustomResourceDefinition."""

import msgspec

from gitops.health.verdicts import HEALTHY, degraded, healthy, progressing
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
    if not found:
        return progressing("Waiting for the definition to be looked at")
    if (terminating := found.get("Terminating")) and terminating.status == "True":
        return progressing(terminating.message)
    for kind, bad in (("NamesAccepted", "False"), ("NonStructuralSchema", "True")):
        if (each := found.get(kind)) and each.status == bad:
            return degraded(f"{each.reason}: {each.message}")
    established = found.get("Established")
    if established is not None and established.status == "True":
        return HEALTHY
    if established is None or established.reason == "Installing" or established.status != "False":
        return progressing("Waiting to be established")
    return degraded(f"{established.reason}: {established.message}")
