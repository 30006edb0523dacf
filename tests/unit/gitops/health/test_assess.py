"""Every row of the health table, on objects as clusters hold them."""

from typing import Any

import pytest

from gitops.health.assess import ANY_VERSION, CHECKS, assess, has_health, worst_of
from gitops.model.errors import InvalidSpec
from gitops.model.resource import GroupKind
from gitops.model.status import Health, HealthCode

HEALTHY, PROGRESSING, DEGRADED = HealthCode.HEALTHY, HealthCode.PROGRESSING, HealthCode.DEGRADED
SUSPENDED, UNKNOWN = HealthCode.SUSPENDED, HealthCode.UNKNOWN

Manifest = dict[str, Any]


def live(api_version: str, kind: str, spec: Any = None, status: Any = None, **metadata: Any) -> Manifest:
    found: Manifest = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "it", **metadata}}
    return found | ({"spec": spec} if spec is not None else {}) | ({"status": status} if status is not None else {})


def condition(kind: str, status: str = "True", reason: str = "", message: str = "") -> Manifest:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def deployment(status: Manifest, generation: int = 2, **spec: Any) -> Manifest:
    return live("apps/v1", "Deployment", {"replicas": 2, **spec}, status, generation=generation)


ROLLED = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}


def stateful(status: Manifest, strategy: Manifest | None = None) -> Manifest:
    spec = {"replicas": 3, "updateStrategy": strategy or {"type": "RollingUpdate"}}
    full = {"observedGeneration": 1, "readyReplicas": 3, "updateRevision": "r2", "currentRevision": "r2", **status}
    return live("apps/v1", "StatefulSet", spec, full, generation=1)


