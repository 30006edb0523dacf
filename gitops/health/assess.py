"""Is this live object well? One table of checks; a kind without a check has no health of its own."""

from collections.abc import Callable, Iterable, Mapping

from gitops.health import conditions, extensions, jobs, networking, rollouts, storage, workloads
from gitops.health.verdicts import progressing, unknown
from gitops.manifest.annotations import has_hook_finalizer
from gitops.model.errors import GitOpsError
from gitops.model.resource import GroupKind, Manifest, group_kind_of, is_deleting, version_of
from gitops.model.status import Health, HealthCode

Check = Callable[[Manifest], Health | None]

NO_OVERRIDES: Mapping[GroupKind, Check] = {}
ANY_VERSION = "*"

# By kind, and within it by version: a check of a built-in kind is right for the versions it was written for.
CHECKS: Mapping[GroupKind, Mapping[str, Check]] = {
    GroupKind("apps", "Deployment"): {"v1": workloads.deployment},
    GroupKind("apps", "StatefulSet"): {"v1": workloads.stateful_set},
    GroupKind("apps", "DaemonSet"): {"v1": workloads.daemon_set},
    GroupKind("apps", "ReplicaSet"): {"v1": workloads.replica_set},
    GroupKind("", "Pod"): {"v1": workloads.pod},
    GroupKind("batch", "Job"): {"v1": jobs.job},
    GroupKind("argoproj.io", "Workflow"): {"v1alpha1": jobs.workflow},
    GroupKind("", "Service"): {"v1": networking.service},
    GroupKind("networking.k8s.io", "Ingress"): {"v1": networking.ingress, "v1beta1": networking.ingress},
    GroupKind("extensions", "Ingress"): {"v1beta1": networking.ingress},
    GroupKind("", "PersistentVolumeClaim"): {"v1": storage.persistent_volume_claim},
    GroupKind("autoscaling", "HorizontalPodAutoscaler"): {
        "v1": extensions.horizontal_pod_autoscaler_v1,
        "v2": extensions.horizontal_pod_autoscaler,
    },
    GroupKind("apiregistration.k8s.io", "APIService"): {
        "v1": extensions.api_service,
        "v1beta1": extensions.api_service,
    },
    GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"): {"v1": extensions.custom_resource_definition},
    GroupKind("argoproj.io", "Rollout"): {ANY_VERSION: rollouts.rollout},
    GroupKind("argoproj.io", "AnalysisRun"): {ANY_VERSION: conditions.analysis_run},
    GroupKind("argoproj.io", "Experiment"): {ANY_VERSION: conditions.experiment},
    GroupKind("policy", "PodDisruptionBudget"): {ANY_VERSION: conditions.disruption_budget},
    GroupKind("batch", "CronJob"): {ANY_VERSION: jobs.cron_job},
    GroupKind("gateway.networking.k8s.io", "GatewayClass"): {ANY_VERSION: networking.gateway_class},
    GroupKind("gateway.networking.k8s.io", "Gateway"): {ANY_VERSION: networking.gateway},
    GroupKind("gateway.networking.k8s.io", "HTTPRoute"): {ANY_VERSION: networking.route},
    GroupKind("gateway.networking.k8s.io", "GRPCRoute"): {ANY_VERSION: networking.route},
    GroupKind("monitoring.coreos.com", "Prometheus"): {ANY_VERSION: conditions.prometheus},
    GroupKind("helm.toolkit.fluxcd.io", "HelmRelease"): {ANY_VERSION: conditions.flux},
    GroupKind("kustomize.toolkit.fluxcd.io", "Kustomization"): {ANY_VERSION: conditions.flux},
    **{
        GroupKind("source.toolkit.fluxcd.io", kind): {ANY_VERSION: conditions.flux}
        for kind in ("HelmRepository", "OCIRepository", "GitRepository", "HelmChart", "Bucket")
    },
    GroupKind("bitnami.com", "SealedSecret"): {ANY_VERSION: conditions.sealed_secret},
    GroupKind("external-secrets.io", "ExternalSecret"): {ANY_VERSION: conditions.external_secret},
    **{
        GroupKind("external-secrets.io", kind): {ANY_VERSION: conditions.ready}
        for kind in ("SecretStore", "ClusterSecretStore", "PushSecret")
    },
    GroupKind("cert-manager.io", "Certificate"): {ANY_VERSION: conditions.certificate},
    GroupKind("cert-manager.io", "Issuer"): {ANY_VERSION: conditions.ready},
    GroupKind("cert-manager.io", "ClusterIssuer"): {ANY_VERSION: conditions.ready},
}

_BADNESS = {code: rank for rank, code in enumerate(HealthCode.BY_BADNESS)}


def assess(manifest: Manifest, overrides: Mapping[GroupKind, Check] = NO_OVERRIDES) -> Health | None:
    """Overrides win; None for a kind without health. A check that cannot read its object says Unknown."""
    if is_deleting(manifest) and not has_hook_finalizer(manifest):
        return progressing("Pending deletion")
    kind = group_kind_of(manifest)
    try:
        if (override := overrides.get(kind)) and (health := override(manifest)) is not None:
            return health
        versions = CHECKS.get(kind)
        if versions is None:
            return None
        check = versions.get(version_of(manifest)) or versions.get(ANY_VERSION)
        if check is None:
            return unknown(f"no health check for {manifest.get('apiVersion')} {kind.kind}")
        return check(manifest)
    except GitOpsError as error:
        return unknown(str(error))


def has_health(kind: GroupKind, overrides: Mapping[GroupKind, Check] = NO_OVERRIDES) -> bool:
    """Whether objects of this kind can have health, so that their status must be watched."""
    return kind in CHECKS or kind in overrides


def is_worse(code: str, than: str) -> bool:
    return _BADNESS.get(code, _BADNESS[HealthCode.UNKNOWN]) > _BADNESS.get(than, _BADNESS[HealthCode.UNKNOWN])


def worst_of(codes: Iterable[str]) -> str:
    """The worst of them; Healthy if there are none. A code nobody knows counts as Unknown."""
    worst = max((_BADNESS.get(code, _BADNESS[HealthCode.UNKNOWN]) for code in codes), default=0)
    return HealthCode.BY_BADNESS[worst]
