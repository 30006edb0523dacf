"""Differences as unified diffs of YAML, one block per object."""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gitops.model.resource import ResourceKey, key_of
from tiphys.cli.output import yaml_text
from tiphys.cli.replies import ManagedResource

Json = Any


@dataclass(frozen=True)
class ObjectDiff:
    """One object's change: `lines` is empty where there is none."""

    key: ResourceKey
    change: str  # created | deleted | changed
    lines: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.key}: {CHANGES[self.change]}"


CHANGES: Mapping[str, str] = {
    "created": "would be created",
    "deleted": "not in Git; deleted by a sync with prune",
    "changed": "would change",
}


def differences(resources: Iterable[ManagedResource]) -> list[ObjectDiff]:
    """Live against what a sync would make of it, as the server predicted it; hooks are not state."""
    return [each for each in map(_live_difference, resources) if each is not None]


def _live_difference(resource: ManagedResource) -> ObjectDiff | None:
    live = _decoded(resource.normalized_live_state) or _decoded(resource.live_state)
    target = _decoded(resource.target_state)
    if resource.hook:
        return None
    predicted = (_decoded(resource.predicted_live_state) or target) if target else None
    key = ResourceKey(resource.group, resource.kind, resource.namespace, resource.name)
    return object_diff(key, live, predicted, labels=("live", "desired"))


def between_revisions(old: Iterable[Json], new: Iterable[Json], *, labels: tuple[str, str]) -> list[ObjectDiff]:
    """Manifests of two commits against each other."""
    before, after = {key_of(each): each for each in old}, {key_of(each): each for each in new}
    found = (object_diff(key, before.get(key), after.get(key), labels=labels) for key in sorted(before | after))
    return [each for each in found if each is not None]


def object_diff(key: ResourceKey, old: Json, new: Json, *, labels: tuple[str, str]) -> ObjectDiff | None:
    lines = tuple(_unified(_shown(old), _shown(new), labels))
    if not lines:
        return None
    change = "created" if not old else "deleted" if not new else "changed"
    return ObjectDiff(key, change, lines)


def _unified(old: str, new: str, labels: tuple[str, str]) -> Iterator[str]:
    return difflib.unified_diff(old.splitlines(), new.splitlines(), *labels, lineterm="")


def _shown(manifest: Json) -> str:
    """Keys in order, and without what only the API server writes."""
    if not manifest:
        return ""
    metadata = {key: value for key, value in (manifest.get("metadata") or {}).items() if key not in SERVER_MADE}
    return yaml_text(_sorted({**manifest, "metadata": metadata}))


SERVER_MADE = frozenset({"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"})


def _sorted(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


def _decoded(text: str) -> Json:
    return json.loads(text) if text else None


LINE_STYLES: tuple[tuple[str, str], ...] = (
    ("+++", "bold"),
    ("---", "bold"),
    ("@@", "cyan"),
    ("+", "green"),
    ("-", "red"),
)


def line_style(line: str) -> str:
    return next((style for start, style in LINE_STYLES if line.startswith(start)), "")
