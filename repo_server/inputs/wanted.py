"""What is asked for, and what was found to be read for it."""

from collections.abc import Iterator, Mapping

import msgspec

from adapters.repo_client import RenderContext
from gitops.model.application import Source
from gitops.model.errors import RenderFailed
from repo_server.render.arguments import ScratchFile
from repo_server.render.jobs import REF, REPO, Options
from repo_server.tree import FILES_LIMIT, TreeReader, shown


class Wanted(msgspec.Struct, frozen=True):
    """One source at one commit, for one application."""

    source: Source
    path: str  # of the source, normalized; empty is the root
    context: RenderContext
    environment: Mapping[str, str]
    reader: TreeReader
    refs: Mapping[str, TreeReader]  # repositories a value file may name as $ref/…


class InputFile(msgspec.Struct, frozen=True, array_like=True):
    path: str  # in the scratch directory
    oid: str
    origin: str = ""  # name of the ref'd repository, empty for the source's own


class Inputs(msgspec.Struct, frozen=True):
    """Everything a render reads: equal inputs, equal manifests."""

    source_type: str
    options: Options
    files: tuple[InputFile, ...]


class Gathered:
    """Files being gathered, by their place in the scratch directory."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._files: dict[str, InputFile] = {}

    def add(self, path: str, *, origin: str = "") -> str | None:
        """Add one file of a repository; its scratch path, or None if there is no such file."""
        reader = self._wanted.refs[origin] if origin else self._wanted.reader
        if not reader.is_file(path):
            return None
        found = reader.find(path)
        assert found is not None
        return self.place(scratch_path(path, origin), found.node.oid, origin)

    def add_all(self, path: str, *, whole: bool = True) -> None:
        """Add all files below a directory of the source's own repository; RenderFailed if `whole` cannot be had."""
        found = self._wanted.reader.files(path)
        if whole and found.lost:
            raise RenderFailed(next(iter(found.lost.values())).reason)
        for each, oid in found.blobs.items():
            self.place(scratch_path(each), oid)

    def place(self, path: str, oid: str, origin: str = "") -> str:
        if any(part == ".git" for part in path.split("/")):
            raise RenderFailed(f"{told_path(path)}: a directory called .git cannot be part of a source")
        if shown(path) != path:
            raise RenderFailed(f"{shown(told_path(path))}: the name of this file is not UTF-8; rename it")
        if len(self._files) >= FILES_LIMIT:
            raise RenderFailed(f"the source reads more than {FILES_LIMIT} files; split it up")
        self._files[path] = InputFile(str(ScratchFile(path)), oid, origin)
        return path

    def files(self) -> tuple[InputFile, ...]:
        return tuple(self._files[path] for path in sorted(self._files))

    def texts(self) -> Iterator[bytes]:
        """One after the other: together they may be more than fits into memory."""
        return (self._content(each) for each in self._files.values())

    def _content(self, each: InputFile) -> bytes:
        reader = self._wanted.refs[each.origin] if each.origin else self._wanted.reader
        return reader.content(each.oid, told_path(each.path))


def scratch_path(path: str, origin: str = "") -> str:
    base = f"{REF}/{origin}" if origin else REPO
    return f"{base}/{path}" if path else base


def told_path(path: str) -> str:
    """A scratch path as the user knows it."""
    return path.removeprefix(f"{REPO}/")
