"""What a directory of plain manifests reads: YAML, JSON, and Jsonnet with all it imports."""

import posixpath

from gitops.model.application import DirectorySource, JsonnetVar
from gitops.model.errors import RenderFailed
from gitops.model.globs import glob
from repo_server.inputs.environment import substituted
from repo_server.inputs.jsonnet_imports import imports_of
from repo_server.inputs.wanted import Gathered, Wanted, scratch_path
from repo_server.render.jobs import DirectoryOptions, Variable
from repo_server.tree import Kind, TreeReader, joined, shown

SUFFIXES = (".yaml", ".yml", ".json", ".jsonnet")


def directory_inputs(wanted: Wanted, gathered: Gathered) -> DirectoryOptions:
    options = wanted.source.directory or DirectorySource()
    manifests = _manifests(wanted, gathered, options)
    jsonnet = [each for each in manifests if each.endswith(".jsonnet")]
    if not jsonnet:
        return DirectoryOptions(scratch_path(wanted.path), tuple(map(scratch_path, manifests)))
    libraries = tuple(_library(wanted, each) for each in options.jsonnet.libs)
    _add_imports(wanted.reader, gathered, jsonnet, search_order(wanted.path, libraries))
    return DirectoryOptions(
        scratch_path(wanted.path),
        tuple(map(scratch_path, manifests)),
        libraries=tuple(map(scratch_path, libraries)),
        ext_vars=_variables(wanted, options.jsonnet.ext_vars),
        tlas=_variables(wanted, options.jsonnet.tlas),
    )


def search_order(path: str, libraries: tuple[str, ...]) -> tuple[str, ...]:
    """Where an import is looked for after its own directory: the last library first, then the source's path."""
    return (*reversed(libraries), path)


def _manifests(wanted: Wanted, gathered: Gathered, options: DirectorySource) -> list[str]:
    """Manifest files, gathered; one that is only a link to nothing was meant to be there."""
    found = wanted.reader.files(wanted.path, recurse=options.recurse)
    for path, (kind, reason) in found.lost.items():
        name = _name(path, wanted.path)
        below = f"{name}/all.yaml" if options.recurse and kind is Kind.SUBMODULE else name
        if below.endswith(SUFFIXES) and _included(below, options):
            raise RenderFailed(reason)
    names = {_name(path, wanted.path): path for path in found.blobs}
    wanted_names = sorted(name for name in names if name.endswith(SUFFIXES) and _included(name, options))
    for name in wanted_names:
        gathered.place(scratch_path(names[name]), found.blobs[names[name]])
    return [names[name] for name in wanted_names]


def _name(path: str, directory: str) -> str:
    """Relative to the source's path."""
    return path[len(directory) + 1 :] if directory else path


def _included(name: str, options: DirectorySource) -> bool:
    told = shown(name)
    if options.exclude and glob(options.exclude).matches(told):
        return False
    return not options.include or glob(options.include).matches(told)


def _library(wanted: Wanted, written: str) -> str:
    path = joined("", written)  # libraries are named from the repository's root
    if path is None or not wanted.reader.is_directory(path):
        raise RenderFailed(f"directory.jsonnet.libs: `{written}` is no directory of the repository")
    return path


def _variables(wanted: Wanted, given: tuple[JsonnetVar, ...]) -> tuple[Variable, ...]:
    return tuple(Variable(each.name, substituted(each.value, wanted.environment), each.code) for each in given)


def _add_imports(reader: TreeReader, gathered: Gathered, roots: list[str], search: tuple[str, ...]) -> None:
    """Follow imports from file to file; one that is not found is left for Jsonnet to complain about."""
    unread, seen = list(roots), set(roots)
    while unread:
        file = unread.pop()
        text = (reader.read(file) or b"").decode(errors="replace")
        for imported, is_code in imports_of(text):
            path = imported_path(reader, file, imported, search)
            if path is None or path in seen:
                continue
            seen.add(path)
            gathered.add(path)
            if is_code:
                unread.append(path)


def imported_path(reader: TreeReader, file: str, imported: str, search: tuple[str, ...]) -> str | None:
    for base in (posixpath.dirname(file), *search):
        path = None if imported.startswith("/") else joined(base, imported)
        if path is not None and reader.is_file(path):
            return path
    return None
