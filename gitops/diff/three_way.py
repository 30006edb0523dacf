"""Last-applied, desired and live -> live as a client-side apply would leave it.

The fallback for what server-side apply refuses: lists with the same key twice, custom resources without a
structural schema. Fields dropped since the last apply go, fields others added stay.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from gitops.diff.quantities import QUANTITY_MAPS, same_quantity
from gitops.manifest.annotations import LAST_APPLIED
from gitops.manifest.normalize import BUILT_IN_GROUPS
from gitops.model.resource import Manifest, annotations_of, group_of

# What tells the items of a built-in kind's list apart. Lists that are not here are replaced as a whole.
_MERGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "ports": ("containerPort", "port"),
    "imagePullSecrets": ("name",),
    "secrets": ("name",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey",),
    "webhooks": ("name",),
    "ownerReferences": ("uid",),
}

_IDENTITY = frozenset({"apiVersion", "kind"})
_LONGEST_ANNOTATION = 200_000  # the API server allows 256 KiB for all annotations together


def predict(desired: Manifest, live: Manifest) -> Manifest:
    """What `live` becomes when the patch of `three_way_patch` is sent."""
    merge = _Merge(group_of(desired) in BUILT_IN_GROUPS)
    wanted = {key: value for key, value in desired.items() if key not in _IDENTITY}
    return merge.maps(last_applied(live), wanted, live)


def three_way_patch(desired: Manifest, live: Manifest) -> dict[str, Any] | None:
    """A JSON merge patch (RFC 7386) for `live`; None when there is nothing to do."""
    return merge_patch(live, _recorded(desired, predict(desired, live), live)) or None


def recorded(desired: Manifest) -> Manifest:
    """`desired` as it is created, with the record that the next three-way merge starts from."""
    return _recorded(desired, desired, {})


def last_applied(live: Manifest) -> Manifest:
    """What was applied last, as the object itself records it; empty if it does not, or cannot be read."""
    text = annotations_of(live).get(LAST_APPLIED)
    if not text:
        return {}
    try:
        recorded = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(recorded, dict):
        return {}
    return {key: value for key, value in recorded.items() if key not in _IDENTITY and key != "status"}


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON merge patch that turns `before` into `after`."""
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        present = before.get(key)
        if isinstance(value, Mapping) and isinstance(present, Mapping):
            if below := merge_patch(present, value):
                patch[key] = below
        elif key not in before or value != present or type(value) is not type(present):
            patch[key] = value
    return patch


def _recorded(desired: Manifest, predicted: Manifest, live: Manifest) -> Manifest:
    """`predicted` with a record of what is applied now, for the next three-way merge."""
    applied = {
        **desired,
        "metadata": {key: value for key, value in desired["metadata"].items() if key != "annotations"},
    }
    annotations = {key: value for key, value in annotations_of(desired).items() if key != LAST_APPLIED}
    if annotations:
        applied["metadata"]["annotations"] = annotations
    record = orjson.dumps(applied, option=orjson.OPT_SORT_KEYS).decode()
    present = annotations_of(live).get(LAST_APPLIED)
    if present and last_applied(live) == {key: value for key, value in applied.items() if key not in _IDENTITY}:
        record = present
    if len(record) > _LONGEST_ANNOTATION:
        return predicted
    metadata = predicted.get("metadata") or {}
    noted = {**(metadata.get("annotations") or {}), LAST_APPLIED: record}
    return {**predicted, "metadata": {**metadata, "annotations": noted}}


class _Merge:
    """Three-way merge of one object; built-in kinds merge known lists by key, and default values."""

    def __init__(self, built_in: bool) -> None:
        self._built_in = built_in

    def maps(self, last: Mapping[str, Any], desired: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
        merged = {key: value for key, value in live.items() if key in desired or key not in last}
        for key, value in desired.items():
            if value is None:
                merged.pop(key, None)
            elif key in live or not self._is_dropped(key, value):
                merged[key] = self._value(key, last.get(key), value, live.get(key))
        return merged

    def _value(self, name: str, last: Any, desired: Any, live: Any) -> Any:
        if isinstance(desired, Mapping) and isinstance(live, Mapping):
            if self._built_in and name in QUANTITY_MAPS and self._covers(desired, live, same_quantity):
                desired = {key: live[key] for key in desired}
            return self.maps(last if isinstance(last, Mapping) else {}, desired, live)
        if isinstance(desired, list) and isinstance(live, list):
            return self._lists(name, last if isinstance(last, list) else [], desired, live)
        # A merge patch cannot hold null: within something new it means "not there", as it does elsewhere.
        return self.maps({}, desired, {}) if isinstance(desired, Mapping) else desired

    def _lists(self, name: str, last: list[Any], desired: list[Any], live: list[Any]) -> list[Any]:
        if not self._built_in:
            return desired
        for key in _MERGE_KEYS.get(name, ()):
            keyed = [_by_key(items, key) for items in (last, desired, live)]
            if None not in keyed:
                return self._keyed(*keyed)  # type: ignore[arg-type]
        same = len(desired) == len(live) and all(map(self._is_covered, desired, live))
        return live if same else desired

    def _keyed(self, last: dict[Any, Any], desired: dict[Any, Any], live: dict[Any, Any]) -> list[Any]:
        """Desired items in their order; those only live keep the neighbour they stand behind."""
        behind: dict[Any, list[Any]] = {}
        anchor: Any = None
        for key, item in live.items():
            if key in desired:
                anchor = key
            elif key not in last:
                behind.setdefault(anchor, []).append(item)
        merged = list(behind.get(None, ()))
        for key, item in desired.items():
            merged.append(self.maps(last.get(key) or {}, item, live[key]) if key in live else item)
            merged.extend(behind.get(key, ()))
        return merged

    def _is_dropped(self, name: str, value: Any) -> bool:
        return self._built_in and (value == [] or (name == "value" and value == ""))

    def _is_covered(self, desired: Any, live: Any) -> bool:
        """Whether the live value is the desired one, with what the API server may have added."""
        if isinstance(desired, Mapping) and isinstance(live, Mapping):
            return self._covers(desired, live, self._is_covered)
        if isinstance(desired, list) and isinstance(live, list):
            return len(desired) == len(live) and all(map(self._is_covered, desired, live))
        return type(desired) is type(live) and bool(desired == live)

    def _covers(self, desired: Mapping[str, Any], live: Mapping[str, Any], same: Callable[[Any, Any], bool]) -> bool:
        return all(
            same(value, live[key]) if key in live else self._is_dropped(key, value) for key, value in desired.items()
        )


def _by_key(items: list[Any], key: str) -> dict[Any, Any] | None:
    """Items by their key; None if one lacks it or two share it."""
    found: dict[Any, Any] = {}
    for item in items:
        if not isinstance(item, Mapping) or not isinstance(item.get(key), str | int) or item[key] in found:
            return None
        found[item[key]] = item
    return found
