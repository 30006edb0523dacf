"""The rank of kinds: what others need comes first, what stands in their way comes last."""

from gitops.model.resource import ResourceKey

_FIRST_TO_LAST = (
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
)

_RANKS = {kind: position - len(_FIRST_TO_LAST) for position, kind in enumerate(_FIRST_TO_LAST)}


def kind_rank(kind: str) -> int:
    """Negative for the kinds with a place of their own; all others come after them."""
    return _RANKS.get(kind, 0)


def order_key(key: ResourceKey) -> tuple[int, ResourceKey]:
    """Sorts objects into the order they are applied in, within one wave."""
    return kind_rank(key.kind), key