def daemon(status: Manifest, strategy: str = "RollingUpdate") -> Manifest:
    full = {"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}
    return live("apps/v1", "DaemonSet", {"updateStrategy": {"type": strategy}}, full | status, generation=1)


def pod(phase: str, policy: str = "Always", containers: list[Manifest] | None = None, **status: Any) -> Manifest:
    full = {"phase": phase, "containerStatuses": containers or [], **status}
    return live("v1", "Pod", {"restartPolicy": policy}, full)


def waiting(reason: str, message: str = "") -> Manifest:
    return {"name": "main", "state": {"waiting": {"reason": reason, "message": message}}}


READY = [condition("Ready")]


def scaler(*conditions: Manifest) -> Manifest:
    return live("autoscaling/v2", "HorizontalPodAutoscaler", {}, {"conditions": list(conditions)})


def scaler_v1(text: str) -> Manifest:
    annotations = {"autoscaling.alpha.kubernetes.io/conditions": text}
    return live("autoscaling/v1", "HorizontalPodAutoscaler", {}, {}, annotations=annotations)


def job(*conditions: Manifest) -> Manifest:
    return live("batch/v1", "Job", {}, {"conditions": list(conditions)})


def ingress(api_version: str, *addresses: Manifest) -> Manifest:
    return live(api_version, "Ingress", {}, {"loadBalancer": {"ingress": list(addresses)} if addresses else {}})


def rollout(phase: str, observed: str = "3") -> Manifest:
    status = {"phase": phase, "observedGeneration": observed}
    return live("argoproj.io/v1alpha1", "Rollout", {}, status, generation=3)


CASES: dict[str, tuple[Manifest, str | None]] = {
    "deployment rolled out": (deployment(ROLLED), HEALTHY),
    "deployment paused": (deployment(ROLLED, paused=True), SUSPENDED),
    "deployment generation not observed": (deployment(ROLLED | {"observedGeneration": 1}), PROGRESSING),
    "deployment without status": (deployment({}), PROGRESSING),
    "deployment replicas not updated": (deployment(ROLLED | {"updatedReplicas": 1}), PROGRESSING),
    "deployment old replicas left": (deployment(ROLLED | {"replicas": 3}), PROGRESSING),
    "deployment updated not available": (deployment(ROLLED | {"availableReplicas": 1}), PROGRESSING),
    "deployment past its deadline": (
        deployment(ROLLED | {"conditions": [condition("Progressing", "False", "ProgressDeadlineExceeded")]}),
        DEGRADED,
    ),
    "deployment scaled to zero": (deployment({"observedGeneration": 2}, replicas=0), HEALTHY),
    "statefulset at its revision": (stateful({}), HEALTHY),
    "statefulset not observed": (stateful({"observedGeneration": 0}), PROGRESSING),
    "statefulset pods not ready": (stateful({"readyReplicas": 2}), PROGRESSING),
    "statefulset old revision": (stateful({"currentRevision": "r1"}), PROGRESSING),
    "statefulset on delete": (stateful({"currentRevision": "r1"}, {"type": "OnDelete"}), HEALTHY),
    "statefulset partition waits": (
        stateful({"updatedReplicas": 0}, {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}),
        PROGRESSING,
    ),
    "statefulset partition done, revisions differ": (
        stateful(
            {"updatedReplicas": 1, "currentRevision": "r1"},
            {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}},
        ),
        HEALTHY,
    ),
    "daemonset everywhere": (daemon({}), HEALTHY),
    "daemonset not observed": (daemon({"observedGeneration": 0}), PROGRESSING),
    "daemonset not updated": (daemon({"updatedNumberScheduled": 1}), PROGRESSING),
    "daemonset not available": (daemon({"numberAvailable": 1}), PROGRESSING),
    "daemonset on delete": (daemon({"updatedNumberScheduled": 0}, "OnDelete"), HEALTHY),
    "replicaset available": (
        live("apps/v1", "ReplicaSet", {"replicas": 1}, {"observedGeneration": 1, "availableReplicas": 1}, generation=1),
        HEALTHY,
    ),
    "replicaset not available": (
        live("apps/v1", "ReplicaSet", {"replicas": 1}, {"observedGeneration": 1}, generation=1),
        PROGRESSING,
    ),
    "replicaset not observed": (live("apps/v1", "ReplicaSet", {"replicas": 1}, {}, generation=1), PROGRESSING),
    "replicaset cannot make pods": (
        live(
            "apps/v1",
            "ReplicaSet",
            {"replicas": 1},
            {"observedGeneration": 1, "conditions": [condition("ReplicaFailure", message="quota")]},
            generation=1,
        ),
        DEGRADED,
    ),
    "pod ready": (pod("Running", conditions=READY), HEALTHY),
    "pod pending": (pod("Pending"), PROGRESSING),
    "pod cannot pull": (pod("Pending", containers=[waiting("ImagePullBackOff", "no such image")]), DEGRADED),
    "pod cannot pull at all": (pod("Pending", containers=[waiting("ErrImagePull")]), DEGRADED),
    "pod misconfigured": (pod("Pending", containers=[waiting("CreateContainerConfigError")]), DEGRADED),
    "pod starting": (pod("Pending", containers=[waiting("ContainerCreating")]), PROGRESSING),
    "pod that ends by itself cannot pull": (
        pod("Pending", "Never", [waiting("ImagePullBackOff")]),
        PROGRESSING,
    ),
    "pod not ready yet": (pod("Running", conditions=[condition("Ready", "False")]), PROGRESSING),
    "pod crashed before": (
        pod("Running", containers=[{"name": "main", "lastState": {"terminated": {"exitCode": 1}}}]),
        DEGRADED,
    ),
    "pod that ends by itself runs": (pod("Running", "OnFailure", conditions=READY), PROGRESSING),
    "pod succeeded": (pod("Succeeded", "Never"), HEALTHY),
    "pod failed": (pod("Failed", "Never"), DEGRADED),
    "pod in no phase": (pod(""), UNKNOWN),
    "service of type ClusterIP": (live("v1", "Service", {"type": "ClusterIP"}, {"loadBalancer": {}}), HEALTHY),
    "service waits for its balancer": (
        live("v1", "Service", {"type": "LoadBalancer"}, {"loadBalancer": {}}),
        PROGRESSING,
    ),
    "service has its balancer": (
        live("v1", "Service", {"type": "LoadBalancer"}, {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}),
        HEALTHY,
    ),
    "ingress without address": (ingress("networking.k8s.io/v1"), PROGRESSING),
    "ingress with address": (ingress("networking.k8s.io/v1", {"hostname": "lb"}), HEALTHY),
    "old ingress with address": (ingress("extensions/v1beta1", {"ip": "10.0.0.1"}), HEALTHY),
    "claim bound": (live("v1", "PersistentVolumeClaim", {}, {"phase": "Bound"}), HEALTHY),
    "claim pending": (live("v1", "PersistentVolumeClaim", {}, {"phase": "Pending"}), PROGRESSING),
    "claim lost": (live("v1", "PersistentVolumeClaim", {}, {"phase": "Lost"}), DEGRADED),
    "claim without phase": (live("v1", "PersistentVolumeClaim", {}), UNKNOWN),
    "scaler scales": (scaler(condition("AbleToScale"), condition("ScalingActive")), HEALTHY),
    "scaler at its limit": (scaler(condition("AbleToScale", "False"), condition("ScalingLimited")), HEALTHY),
    "scaler new": (scaler(), PROGRESSING),
    "scaler without metrics": (
        scaler(condition("AbleToScale"), condition("ScalingActive", "False", "FailedGetResourceMetric")),
        DEGRADED,
    ),
    "scaler without target": (scaler(condition("AbleToScale", "False", "FailedGetScale")), DEGRADED),
    "scaler v1 without annotation": (live("autoscaling/v1", "HorizontalPodAutoscaler", {}), PROGRESSING),
    "scaler v1 scales": (scaler_v1('[{"type":"AbleToScale","status":"True"}]'), HEALTHY),
    "scaler v1 cannot": (scaler_v1('[{"type":"ScalingActive","reason":"InvalidSelector"}]'), DEGRADED),
    "scaler v1 unreadable": (scaler_v1("{"), UNKNOWN),
    "scaler of a version without check": (live("autoscaling/v2beta2", "HorizontalPodAutoscaler", {}), UNKNOWN),
    "job running": (job(), PROGRESSING),
    "job complete": (job(condition("Complete")), HEALTHY),
    "job failed": (job(condition("Failed", message="too often")), DEGRADED),
    "job suspended": (job(condition("Suspended")), SUSPENDED),
    "job failed while suspended": (job(condition("Suspended"), condition("Failed")), DEGRADED),
    "api service available": (
        live("apiregistration.k8s.io/v1", "APIService", {}, {"conditions": [condition("Available")]}),
        HEALTHY,
    ),
    "api service down": (
        live("apiregistration.k8s.io/v1", "APIService", {}, {"conditions": [condition("Available", "False")]}),
        PROGRESSING,
    ),
    "api service new": (live("apiregistration.k8s.io/v1beta1", "APIService", {}), PROGRESSING),
    "workflow running": (live("argoproj.io/v1alpha1", "Workflow", {}, {"phase": "Running"}), PROGRESSING),
    "workflow new": (live("argoproj.io/v1alpha1", "Workflow", {}), PROGRESSING),
    "workflow succeeded": (live("argoproj.io/v1alpha1", "Workflow", {}, {"phase": "Succeeded"}), HEALTHY),
    "workflow failed": (live("argoproj.io/v1alpha1", "Workflow", {}, {"phase": "Error"}), DEGRADED),
    "crd established": (
        live("apiextensions.k8s.io/v1", "CustomResourceDefinition", {}, {"conditions": [condition("Established")]}),
        HEALTHY,
    ),
    "crd name taken": (
        live(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            {},
            {"conditions": [condition("NamesAccepted", "False", "PluralConflict")]},
        ),
        DEGRADED,
    ),
    "crd new": (live("apiextensions.k8s.io/v1", "CustomResourceDefinition", {}), PROGRESSING),
    "rollout healthy": (rollout("Healthy"), HEALTHY),
    "rollout paused": (rollout("Paused"), SUSPENDED),
    "rollout degraded": (rollout("Degraded"), DEGRADED),
    "rollout speaks of an older spec": (rollout("Healthy", observed="2"), PROGRESSING),
    "sealed secret opened": (
        live(
            "bitnami.com/v1alpha1", "SealedSecret", {}, {"observedGeneration": 1, "conditions": [condition("Synced")]}
        ),
        HEALTHY,
    ),
    "sealed secret without key": (
        live("bitnami.com/v1alpha1", "SealedSecret", {}, {"conditions": [condition("Synced", "False")]}),
        DEGRADED,
    ),
    "external secret ready": (
        live("external-secrets.io/v1", "ExternalSecret", {}, {"conditions": [condition("Ready")]}),
        HEALTHY,
    ),
    "certificate being issued": (
        live(
            "cert-manager.io/v1",
            "Certificate",
            {},
            {"conditions": [condition("Ready", "False"), condition("Issuing")]},
        ),
        PROGRESSING,
    ),
    "a kind without health": (live("v1", "ConfigMap"), None),
    "deletion is under way": (deployment(ROLLED) | {"metadata": {"deletionTimestamp": "now"}}, PROGRESSING),
    "a hook waits for its finalizer": (
        job(condition("Complete"))
        | {"metadata": {"deletionTimestamp": "now", "finalizers": ["argocd.argoproj.io/hook-finalizer"]}},
        HEALTHY,
    ),
}


