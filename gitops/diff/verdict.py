"""The verdict is the diff: an object is Synced exactly when no field would change.

`live` is compared with `predicted`, what the API server says the object would be after applying. What the
server itself keeps about an object, and what the user told us to ignore, does not count.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from gitops.diff.field_removal import Path, removed
from gitops.diff.ignore import NO_RULES, ObjectRules
from gitops.diff.path_expressions import Found
from gitops.manifest.annotations import LAST_APPLIED
from gitops.manifest.normalize import SERVER_METADATA
from gitops.model.resource import Manifest

ABSENT = msgspec.UNSET

# What tells list items apart, in the order tried: a list is aligned by the first that all items have.
_ITEM_NAMES = ("name", "mountPath", "devicePath", "containerPort", "port", "key", "uid", "ip", "type", "topologyKey")

_PLAIN_STEP = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class FieldChange(msgspec.Struct, frozen=True):
    """One field that applying would change; `ABSENT` on the side that does not have it.

    The path is a path expression as `jqPathExpressions` takes it: `.spec.containers[0].image`.
    """

    path: str
    live: Any = ABSENT
    predicted: Any = ABSENT


class Difference(msgspec.Struct, frozen=True):
    """All fields that would change; false when there are none, which is what Synced means."""

    changes: tuple[FieldChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)


NO_DIFFERENCE = Difference()


def difference(
    live: Manifest,
    predicted: Manifest,
    rules: ObjectRules = NO_RULES,
    found: Found | None = None,
    immaterial: Sequence[Path] = (),
) -> Difference:
    """What applying would change in `live`, ignored fields and what is immaterial aside.

    `found` is where the rules' expressions lead.
    """
    before = comparable(live, live, rules, None if found is None else found.live)
    after = comparable(predicted, live, rules, None if found is None else found.predicted)
    if immaterial:
        before, after = _without(before, immaterial), _without(after, immaterial)
    if before == after and _same_types(before, after):
        return NO_DIFFERENCE
    return Difference(tuple(_changes(before, after, "")))


def comparable(manifest: Manifest, live: Manifest, rules: ObjectRules, found: Sequence[Path] | None = None) -> Manifest:
    """The part of a manifest that counts; `live` knows which manager owns what."""
    kept = {key: value for key, value in manifest.items() if key != "status" or not rules.ignores_status}
    metadata = {key: value for key, value in (manifest.get("metadata") or {}).items() if key not in SERVER_METADATA}
    annotations = metadata.get("annotations")
    if annotations and LAST_APPLIED in annotations:
        metadata["annotations"] = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
    if not metadata.get("annotations"):
        metadata.pop("annotations", None)
    kept["metadata"] = metadata
    return rules.apply(kept, live, found) if rules.removes_fields else kept


def _without(manifest: Manifest, paths: Sequence[Path]) -> Manifest:
    kept: dict[str, Any] = dict(removed(manifest, paths))
    kept["metadata"] = {
        key: value for key, value in kept["metadata"].items() if value or key not in ("annotations", "labels")
    }
    return kept


def _same_types(left: Any, right: Any) -> bool:
    # Python holds true equal to 1, and 1 equal to 1.0; only booleans differ in JSON.
    if isinstance(left, dict):
        return all(_same_types(value, right[key]) for key, value in left.items())
    if isinstance(left, list):
        return all(map(_same_types, left, right))
    return isinstance(left, bool) is isinstance(right, bool)


def _changes(live: Any, predicted: Any, path: str) -> Iterator[FieldChange]:
    if isinstance(live, Mapping) and isinstance(predicted, Mapping):
        for key in sorted(live.keys() | predicted.keys()):
            yield from _changes(live.get(key, ABSENT), predicted.get(key, ABSENT), path + _step(key))
    elif isinstance(live, list) and isinstance(predicted, list):
        yield from _list_changes(live, predicted, path)
    elif live != predicted or isinstance(live, bool) is not isinstance(predicted, bool):
        yield FieldChange(path or ".", live, predicted)


def _list_changes(live: list[Any], predicted: list[Any], path: str) -> Iterator[FieldChange]:
    name = _aligned_by(live, predicted)
    if name is None:
        for position in range(max(len(live), len(predicted))):
            before = live[position] if position < len(live) else ABSENT
            after = predicted[position] if position < len(predicted) else ABSENT
            yield from _changes(before, after, f"{path}[{position}]")
        return
    there = {item[name]: position for position, item in enumerate(predicted)}
    here = {item[name]: position for position, item in enumerate(live)}
    for position, item in enumerate(live):
        match = there.get(item[name])
        yield from _changes(item, ABSENT if match is None else predicted[match], f"{path}[{position}]")
    for position, item in enumerate(predicted):
        if item[name] not in here:
            yield from _changes(ABSENT, item, f"{path}[{position}]")
    if [key for key in here if key in there] != [key for key in there if key in here]:
        yield FieldChange(path, live, predicted)  # the same items in another order


def _aligned_by(live: list[Any], predicted: list[Any]) -> str | None:
    """The field that names the items of both lists uniquely, if there is one."""
    if not live or not predicted:
        return None
    for name in _ITEM_NAMES:
        if _names(live, name) and _names(predicted, name):
            return name
    return None


def _names(items: Iterable[Any], name: str) -> bool:
    values = [item.get(name) if isinstance(item, Mapping) else None for item in items]
    return all(isinstance(value, str | int) for value in values) and len(set(values)) == len(values)


def _step(key: str) -> str:
    if _PLAIN_STEP.fullmatch(key):
        return "." + key
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'["{escaped}"]'
