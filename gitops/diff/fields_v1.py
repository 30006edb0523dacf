"""Field ownership as the API server records it: the trees under `metadata.managedFields[].fieldsV1`.

A step is `f:name` (a field), `k:{…}` (the list item with these key values), `v:…` (a set member), `i:3`
(a position); `.` is the value itself. A leaf `{}` below a map or list means it is owned as one piece.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from gitops.model.numbers import count_of

Tree = Mapping[str, Any]

NO_MEMBER = object()

MANAGER = "argocd-controller"  # the name we apply under; Argo CD's own, so that ownership carries over


def entries_of(live: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The well-formed entries of `metadata.managedFields`."""
    metadata = live.get("metadata") or {}
    found = metadata.get("managedFields")
    if not isinstance(found, list):
        return []
    return [each for each in found if isinstance(each, Mapping) and isinstance(each.get("fieldsV1"), Mapping)]


def applied_by(live: Mapping[str, Any], manager: str) -> list[Mapping[str, Any]]:
    """What a manager owns by having applied it (not by update, not through a subresource)."""
    return [
        each
        for each in entries_of(live)
        if each.get("manager") == manager and each.get("operation") == "Apply" and not each.get("subresource")
    ]


def item_key(step: str) -> dict[str, Any]:
    """`k:{"name":"web"}` -> the key fields of the list item; none where the step is not of that form."""
    decoded = set_member(step)
    return decoded if isinstance(decoded, dict) else {}


def set_member(step: str) -> Any:
    """The value that `v:…` names; `NO_MEMBER`, which equals nothing, where it cannot be read."""
    try:
        return orjson.loads(step[2:])
    except orjson.JSONDecodeError:
        return NO_MEMBER


def step_for_key(fields: Mapping[str, Any]) -> str:
    """The inverse of `item_key`, as the API server writes it: sorted keys, no spaces."""
    return "k:" + orjson.dumps(fields, option=orjson.OPT_SORT_KEYS).decode()


def key_names(tree: Tree) -> tuple[str, ...]:
    """The fields that tell the items of an associative list apart; empty when the tree is of no such list."""
    for step in tree:
        if step.startswith("k:"):
            return tuple(sorted(item_key(step)))
    return ()


def item_at(items: Iterable[Any], step: str) -> int:
    """The position of the list item a step names, or -1."""
    if step.startswith("k:"):
        wanted = item_key(step)
        for position, item in enumerate(items):
            if wanted and isinstance(item, Mapping) and all(item.get(name) == value for name, value in wanted.items()):
                return position
    elif step.startswith("v:"):
        member = set_member(step)
        for position, item in enumerate(items):
            if item == member:
                return position
    elif step.startswith("i:"):
        index = count_of(step[2:])
        return index if index is not None and index < len(list(items)) else -1
    return -1


def union(trees: Iterable[Tree]) -> dict[str, Any]:
    """Everything that any of the trees owns."""
    merged: dict[str, Any] = {}
    for tree in trees:
        for step, below in tree.items():
            present = merged.get(step)
            merged[step] = dict(below) if present is None else union((present, below))
    return merged
