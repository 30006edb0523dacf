"""`ignoreDifferences`: which fields of which objects do not count, from the application and the settings.

Rules are compiled once. Path expressions are jq programs and not run here: whoever compares asks jq for
the paths first (`ObjectRules.expressions`) and hands them in.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from gitops.diff.field_removal import Path, removed
from gitops.diff.fields_v1 import Tree, entries_of, item_at, union
from gitops.diff.path_expressions import Found
from gitops.model.application import IgnoreDifference
from gitops.model.errors import InvalidSpec
from gitops.model.globs import glob, glob_matches
from gitops.model.numbers import count_of
from gitops.model.resource import Manifest, group_of

Pointer = tuple[str, ...]


class IgnoreStatus:
    """`resource.compareoptions: ignoreResourceStatusField`."""

    ALL = "all"
    CRD = "crd"
    NONE = "none"


class _Rule(msgspec.Struct, frozen=True):
    spec: IgnoreDifference
    pointers: tuple[Pointer, ...]

    def covers(self, manifest: Manifest) -> bool:
        spec, metadata = self.spec, manifest.get("metadata") or {}
        return (
            glob_matches(spec.group, group_of(manifest))
            and glob_matches(spec.kind, manifest.get("kind", ""))
            and spec.name in ("", metadata.get("name"))
            and spec.namespace in ("", metadata.get("namespace"))
        )


class ObjectRules(msgspec.Struct, frozen=True):
    """The rules that apply to one object."""

    pointers: tuple[Pointer, ...] = ()
    expressions: tuple[str, ...] = ()
    managers: frozenset[str] = frozenset()
    ignores_status: bool = True

    @property
    def removes_fields(self) -> bool:
        return bool(self.pointers or self.expressions or self.managers)

    def ignored_paths(self, manifest: Manifest, live: Manifest, found: Sequence[Path] | None = None) -> list[Path]:
        """Which paths of `manifest` do not count; `live` tells what the named managers own.

        `found` is where the expressions lead in `manifest`. Without it there is no verdict, not even a
        careful one: what is to be ignored would be reverted.
        """
        if self.expressions and found is None:
            raise ValueError("the paths of the jqPathExpressions were not asked for")
        paths = [path for pointer in self.pointers if (path := _resolved(manifest, pointer)) is not None]
        paths.extend(path for path in found or () if path)
        if self.managers:
            owned = union(each["fieldsV1"] for each in entries_of(live) if each.get("manager") in self.managers)
            paths.extend(_owned_paths(owned, manifest, ()))
        return paths

    def apply(self, manifest: Manifest, live: Manifest | None = None, found: Sequence[Path] | None = None) -> Manifest:
        """The manifest without the fields that do not count."""
        paths = self.ignored_paths(manifest, manifest if live is None else live, found)
        kept: Manifest = removed(manifest, paths)
        return kept


NO_RULES = ObjectRules()


class IgnoreRules(msgspec.Struct, frozen=True):
    """All rules of one application. `digest` changes whenever a verdict could."""

    rules: tuple[_Rule, ...] = ()
    ignore_status: str = IgnoreStatus.ALL
    ignore_aggregated_roles: bool = False
    digest: str = ""

    @property
    def expressions(self) -> frozenset[str]:
        return frozenset(each for rule in self.rules for each in rule.spec.jq_path_expressions)

    def for_object(self, manifest: Manifest) -> ObjectRules:
        covering = [rule for rule in self.rules if rule.covers(manifest)]
        pointers = [pointer for rule in covering for pointer in rule.pointers]
        if self.ignore_aggregated_roles and _is_aggregated_role(manifest):
            pointers.append(("rules",))
        ignores_status = self.ignore_status == IgnoreStatus.ALL or (
            self.ignore_status == IgnoreStatus.CRD and manifest.get("kind") == "CustomResourceDefinition"
        )
        if not (covering or pointers) and ignores_status:
            return NO_RULES
        return ObjectRules(
            tuple(pointers),
            tuple(expression for rule in covering for expression in rule.spec.jq_path_expressions),
            frozenset(manager for rule in covering for manager in rule.spec.managed_fields_managers),
            ignores_status,
        )


def compile_rules(
    app_rules: Sequence[IgnoreDifference],
    system_rules: Sequence[IgnoreDifference] = (),
    *,
    ignore_status: str = IgnoreStatus.ALL,
    ignore_aggregated_roles: bool = False,
) -> IgnoreRules:
    """Raises `InvalidSpec`, naming the pointer or pattern that cannot be used."""
    specs = (*system_rules, *app_rules)
    for pattern in (pattern for spec in specs for pattern in (spec.group, spec.kind)):
        glob(pattern)
    compiled = tuple(_Rule(spec, tuple(_parsed_pointer(pointer) for pointer in spec.json_pointers)) for spec in specs)
    content = msgspec.json.encode((specs, ignore_status, ignore_aggregated_roles), order="sorted")
    return IgnoreRules(
        compiled, ignore_status, ignore_aggregated_roles, hashlib.blake2b(content, digest_size=16).hexdigest()
    )


def respecting(desired: Manifest, live: Manifest, rules: IgnoreRules, found: Found | None = None) -> Manifest:
    """`desired` with the ignored fields as they are live, so that applying it leaves them alone."""
    object_rules = rules.for_object(live)
    if not object_rules.removes_fields:
        return desired
    result: Any = desired
    for path in object_rules.ignored_paths(live, live, None if found is None else found.live):
        result = _with_live_value(result, live, path)
    kept: Manifest = result
    return kept


def _with_live_value(desired: Any, live: Any, path: Path) -> Any:
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        if not isinstance(live, Mapping) or step not in live or not isinstance(desired, Mapping | None):
            return desired
        if not rest:
            return {**(desired or {}), step: live[step]}
        below = (desired or {}).get(step)
        changed = _with_live_value(below, live[step], rest)
        return desired if changed is below else {**(desired or {}), step: changed}
    if not isinstance(live, list) or not isinstance(desired, list):
        return desired
    there = _counterpart(desired, live, step)
    if there < 0:
        return desired if rest else [*desired, live[step]]
    item = live[step] if not rest else _with_live_value(desired[there], live[step], rest)
    return desired if item is desired[there] else [*desired[:there], item, *desired[there + 1 :]]


def _counterpart(desired: list[Any], live: list[Any], position: int) -> int:
    """Where the live item stands in desired: by name if it has one, else at the same position."""
    item = live[position]
    name = item.get("name") if isinstance(item, Mapping) else None
    if name is not None:
        return next(
            (at for at, each in enumerate(desired) if isinstance(each, Mapping) and each.get("name") == name), -1
        )
    return position if position < len(desired) else -1


def _parsed_pointer(text: str) -> Pointer:
    if not text.startswith("/") or text == "/":
        raise InvalidSpec(f"jsonPointers: `{text}` is not a JSON pointer; write it like /spec/replicas")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/"))


def _resolved(manifest: Any, pointer: Pointer) -> Path | None:
    """A pointer as a path of this manifest; None when it leads nowhere."""
    path: list[str | int] = []
    value = manifest
    for part in pointer:
        if isinstance(value, list):
            position = count_of(part)
            if position is None or position >= len(value):
                return None
            path.append(position)
            value = value[position]
        elif isinstance(value, Mapping) and part in value:
            path.append(part)
            value = value[part]
        else:
            return None
    return tuple(path)


def _owned_paths(owned: Tree, value: Any, path: Path) -> Iterable[Path]:
    """The leaves of an ownership tree, as paths of `value`."""
    for step, below in owned.items():
        if step.startswith("f:"):
            name = step[2:]
            if isinstance(value, Mapping) and name in value:
                yield from _owned_below(below, value[name], (*path, name))
        elif step != "." and isinstance(value, list) and (position := item_at(value, step)) >= 0:
            yield from _owned_below(below, value[position], (*path, position))


def _owned_below(below: Tree, value: Any, path: Path) -> Iterable[Path]:
    if not below:
        yield path
        return
    yield from _owned_paths(below, value, path)


def _is_aggregated_role(manifest: Manifest) -> bool:
    return (
        manifest.get("kind") == "ClusterRole"
        and group_of(manifest) == "rbac.authorization.k8s.io"
        and bool(manifest.get("aggregationRule"))
    )
