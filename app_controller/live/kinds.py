"""Which kinds are watched, and how much of their objects is kept."""

import asyncio
from datetime import datetime

from gitops.model.errors import GitOpsError
from gitops.model.resource import GroupKind, ResourceType

# Kept whole because they carry health, make up trees, or are what nearly every application holds.
WHOLE_KINDS = frozenset(
    GroupKind(group, kind)
    for group, kinds in {
        "": ("Pod", "Service", "PersistentVolumeClaim", "ConfigMap", "ServiceAccount", "Secret", "Namespace"),
        "apps": ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"),
        "batch": ("Job", "CronJob"),
        "autoscaling": ("HorizontalPodAutoscaler",),
        "networking.k8s.io": ("Ingress",),
    }.items()
    for kind in kinds
)
DEFINES_KINDS = frozenset(
    {
        GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"),
        GroupKind("apiregistration.k8s.io", "APIService"),
    }
)


class WatchedKind:
    """One watched kind: its task's state as the mirror needs to know it."""

    def __init__(self, type: ResourceType, whole: bool) -> None:
        self.type = type
        self.whole = whole
        self.listed = asyncio.Event()  # the first list is in, or has failed
        self.worked = False
        self.error: GitOpsError | None = None
        self.broken_since: datetime | None = None
        self.task: asyncio.Task[None] | None = None


def api_versions(types: tuple[ResourceType, ...]) -> tuple[str, ...]:
    """As Helm's `.Capabilities.APIVersions` wants them: `apps/v1` and `apps/v1/Deployment`."""
    found: set[str] = set()
    for each in types:
        version = f"{each.group}/{each.version}" if each.group else each.version
        found |= {version, f"{version}/{each.kind}"}
    return tuple(sorted(found))


def lean(manifest: dict[str, object]) -> dict[str, object]:
    """Drops what only matters for objects someone manages."""
    metadata = manifest.get("metadata")
    if isinstance(metadata, dict) and "managedFields" in metadata and not _is_tracked(metadata):
        del metadata["managedFields"]
    return manifest


def _is_tracked(metadata: dict[str, object]) -> bool:
    annotations = metadata.get("annotations")
    labels = metadata.get("labels")
    return bool(
        (isinstance(annotations, dict) and "argocd.argoproj.io/tracking-id" in annotations)
        or (isinstance(labels, dict) and "app.kubernetes.io/instance" in labels)
    )
