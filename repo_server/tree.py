"""One commit as a read-only tree of paths, without ever checking it out.

Symbolic links are followed inside the tree only. A reader remembers all it looked up: if the same
lookups give the same answers in another commit, whatever was computed from them holds there too.

A commit is what somebody pushed: a small one can name the same subtree a billion times. So each look costs
something of a budget, and nobody trusts that an object is what the tree says it is.
"""

import posixpath
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

import pygit2

from gitops.model.errors import PathNotFound, RenderFailed
from repo_server.reading import Budget

FILE_LIMIT = 16 * 1024 * 1024
DESCRIPTION_LIMIT = 1024 * 1024
FILES_LIMIT = 20_000
_LINK_LIMIT = 40  # links followed for one path
_LINK_LENGTH = 4096
_DEPTH_LIMIT = 100
_KNOWN_LIMIT = 20_000  # lookups kept for other readers of the commit
_BLOB, _TREE = pygit2.enums.ObjectType.BLOB, pygit2.enums.ObjectType.TREE


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


class Lost(NamedTuple):
    """An entry with nothing behind it: a link to nothing, a submodule."""

    kind: Kind
    reason: str


class Files(NamedTuple):
    """What lies below a directory."""

    blobs: dict[str, str]  # path as asked for -> blob, in path order
    lost: dict[str, Lost]


class _Depth(NamedTuple):
    """How far below the directory asked for, and through how many links."""

    levels: int = 0
    links: int = 0

    def below(self, node: Node) -> "_Depth":
        return _Depth(self.levels + 1, self.links + (node.kind is Kind.LINK))


class LinkToNothing(RenderFailed):
    """A symbolic link whose target is not in the repository any more, or not yet."""


class CommitTree:
    """Lookups in one commit; `known` is shared by all readers of the commit."""

    def __init__(
        self,
        repository: pygit2.Repository,
        commit: str,
        known: dict[str, Node | None],
        budget: Budget | None = None,
    ) -> None:
        self._repository = repository
        self._root = repository[commit].peel(pygit2.Tree)
        self._known = known
        self._budget = budget or Budget()

    def node(self, path: str) -> Node | None:
        """What stands at a path, links not followed; the empty path is the root."""
        self._budget.spend()
        if path in self._known:
            return self._known[path]
        found = self._look(path)
        if len(self._known) < _KNOWN_LIMIT:
            self._known[path] = found
        return found

    def _look(self, path: str) -> Node | None:
        if not path:
            return Node(Kind.DIRECTORY, str(self._root.id))
        try:
            entry = self._root[path]
        except (KeyError, ValueError, pygit2.GitError):
            return None
        return Node(_KINDS.get(entry.filemode, Kind.FILE), str(entry.id))

    def children(self, oid: str) -> Iterator[tuple[str, Node]]:
        tree = self._object(oid, _TREE)
        assert isinstance(tree, pygit2.Tree)
        for entry in tree:
            self._budget.spend()
            # Git's names are bytes; one that is no text can still be told, and refused where it is read.
            name = (entry.raw_name or b"").decode(errors="surrogateescape")
            if not name or "/" in name or name in (".", ".."):
                raise RenderFailed(f"a directory of the repository holds an entry called `{shown(name)}`; remove it")
            yield name, Node(_KINDS.get(entry.filemode, Kind.FILE), str(entry.id))

    def content(self, oid: str) -> bytes:
        self._budget.read(self.size(oid))
        blob = self._object(oid, _BLOB)
        assert isinstance(blob, pygit2.Blob)
        return blob.data

    def size(self, oid: str) -> int:
        """From the object's head: its content may be what nobody wants in memory."""
        try:
            _, size = self._repository.odb.read_header(oid)
        except (KeyError, ValueError, pygit2.GitError):
            raise _damaged(oid) from None
        return int(size)

    def _object(self, oid: str, wanted: pygit2.enums.ObjectType) -> pygit2.Object:
        self._budget.spend()
        try:
            kind, size = self._repository.odb.read_header(oid)
            if kind != wanted or (wanted == _TREE and size > FILE_LIMIT):
                raise _damaged(oid)
            return self._repository[oid]
        except (KeyError, ValueError, pygit2.GitError):
            raise _damaged(oid) from None


def _damaged(oid: str) -> RenderFailed:
    return RenderFailed(f"object {oid} of the repository is missing or is not what its directory says; run `git fsck`")


