"""Which directories and files of a commit match glob patterns: what ApplicationSets generate from."""

from collections.abc import Iterator, Sequence

from gitops.model.errors import RenderFailed
from gitops.model.globs import has_wildcard, name_glob, path_glob
from gitops.model.patterns import Pattern
from repo_server.tree import CommitTree, Kind, Node, shown

CONTENT_LIMIT = 1024 * 1024
ENTRIES_LIMIT = 50_000


def matching_directories(tree: CommitTree, patterns: Sequence[str]) -> tuple[str, ...]:
    """Hidden directories are passed over, and links are not followed, as in Argo CD."""
    found = (path for path, node in _below(tree, patterns) if node.kind is Kind.DIRECTORY)
    wanted = [name_glob(pattern.strip("/")) for pattern in patterns]
    return tuple(_told(path) for path in found if not _is_hidden(path) and _matches(path, wanted))


def matching_files(tree: CommitTree, patterns: Sequence[str]) -> tuple[tuple[str, bytes], ...]:
    files = ((path, node) for path, node in _below(tree, patterns) if node.kind is Kind.FILE)
    wanted = [path_glob(pattern.strip("/")) for pattern in patterns]
    return tuple((_told(path), _content(tree, path, node)) for path, node in files if _matches(path, wanted))


def _matches(path: str, patterns: Sequence[Pattern]) -> bool:
    return any(pattern.matches(shown(path)) for pattern in patterns)


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))


def _told(path: str) -> str:
    """Left out, it would count as gone, and what was generated from it would be deleted."""
    if shown(path) != path:
        raise RenderFailed(f"{shown(path)}: the name is not UTF-8; rename it, or choose patterns that do not reach it")
    return path


def _content(tree: CommitTree, path: str, node: Node) -> bytes:
    if tree.size(node.oid) > CONTENT_LIMIT:
        raise RenderFailed(f"{path} is larger than 1 MiB; a generator may not read such a file")
    return tree.content(node.oid)


def _below(tree: CommitTree, patterns: Sequence[str]) -> Iterator[tuple[str, Node]]:
    """Paths that may match, in path order: only as deep and as far as the patterns reach."""
    starts = {_fixed_part(pattern.strip("/")) for pattern in patterns}
    depth = max((_depth(pattern) for pattern in patterns), default=0)
    seen: set[str] = set()
    for start in sorted(starts):
        node = tree.node(start)
        if node is not None:
            for path, each in _walk(tree, start, node, depth):
                if path and path not in seen:
                    seen.add(path)
                    yield path, each
                if len(seen) > ENTRIES_LIMIT:
                    raise RenderFailed(f"the patterns reach more than {ENTRIES_LIMIT} paths; make them narrower")


def _walk(tree: CommitTree, path: str, node: Node, depth: int) -> Iterator[tuple[str, Node]]:
    yield path, node
    if node.kind is Kind.DIRECTORY and (path.count("/") + 1 if path else 0) < depth:
        for name, child in tree.children(node.oid):
            yield from _walk(tree, f"{path}/{name}" if path else name, child, depth)


def _fixed_part(pattern: str) -> str:
    parts = pattern.split("/")
    wild = next((number for number, part in enumerate(parts) if has_wildcard(part)), len(parts))
    # A brace may hold a slash, so nothing behind it is a segment of its own.
    return "/".join(parts[:wild])


def _depth(pattern: str) -> int:
    if "**" in pattern or "{" in pattern:
        return 100
    return pattern.strip("/").count("/") + 1
