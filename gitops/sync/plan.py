"""The order of a sync: tasks become waves, and each wave a sequence of batches that run in parallel inside."""

from collections.abc import Iterable, Mapping
from enum import Enum
from itertools import groupby

import msgspec

from gitops.manifest.ordering import kind_rank
from gitops.model.resource import GroupKind
from gitops.sync.hooks import replaces_earlier
from gitops.sync.tasks import SyncTask, TaskId, batch_of


class Verb(Enum):
    """What a batch does to its objects."""

    TRY = "dry run"
    PRUNE = "prune"
    CLEAR = "clear"  # remove what an earlier run of a hook left behind
    APPLY = "apply"


class Batch(msgspec.Struct, frozen=True):
    verb: Verb
    tasks: tuple[SyncTask, ...]


class Wave(msgspec.Struct, frozen=True):
    phase: str
    number: int
    batches: tuple[Batch, ...]

    @property
    def tasks(self) -> tuple[SyncTask, ...]:
        """Each task once; clearing a hook's leftovers is part of its task, not one of its own."""
        return tuple(task for batch in self.batches if batch.verb is not Verb.CLEAR for task in batch.tasks)


def plan_waves(tasks: Iterable[SyncTask]) -> tuple[Wave, ...]:
    """Waves in the order they run: by phase, then number. Tasks settled beforehand have no place in it."""
    ordered = sorted((task for task in tasks if task.settled is None), key=_position)
    return tuple(
        _wave(members[0].phase, number, members)
        for (_, number), group in groupby(ordered, key=batch_of)
        if (members := tuple(group))
    )


def _position(task: SyncTask) -> tuple[tuple[int, int], int, TaskId]:
    return batch_of(task), kind_rank(task.key.kind), task.id


def _wave(phase: str, number: int, tasks: tuple[SyncTask, ...]) -> Wave:
    pruned = [task for task in tasks if task.prune]
    applied = [task for task in tasks if not task.prune]
    # What depends on others goes before them, the reverse of how it came.
    prunes = reversed([Batch(Verb.PRUNE, group) for group in _by_tier(pruned)])
    applies = [batch for group in _by_tier(applied) for batch in _apply_batches(group)]
    return Wave(phase, number, (*prunes, *applies))


def _by_tier(tasks: list[SyncTask]) -> list[tuple[SyncTask, ...]]:
    ordered = sorted(tasks, key=lambda task: tier(task.key.group_kind))
    return [tuple(group) for _, group in groupby(ordered, key=lambda task: tier(task.key.group_kind))]


def _apply_batches(tasks: tuple[SyncTask, ...]) -> Iterable[Batch]:
    to_clear = tuple(task for task in tasks if task.hook and task.desired and replaces_earlier(task.desired))
    if to_clear:
        yield Batch(Verb.CLEAR, to_clear)
    yield Batch(Verb.APPLY, tasks)


# Kinds of one tier do not need each other, so they are written in parallel; tiers run one after the other.
_TIERS: tuple[tuple[str, ...], ...] = (
    ("Namespace",),
    (
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
        "Role",
        "RoleList",
        "PriorityClass",
        "IngressClass",
    ),
    # A binding is refused while its role is missing; a Service comes before the pods that read its address.
    ("ClusterRoleBinding", "ClusterRoleBindingList", "RoleBinding", "RoleBindingList", "Service"),
    (
        "DaemonSet",
        "Pod",
        "ReplicationController",
        "ReplicaSet",
        "Deployment",
        "HorizontalPodAutoscaler",
        "StatefulSet",
        "Job",
        "CronJob",
        "Ingress",
    ),
)
_OTHERS = len(_TIERS)
# A webhook that is in force before its server is up refuses everything else.
_LAST = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")

_BUILT_IN_GROUPS = frozenset({"", "apps", "autoscaling", "batch", "extensions", "policy"})

_TIER_OF: Mapping[str, int] = {
    **{kind: number for number, kinds in enumerate(_TIERS) for kind in kinds},
    **dict.fromkeys(_LAST, _OTHERS + 1),
}


def tier(group_kind: GroupKind) -> int:
    """Custom resources come after everything built in, whatever their kind is called."""
    built_in = group_kind.group in _BUILT_IN_GROUPS or group_kind.group.endswith(".k8s.io")
    return _TIER_OF.get(group_kind.kind, _OTHERS) if built_in else _OTHERS