def shown(path: str) -> str:
    """A path for a message, whatever bytes its names are made of."""
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")


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
        """What a path leads to, links followed; RenderFailed if one leaves the repository or leads to nothing."""
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

    def described(self, path: str) -> bytes | None:
        """A file that says how to render, such as Chart.yaml: it is parsed here, so it has to be of a sane size."""
        found = self.find(path)
        if found is not None and found.node.kind is Kind.FILE and self.tree.size(found.node.oid) > DESCRIPTION_LIMIT:
            raise RenderFailed(f"{shown(path)} is larger than {DESCRIPTION_LIMIT // 1024**2} MiB; make it smaller")
        return self.read(path)

    def content(self, oid: str, path: str) -> bytes:
        if self.tree.size(oid) > FILE_LIMIT:
            raise RenderFailed(
                f"{shown(path)} is larger than {FILE_LIMIT // 1024**2} MiB; a source may not hold such a file"
            )
        return self.tree.content(oid)

    def files(self, path: str, *, recurse: bool = True) -> Files:
        """All files below a directory, or in it."""
        found = Files({}, {})
        self._collect(path, self.directory(path), found, _Depth(), recurse=recurse)
        return found

    def _collect(self, path: str, where: Found, found: Files, depth: _Depth, *, recurse: bool) -> None:
        if depth.levels > _DEPTH_LIMIT:
            raise RenderFailed(f"{shown(path)} is nested too deep; make the path of the source narrower")
        for name, node in self.tree.children(where.node.oid):
            each, inner = posixpath.join(path, name), depth.below(node)
            below = Found(posixpath.join(where.path, name), node)
            if node.kind is Kind.LINK:
                try:
                    below = self._followed(below.path, node, _LINK_LIMIT - depth.links)
                except LinkToNothing as problem:
                    found.lost[each] = Lost(Kind.LINK, str(problem))
                    continue
            if below.node.kind is Kind.SUBMODULE:
                found.lost[each] = Lost(Kind.SUBMODULE, f"{shown(each)} is a submodule; submodules are not fetched")
            elif below.node.kind is Kind.FILE:
                found.blobs[each] = below.node.oid
            elif recurse:
                self._collect(each, below, found, inner, recurse=True)
            if len(found.blobs) > FILES_LIMIT:
                raise RenderFailed(f"{shown(path)} holds more than {FILES_LIMIT} files; a source may not be that large")

    def _find(self, path: str, links: int) -> Found | None:
        node = self._look(path)
        if node is not None:
            return self._followed(path, node, links) if node.kind is Kind.LINK else Found(path, node)
        parts = path.split("/")
        for length in range(1, len(parts)):
            parent = "/".join(parts[:length])
            above = self._look(parent)
            if above is not None and above.kind is Kind.LINK:
                base = self._followed(parent, above, links)
                if base.node.kind is not Kind.DIRECTORY:
                    return None
                return self._find(posixpath.join(base.path, *parts[length:]), links - 1)
            if above is None or above.kind is not Kind.DIRECTORY:
                return None
        return None

    def _followed(self, path: str, node: Node, links: int) -> Found:
        if links <= 0:
            raise RenderFailed(f"{shown(path)}: too many symbolic links, or they form a loop")
        target, text = self._target(path, node)
        found = self._find(target, links - 1)
        if found is None:
            raise LinkToNothing(
                f"{shown(path)} is a symbolic link to `{shown(text)}`, which does not exist; mend or remove it"
            )
        return found

    def _look(self, path: str) -> Node | None:
        found = self.trace[path] = self.tree.node(path)
        return found

    def _target(self, path: str, node: Node) -> tuple[str, str]:
        """Where a link leads, and as it is written."""
        if self.tree.size(node.oid) > _LINK_LENGTH:
            raise RenderFailed(f"{shown(path)} is a symbolic link of more than {_LINK_LENGTH} characters; remove it")
        text = self.tree.content(node.oid).decode(errors="surrogateescape")
        target = None if text.startswith("/") else joined(posixpath.dirname(path), text)
        if target is None:
            raise RenderFailed(f"{shown(path)} is a symbolic link that leaves the repository; remove it")
        return target, text


def still_true(trace: Mapping[str, Node | None], tree: CommitTree) -> bool:
    """Whether another commit would have answered every lookup the same."""
    return all(tree.node(path) == node for path, node in trace.items())
