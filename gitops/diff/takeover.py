"""Objects that somebody applied before us by other means, and what becomes of their fields.

Client-side apply, Argo CD's own client-side mode and Helm leave fields under their names with operation
`Update`. Server-side apply never removes those, so a field dropped from Git would stay forever. Before the
first apply their ownership is handed to us; until then predictions have to reckon with it.
"""

from collections.abc import Mapping
from typing import Any

from gitops.diff.field_removal import Path, removed
from gitops.diff.fields_v1 import MANAGER, Tree, entries_of, item_at, union
from gitops.model.resource import Manifest

LEGACY_MANAGERS = frozenset({"kubectl-client-side-apply", "argocd-controller", "helm"})


def taken_over(
    live: Manifest, manager: str = MANAGER, legacy: frozenset[str] = LEGACY_MANAGERS
) -> list[dict[str, Any]] | None:
    """New `metadata.managedFields` in which legacy managers' fields are ours; None when there are none.

    To be sent as a JSON patch that tests `metadata.resourceVersion`, before the first apply.
    """
    entries = live.get("metadata", {}).get("managedFields") or []
    theirs = [each for each in entries_of(live) if _is_legacy(each, legacy)]
    if not theirs:
        return None
    newest = max(theirs, key=lambda each: str(each.get("time", "")))
    version = newest.get("apiVersion")
    ours = [each for each in entries_of(live) if _is_ours(each, manager) and each.get("apiVersion") == version]
    joined = union(
        [each["fieldsV1"] for each in (*ours, *(each for each in theirs if each.get("apiVersion") == version))]
    )
    merged = {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": version,
        "time": newest.get("time"),
        "fieldsType": "FieldsV1",
        "fieldsV1": joined,
    }
    kept = [dict(each) for each in entries if each not in theirs and each not in ours]
    return [*kept, merged]


def predict_takeover(
    desired: Manifest,
    live: Manifest,
    predicted: Manifest,
    manager: str = MANAGER,
    legacy: frozenset[str] = LEGACY_MANAGERS,
) -> Manifest:
    """`predicted` without the fields that taking over will remove: theirs alone, and not desired."""
    entries = entries_of(live)
    theirs = union(each["fieldsV1"] for each in entries if _is_legacy(each, legacy))
    if not theirs:
        return predicted
    others = union(each["fieldsV1"] for each in entries if not _is_legacy(each, legacy) and not _is_ours(each, manager))
    paths = set(_gone(theirs, others, desired, predicted, ()))
    kept: Manifest = removed(predicted, paths)
    return kept


def _is_legacy(entry: Mapping[str, Any], legacy: frozenset[str]) -> bool:
    return entry.get("operation") == "Update" and entry.get("manager") in legacy and not entry.get("subresource")


def _is_ours(entry: Mapping[str, Any], manager: str) -> bool:
    return entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource")


def _gone(theirs: Tree, others: Tree, desired: Any, predicted: Any, path: Path) -> list[Path]:
    """Paths of `predicted` that only `theirs` owns and `desired` lacks."""
    found: list[Path] = []
    for step, below in theirs.items():
        if step == "." or (not path and step in ("f:status", "f:apiVersion", "f:kind")):
            continue
        place, value, wanted = _at(step, predicted, desired)
        if place is None:
            continue
        if path == ("metadata",) and place in ("name", "namespace"):
            continue
        other = others.get(step)
        if wanted is None:
            if other is None:
                found.append((*path, place))
            elif below:
                found.extend(_gone(below, other, {}, value, (*path, place)))
        elif below:
            found.extend(_gone(below, other or {}, wanted, value, (*path, place)))
    return found


def _at(step: str, predicted: Any, desired: Any) -> tuple[str | int | None, Any, Any]:
    """Where a step leads in predicted (None: nowhere), what stands there, and what desired has for it."""
    if step.startswith("f:"):
        name = step[2:]
        if not isinstance(predicted, Mapping) or name not in predicted:
            return None, None, None
        return name, predicted[name], desired.get(name) if isinstance(desired, Mapping) else None
    if not isinstance(predicted, list):
        return None, None, None
    position = item_at(predicted, step)
    if position < 0:
        return None, None, None
    there = item_at(desired, step) if isinstance(desired, list) else -1
    return position, predicted[position], desired[there] if there >= 0 else None