@pytest.mark.parametrize(("manifest", "code"), CASES.values(), ids=CASES.keys())
def test_a_live_object_is_as_well_as_its_status_says(manifest: Manifest, code: str | None) -> None:
    health = assess(manifest)
    assert (health.status if health else None) == code


def test_every_kind_whose_versions_are_told_apart_has_a_case() -> None:
    covered = {(each["apiVersion"].rpartition("/")[0], each["kind"]) for each, _ in CASES.values()}
    by_version = {tuple(kind) for kind, versions in CHECKS.items() if ANY_VERSION not in versions}
    assert by_version <= covered


@pytest.mark.parametrize("status", [None, [], "broken", {"conditions": {}}, {"conditions": [1, None]}])
@pytest.mark.parametrize("kind", CHECKS, ids=str)
def test_a_status_in_no_known_shape_never_raises(kind: GroupKind, status: Any) -> None:
    version = next(each for each in CHECKS[kind])
    manifest = live(f"{kind.group}/{'v1' if version == '*' else version}".lstrip("/"), kind.kind, status, status)
    health = assess(manifest)
    assert health is not None
    assert health.status in HealthCode.BY_BADNESS


def test_messages_name_what_is_missing() -> None:
    stuck = assess(pod("Pending", containers=[waiting("ImagePullBackOff", 'cannot pull "app:2"')]))
    assert stuck == Health(DEGRADED, 'cannot pull "app:2"')
    failed = assess(pod("Failed", containers=[{"name": "main", "state": {"terminated": {"exitCode": 3}}}]))
    assert failed == Health(DEGRADED, 'container "main" failed with exit code 3')


def test_an_override_wins_and_may_decline() -> None:
    kind = GroupKind("apps", "Deployment")
    assert assess(deployment(ROLLED), {kind: lambda _: Health(SUSPENDED)}) == Health(SUSPENDED)
    assert assess(deployment(ROLLED), {kind: lambda _: None}) == Health(HEALTHY)
    assert has_health(GroupKind("x.io", "Y"), {GroupKind("x.io", "Y"): lambda _: None})


def test_an_override_that_fails_says_unknown() -> None:
    def broken(_: Any) -> Health:
        raise InvalidSpec("the script is wrong")

    assert assess(live("v1", "ConfigMap"), {GroupKind("", "ConfigMap"): broken}) == Health(
        UNKNOWN, "the script is wrong"
    )


def test_the_worst_of_nothing_is_healthy_and_of_a_stranger_unknown() -> None:
    assert worst_of([]) == HEALTHY
    assert worst_of([HEALTHY, "Splendid"]) == UNKNOWN
