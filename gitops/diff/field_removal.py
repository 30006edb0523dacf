"""Taking fields out of an object by their paths, sharing all that stays."""

from collections.abc import Iterable, Mapping
from typing import Any

Path = tuple[str | int, ...]

# A tree of what to take out: {step: subtree}; an empty subtree takes the whole value.
Removals = dict[str | int, Any]


def removal_tree(paths: Iterable[Path]) -> Removals:
    tree: Removals = {}
    for path in sorted(paths, key=len):
        node = tree
        for position, step in enumerate(path):
            below = node.get(step)
            if below is not None and not below:
                break  # an ancestor goes as a whole already
            if below is None:
                below = node[step] = {}
            if position == len(path) - 1:
                below.clear()
            node = below
    return tree


def removed(value: Any, paths: Iterable[Path]) -> Any:
    """`value` without what the paths lead to; paths that lead nowhere change nothing."""
    tree = removal_tree(path for path in paths if path)
    return _without(value, tree) if tree else value


def _without(value: Any, tree: Removals) -> Any:
    if isinstance(value, Mapping):
        touched = [step for step in tree if step in value]
        if not touched:
            return value
        kept = dict(value)
        for step in touched:
            if tree[step]:
                kept[step] = _without(kept[step], tree[step])
            else:
                del kept[step]
        return kept
    if isinstance(value, list):
        items = []
        for position, item in enumerate(value):
            below = tree.get(position)
            if below is None:
                items.append(item)
            elif below:
                items.append(_without(item, below))
        return items
    return value
