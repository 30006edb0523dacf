"""`fields=a.b,items.c`: keep only those paths of an answer, or with a leading `-` all but those. Pure.

A name that a list stands under means every item of that list, as in Argo CD.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Tree = dict[str, "Tree"]  # an empty tree: the whole value


class Fields:
    """A parsed selection; `Fields.parse("")` is None, which is: everything."""

    def __init__(self, tree: Tree, *, excludes: bool) -> None:
        self._tree = tree
        self._excludes = excludes

    @classmethod
    def parse(cls, text: str) -> "Fields | None":
        stripped = text.strip()
        if not stripped:
            return None
        excludes = stripped.startswith("-")
        paths = [path.strip() for path in stripped.lstrip("-").split(",") if path.strip()]
        return cls(_tree(paths), excludes=excludes)

    def applied(self, value: Any) -> Any:
        """The value with only (or without) the selected parts; the value itself stays as it is."""
        return _without(value, self._tree) if self._excludes else _only(value, self._tree)

    def below(self, name: str) -> "Fields | None":
        """What the selection says about the value under `name`: None means all of it."""
        if self._excludes:
            return Fields(self._tree[name], excludes=True) if self._tree.get(name) else None
        return Fields(self._tree[name], excludes=False) if self._tree.get(name) else None

    def keeps(self, name: str) -> bool:
        """Whether anything under `name` is left at all."""
        if self._excludes:
            return name not in self._tree or bool(self._tree[name])
        return name in self._tree


def _tree(paths: Iterable[str]) -> Tree:
    root: Tree = {}
    for path in paths:
        node, parts = root, path.split(".")
        for position, part in enumerate(parts):
            last = position == len(parts) - 1
            if last:
                node[part] = {}  # the whole value, whatever was asked of its parts
                break
            if part in node and not node[part]:
                break  # asked for as a whole already
            node = node.setdefault(part, {})
    return root


def _only(value: Any, tree: Tree) -> Any:
    if not tree:
        return value
    if isinstance(value, Mapping):
        kept = {name: (_only(value[name], below), below) for name, below in tree.items() if name in value}
        # A parent none of whose wanted parts exist would only be noise.
        return {name: part for name, (part, below) in kept.items() if part != {} or not below}
    if isinstance(value, list | tuple):
        return [_only(each, tree) for each in value]
    return value


def _without(value: Any, tree: Tree) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _without(each, tree[name]) if name in tree else each
            for name, each in value.items()
            if name not in tree or tree[name]
        }
    if isinstance(value, list | tuple):
        return [_without(each, tree) for each in value]
    return value
