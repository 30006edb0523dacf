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

# Values the API server fills in within lists and maps that are owned as one piece, for its own kinds:
# (field, value) -> the sibling that must be there for the default to be this one, or None.
_DEFAULTS_IN_ATOMS: Mapping[str, tuple[Any, str | None]] = {
    "protocol": ("TCP", None),
    "apiVersion": ("v1", "fieldPath"),
    "divisor": ("0", "resource"),
    "volumeMode": ("Filesystem", "accessModes"),
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
        return self._fields(
            metadata, live_metadata, owned.get("f:metadata") or {}, _METADATA_IDENTITY, gone_in="metadata"
        )

    def _fields(
        self,
        desired: Mapping[str, Any],
        live: Mapping[str, Any],
        owned: Tree,
        passed_over: frozenset[str],
        gone_in: str = "",
    ) -> bool:
        for name, value in desired.items():
            if name in passed_over:
                continue
            if name not in live:
                if self._drops(name, value, desired):
                    continue
                return False
            if not self._values(value, live[name], owned.get("f:" + name), name):
                return False
        for step in owned:
            if step == ".":
                continue
            if not step.startswith("f:") or (step[2:] not in desired and not (gone_in == "" and step == "f:metadata")):
                return False
        return True

    def _values(self, desired: Any, live: Any, owned: Tree | None, name: str) -> bool:
        if type(desired) is not type(live):
            return False
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

    def _drops(self, name: str, value: Any, parent: Mapping[str, Any]) -> bool:
        """Whether the API server leaves out a field with this value instead of storing it."""
        if not self._built_in:
            return False
        if value == [] and isinstance(value, list):
            return True
        return name == "value" and value == "" and "name" in parent and "valueFrom" not in parent

    def _atoms(self, desired: Any, live: Any) -> bool:
        """Equality of what is replaced as a whole, but for what the API server adds to its own kinds."""
        if type(desired) is not type(live):
            return False
        if isinstance(desired, dict):
            if any(key not in live or not self._atoms(value, live[key]) for key, value in desired.items()):
                return False
            return len(desired) == len(live) or self._only_defaults_added(desired, live)
        if isinstance(desired, list):
            return len(desired) == len(live) and all(map(self._atoms, desired, live))
        return bool(desired == live)

    def _only_defaults_added(self, desired: dict[str, Any], live: dict[str, Any]) -> bool:
        if not self._built_in:
            return False
        for key in live.keys() - desired.keys():
            value, sibling = _DEFAULTS_IN_ATOMS.get(key, (None, None))
            if value is None or live[key] != value or (sibling and sibling not in desired):
                return False
        return True


def _is_in_order(wanted: list[str], present: list[str]) -> bool:
    """Whether `wanted` stands in `present` in the same order, others between allowed."""
    remaining = iter(present)
    return len(set(present)) == len(present) and all(any(each == other for other in remaining) for each in wanted)
