"""One commit as a read-only tree of paths, without ever checking it out.

Symbolic links are followed inside the tree only. A reader remembers all it looked up: if the same
lookups give the same answers in another commit, whatever was computed from them holds there too.
"""

import posixpath
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

import pygit2

from gitops.model.errors import PathNotFound, RenderFailed

FILE_LIMIT = 16 * 1024 * 1024
FILES_LIMIT = 20_000
_LINK_LIMIT = 40  # links followed for one path
_DEPTH_LIMIT = 100


class Kind(Enum):
    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    SUBMODULE = "submodule"


_KINDS: Mapping[int, Kind] = {
    0o040000: Kind.DIRECTORY,
    0o100644: Kind.FILE,
    0o100664: Kind.FILE,
    0o100755: Kind.FILE,
    0o120000: Kind.LINK,
    0o160000: Kind.SUBMODULE,
}


class Node(NamedTuple):
    kind: Kind
    oid: str


class Found(NamedTuple):
    path: str  # after links
    node: Node


class CommitTree:
    """Lookups in one commit; `known` is shared by all readers of the commit."""

    def __init__(self, repository: pygit2.Repository, commit: str, known: dict[str, Node | None]) -> None:
        self._repository = repository
        self._root = repository[commit].peel(pygit2.Tree)
        self._known = known

    def node(self, path: str) -> Node | None:
        """What stands at a path, links not followed; the empty path is the root."""
        if path in self._known:
            return self._known[path]
        found = self._known[path] = self._look(path)
        return found

    def _look(self, path: str) -> Node | None:
        if not path:
            return Node(Kind.DIRECTORY, str(self._root.id))
        try:
            entry = self._root[path]
        except (KeyError, ValueError):
            return None
        return Node(_KINDS.get(entry.filemode, Kind.FILE), str(entry.id))

    def children(self, oid: str) -> Iterator[tuple[str, Node]]:
        tree = self._repository[oid]
        assert isinstance(tree, pygit2.Tree)
        for entry in tree:
            yield entry.name or "", Node(_KINDS.get(entry.filemode, Kind.FILE), str(entry.id))

    def content(self, oid: str) -> bytes:
        return self._blob(oid).data

    def size(self, oid: str) -> int:
        return self._blob(oid).size

    def _blob(self, oid: str) -> pygit2.Blob:
        blob = self._repository[oid]
        assert isinstance(blob, pygit2.Blob)
        return blob


def joined(base: str, relative: str) -> str | None:
    """`relative` as seen from directory `base`, inside the tree; None if it leaves it."""
    path = posixpath.normpath(posixpath.join("/" + base, relative))
    # normpath silently stops at the root, so count the steps up ourselves.
    depth = 0
    start = [] if relative.startswith("/") else [part for part in base.split("/") if part]
    for part in [*start, *relative.split("/")]:
        if part in ("", "."):
            continue
        depth += -1 if part == ".." else 1
        if depth < 0:
            return None
    return path.lstrip("/")


class TreeReader:
    """Reads a commit for one purpose and remembers what was looked up."""

    def __init__(self, tree: CommitTree) -> None:
        self.tree = tree
        self.trace: dict[str, Node | None] = {}

    def find(self, path: str) -> Found | None:
        """What a path leads to, links followed; RenderFailed if one leaves the repository."""
        return self._find(path, _LINK_LIMIT)

    def is_file(self, path: str) -> bool:
        found = self.find(path)
        return found is not None and found.node.kind is Kind.FILE

    def is_directory(self, path: str) -> bool:
        found = self.find(path)
        return found is not None and found.node.kind is Kind.DIRECTORY

    def directory(self, path: str) -> Found:
        found = self.find(path)
        if found is None or found.node.kind is not Kind.DIRECTORY:
            what = "does not exist" if found is None else "is a file"
            if found is not None and found.node.kind is Kind.SUBMODULE:
                what = "is a submodule; submodules are not fetched"
            raise PathNotFound(f"path `{path or '.'}` {what} at this revision; check the source's path")
        return found

    def read(self, path: str) -> bytes | None:
        found = self.find(path)
        if found is None or found.node.kind is not Kind.FILE:
            return None
        return self.content(found.node.oid, path)

    def content(self, oid: str, path: str) -> bytes:
        if self.tree.size(oid) > FILE_LIMIT:
            raise RenderFailed(f"{path} is larger than {FILE_LIMIT // 1024**2} MiB; a source may not hold such a file")
        return self.tree.content(oid)

    def children(self, path: str) -> dict[str, Node]:
        """Entries of one directory by name, links resolved; links to nothing are left out."""
        where = self.directory(path)
        found: dict[str, Node] = {}
        for name, node in self.tree.children(where.node.oid):
            if node.kind is Kind.LINK:
                target = self.find(posixpath.join(where.path, name))
                if target is not None:
                    found[name] = target.node
            elif node.kind is not Kind.SUBMODULE:
                found[name] = node
        return found

    def files(self, path: str) -> dict[str, str]:
        """All files below a directory: path as asked for -> blob, in path order."""
        found: dict[str, str] = {}
        self._collect(path, found, 0)
        return found

    def _collect(self, path: str, found: dict[str, str], depth: int) -> None:
        if depth > _DEPTH_LIMIT:
            raise RenderFailed(f"{path} is nested too deep; does a symbolic link lead back to its own directory?")
        for name, node in self.children(path).items():
            each = posixpath.join(path, name)
            if node.kind is Kind.DIRECTORY:
                self._collect(each, found, depth + 1)
            else:
                found[each] = node.oid
            if len(found) > FILES_LIMIT:
                raise RenderFailed(f"{path} holds more than {FILES_LIMIT} files; a source may not be that large")

    def _find(self, path: str, links: int) -> Found | None:
        node = self._look(path)
        if node is not None and node.kind is not Kind.LINK:
            return Found(path, node)
        if links == 0:
            raise RenderFailed(f"{path}: too many symbolic links, or they form a loop")
        if node is not None:
            return self._find(self._target(path, node), links - 1)
        parts = path.split("/")
        for length in range(1, len(parts)):
            parent = "/".join(parts[:length])
            above = self._look(parent)
            if above is not None and above.kind is Kind.LINK:
                return self._find("/".join((self._target(parent, above), *parts[length:])), links - 1)
            if above is None or above.kind is not Kind.DIRECTORY:
                return None
        return None

    def _look(self, path: str) -> Node | None:
        found = self.trace[path] = self.tree.node(path)
        return found

    def _target(self, path: str, node: Node) -> str:
        text = self.content(node.oid, path).decode(errors="replace")
        target = None if text.startswith("/") else joined(posixpath.dirname(path), text)
        if target is None:
            raise RenderFailed(f"{path} is a symbolic link that leaves the repository; remove it")
        return target


def still_true(trace: Mapping[str, Node | None], tree: CommitTree) -> bool:
    """Whether another commit would have answered every lookup the same."""
    return all(tree.node(path) == node for path, node in trace.items())
