"""Would applying this object change nothing? Answered without asking the API server, or not at all.

`surely_equal` follows server-side apply: every desired field has its value already, and nothing we own
is missing from desired. How lists merge is read from the ownership the API server itself recorded. It may
say False to an object that is equal (a dry run then decides); it must never say True to one that is not.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from gitops.diff.fields_v1 import MANAGER, Tree, applied_by, entries_of, item_key
from gitops.diff.quantities import QUANTITY_MAPS, same_quantity
from gitops.diff.takeover import LEGACY_MANAGERS
from gitops.manifest.normalize import BUILT_IN_GROUPS
from gitops.model.resource import Manifest, group_of

# Names of the object itself: never owned, compared before anything else.
_IDENTITY = frozenset({"apiVersion", "kind"})
_METADATA_IDENTITY = frozenset({"name", "namespace", "generateName"})

# Values the API server fills in, for its own kinds, within lists and maps that are owned as one piece:
# field -> (value, the sibling by which the place is recognised).
_DEFAULTS_IN_ATOMS: Mapping[str, tuple[tuple[Any, str], ...]] = {
    "protocol": (("TCP", "port"),),
    "apiVersion": (("v1", "fieldPath"), ("v1", "spec")),
    "divisor": (("0", "resource"),),
    # The rest belongs to the claim templates of a StatefulSet.
    "kind": (("PersistentVolumeClaim", "spec"),),
    "volumeMode": (("Filesystem", "accessModes"),),
    "status": (({"phase": "Pending"}, "spec"),),
    "creationTimestamp": ((None, "name"),),
}


def surely_equal(desired: Manifest, live: Manifest, manager: str = MANAGER) -> bool:
    """True only if a server-side apply of `desired` would leave the content of `live` as it is."""
    if desired.get("apiVersion") != live.get("apiVersion") or desired.get("kind") != live.get("kind"):
        return False
    owned = _our_fields(live, manager, desired["apiVersion"])
    if owned is None:
        return False
    try:
        return _Comparison(group_of(desired) in BUILT_IN_GROUPS).objects(desired, live, owned)
    except (orjson.JSONDecodeError, AttributeError, TypeError, KeyError):
        return False  # ownership or an object in a shape we do not know: nothing is sure


def _our_fields(live: Manifest, manager: str, api_version: str) -> Tree | None:
    """What we own; None when that is not simply known: never applied, other version, or a takeover is due."""
    ours = applied_by(live, manager)
    if len(ours) != 1 or ours[0].get("apiVersion") != api_version:
        return None
    for entry in entries_of(live):
        if (
            entry.get("operation") == "Update"
            and entry.get("manager") in LEGACY_MANAGERS
            and not entry.get("subresource")
        ):
            return None
    tree: Tree = ours[0]["fieldsV1"]
    return tree


class _Comparison:
    """One walk over desired, live and our ownership side by side."""

    def __init__(self, built_in: bool) -> None:
        self._built_in = built_in

    def objects(self, desired: Manifest, live: Manifest, owned: Tree) -> bool:
        if not self._fields(desired, live, owned, _IDENTITY | {"metadata"}):
            return False
        metadata, live_metadata = desired.get("metadata") or {}, live.get("metadata") or {}
        if any(metadata.get(name) != live_metadata.get(name) for name in ("name", "namespace")):
            return False
        return self._fields(metadata, live_metadata, owned.get("f:metadata") or {}, _METADATA_IDENTITY)

    def _fields(
        self,
        desired: Mapping[str, Any],
        live: Mapping[str, Any],
        owned: Tree,
        passed_over: frozenset[str],
    ) -> bool:
        for name, value in desired.items():
            if name in passed_over:
                continue
            if name not in live:
                if self._was_dropped(value, owned.get("f:" + name)):
                    continue
                return False
            if not self._values(value, live[name], owned.get("f:" + name), name):
                return False
        for step in owned:
            name = step[2:]
            if step != "." and (not step.startswith("f:") or (name not in desired and name not in passed_over)):
                return False
        return True

    def _values(self, desired: Any, live: Any, owned: Tree | None, name: str) -> bool:
        if type(desired) is not type(live):
            # An empty list may be stored as null.
            return self._built_in and desired == [] and live is None
        if isinstance(desired, dict):
            if not owned:
                # Not ours, or ours as one piece: how it would merge is unknown, so it must be the same.
                return self._atoms(desired, live)
            if self._built_in and name in QUANTITY_MAPS:
                return self._quantities(desired, live, owned)
            return self._fields(desired, live, owned, frozenset())
        if isinstance(desired, list):
            return self._lists(desired, live, owned)
        return bool(desired == live)

    def _quantities(self, desired: dict[str, Any], live: dict[str, Any], owned: Tree) -> bool:
        gone = any(step != "." and step[2:] not in desired for step in owned)
        return not gone and all(key in live and same_quantity(value, live[key]) for key, value in desired.items())

    def _lists(self, desired: list[Any], live: list[Any], owned: Tree | None) -> bool:
        if owned:
            steps = [step for step in owned if step != "."]
            if steps and all(step.startswith("k:") for step in steps):
                return self._associative(desired, live, owned, steps)
            if steps and all(step.startswith("v:") for step in steps):
                return self._sets(desired, live, steps)
            return False
        return self._atoms(desired, live)

    def _sets(self, desired: list[Any], live: list[Any], steps: list[str]) -> bool:
        ours = {step[2:] for step in steps}
        wanted = [orjson.dumps(value).decode() for value in desired]
        return ours <= set(wanted) and _is_in_order(wanted, [orjson.dumps(value).decode() for value in live])

    def _associative(self, desired: list[Any], live: list[Any], owned: Tree, steps: list[str]) -> bool:
        """Items found by their key; those of others may stand between ours, but ours keep their order."""
        names = tuple(item_key(steps[0]))
        by_key: dict[tuple[Any, ...], str] = {}
        for step in steps:
            fields = item_key(step)
            if tuple(fields) != names:
                return False
            by_key[tuple(fields.values())] = step
        positions = {tuple(item.get(name) for name in names): index for index, item in enumerate(live)}
        if len(positions) != len(live):
            return False
        last = -1
        seen = 0
        for item in desired:
            key = tuple(item[name] if name in item else self._key_default(name) for name in names)
            position = positions.get(key, -1)
            step_of_item = by_key.get(key)
            if position <= last:
                return False  # missing, twice, or in another order
            last = position
            if step_of_item is None:
                # Not ours yet: it would become ours, unchanged only if it is the very same.
                if not self._atoms(item, live[position]):
                    return False
                continue
            seen += 1
            if not self._item(item, live[position], owned[step_of_item]):
                return False
        return seen == len(by_key)

    def _item(self, desired: dict[str, Any], live: dict[str, Any], owned: Tree) -> bool:
        if not isinstance(live, dict):
            return False
        return self._fields(desired, live, owned, frozenset()) if owned else self._atoms(desired, live)

    def _key_default(self, name: str) -> Any:
        # Ports are told apart by number and protocol; TCP need not be written.
        return "TCP" if self._built_in and name == "protocol" else None

    def _was_dropped(self, value: Any, owned: Tree | None) -> bool:
        """Whether the API server took this empty value from us before and, as ever, did not store it.

        Ownership of a field that is not there is the proof: the field exists, and what we applied was empty.
        """
        return self._built_in and owned is not None and not owned and value in ([], {}, "", False)

    def _atoms(self, desired: Any, live: Any, name: str = "") -> bool:
        """Equality of what is replaced as a whole, but for what the API server adds to its own kinds."""
        if type(desired) is not type(live):
            return False
        if isinstance(desired, dict):
            if self._built_in and name in QUANTITY_MAPS:
                return desired.keys() == live.keys() and all(same_quantity(desired[key], live[key]) for key in desired)
            if any(key not in live or not self._atoms(value, live[key], key) for key, value in desired.items()):
                return False
            return len(desired) == len(live) or self._only_defaults_added(desired, live)
        if isinstance(desired, list):
            return len(desired) == len(live) and all(map(self._atoms, desired, live))
        return bool(desired == live)

    def _only_defaults_added(self, desired: dict[str, Any], live: dict[str, Any]) -> bool:
        return self._built_in and all(
            any(live[key] == value and sibling in desired for value, sibling in _DEFAULTS_IN_ATOMS.get(key, ()))
            for key in live.keys() - desired.keys()
        )


def _is_in_order(wanted: list[str], present: list[str]) -> bool:
    """Whether `wanted` stands in `present` in the same order, others between allowed."""
    remaining = iter(present)
    return len(set(present)) == len(present) and all(any(each == other for other in remaining) for each in wanted)
