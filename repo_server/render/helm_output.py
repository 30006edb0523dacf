"""What helm renders, as objects in the order helm installs them: CRDs, resources by kind, then hooks."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gitops.manifest.decode import decode_rendered, decode_text
from gitops.model.repository import SkippedFile
from gitops.model.resource import Manifest, annotations_of, kind_of
from repo_server.render.jobs import Output

HOOK = "helm.sh/hook"

# Helm's own order of installation; not the order in which we sync.
INSTALL_ORDER = (
    "PriorityClass Namespace NetworkPolicy ResourceQuota LimitRange PodSecurityPolicy PodDisruptionBudget "
    "ServiceAccount Secret SecretList ConfigMap StorageClass PersistentVolume PersistentVolumeClaim "
    "CustomResourceDefinition ClusterRole ClusterRoleList ClusterRoleBinding ClusterRoleBindingList Role RoleList "
    "RoleBinding RoleBindingList Service DaemonSet Pod ReplicationController ReplicaSet Deployment "
    "HorizontalPodAutoscaler StatefulSet Job CronJob IngressClass Ingress APIService "
    "MutatingWebhookConfiguration ValidatingWebhookConfiguration"
)
_RANKS: Mapping[str, int] = {kind: rank for rank, kind in enumerate(INSTALL_ORDER.split())}

HOOK_EVENTS = frozenset(
    f"{when}-{what}" for when in ("pre", "post") for what in ("install", "upgrade", "delete", "rollback")
) | {"test", "test-success"}
TEST_EVENTS = frozenset({"test", "test-success"})

_SEPARATOR = re.compile(r"(?:^|\s*\n)---\s*")
_SOURCE = re.compile(r"^# Source: (.+)$", re.MULTILINE)


class Templates(NamedTuple):
    """Rendered text by template, before it is split into objects."""

    crds: Sequence[tuple[str, str]]
    templates: Mapping[str, str]
    sorted: bool = False  # helm has put them in order already


def templates_of_command(output: bytes) -> Templates:
    """The command prints one stream; `# Source:` lines say where each part comes from."""
    text = decode_text(output, "helm template")
    parts: list[tuple[str, str]] = []
    for part in _SEPARATOR.split("\n" + text):
        named = _SOURCE.search(part)
        parts.append((named[1] if named else "helm template", part))
    return Templates(parts, {}, sorted=True)


def ordered(rendered: Templates, *, skip_tests: bool) -> Output:
    found: list[Manifest] = []
    for file, text in rendered.crds:
        found.extend(_objects(text, file))
    resources: list[tuple[str, Manifest]] = []
    for file in sorted(rendered.templates):
        if not file.rpartition("/")[2].startswith("_"):
            for part in _SEPARATOR.split("\n" + rendered.templates[file]):
                resources.extend((file, each) for each in _objects(part, file))
    hooks = [(file, each) for file, each in resources if HOOK in annotations_of(each)]
    known = [each for _, each in hooks if _events(each) <= HOOK_EVENTS]
    plain = [each for _, each in resources if HOOK not in annotations_of(each)]
    found += [*sorted(plain, key=_rank), *sorted(known, key=_rank)]
    wanted = [each for each in found if not (skip_tests and _events(each) & TEST_EVENTS)]
    return Output(wanted, [_unknown_hook(file, each) for file, each in hooks if not _events(each) <= HOOK_EVENTS])


def _unknown_hook(file: str, manifest: Manifest) -> SkippedFile:
    unknown = ", ".join(sorted(_events(manifest) - HOOK_EVENTS))
    return SkippedFile(file, f"its {kind_of(manifest)} is a hook for `{unknown}`, which is no event of Helm")


def _objects(text: str, file: str) -> list[Manifest]:
    # Helm trims every document and ends it with one line break, which a text at its end may depend on.
    return decode_rendered(text.strip() + "\n", file)


def _events(manifest: Manifest) -> frozenset[str]:
    written = annotations_of(manifest).get(HOOK, "")
    return frozenset(each.strip().lower() for each in str(written).split(",") if each.strip())


def _rank(manifest: Manifest) -> tuple[int, str]:
    """Known kinds by rank, unknown ones behind them by name; equal ones stay as they stand."""
    kind = kind_of(manifest)
    rank = _RANKS.get(kind)
    return (len(_RANKS), kind) if rank is None else (rank, "")
