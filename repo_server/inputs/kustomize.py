"""What a kustomization reads: itself, and through its bases and components all they name, file by file."""

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from gitops.manifest.decode import decode_documents
from gitops.model.application import KustomizeSource
from gitops.model.errors import ManifestInvalid, RenderFailed
from repo_server.inputs.kustomize_edit import edited
from repo_server.inputs.kustomize_options import chosen, disguised, is_unrestricted
from repo_server.inputs.wanted import Gathered, Wanted, scratch_path
from repo_server.render.arguments import ScratchFile
from repo_server.render.jobs import KustomizeOptions, Rewritten
from repo_server.tree import joined

KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")

_REMOTE = re.compile(r"://|^git::|^[\w.-]+@[\w.-]+:|^(github|gitlab|bitbucket)\.(com|org)[/:]|\?ref=|\.git(/|$|\?)")

Document = Mapping[str, Any]


def _strings(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _paths_of_items(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [each["path"] for each in items if isinstance(each, Mapping) and isinstance(each.get("path"), str)]


def _generator_files(value: Any) -> list[str]:
    found: list[str] = []
    for each in value if isinstance(value, list) else []:
        if isinstance(each, Mapping):
            found.extend(file.partition("=")[2] or file for file in _strings(each.get("files")))
            found.extend(_strings(each.get("envs")))
            found.extend(_strings([each.get("env")]))
    return found


# Which files or directories each field names.
NAMED: Mapping[str, Callable[[Any], Iterable[str]]] = {
    "resources": _strings,
    "bases": _strings,
    "components": _strings,
    "crds": _strings,
    "configurations": _strings,
    "generators": _strings,
    "transformers": _strings,
    "validators": _strings,
    "patchesStrategicMerge": _strings,
    "patchesJson6902": _paths_of_items,
    "patches": lambda value: [*_strings(value), *_paths_of_items(value)],
    "replacements": _paths_of_items,
    "openapi": _paths_of_items,
    "configMapGenerator": _generator_files,
    "secretGenerator": _generator_files,
}

# Name no file. Any other field may, so then the whole directory counts.
SILENT = frozenset(
    {
        *("apiVersion", "kind", "metadata", "namePrefix", "nameSuffix", "namespace", "images", "replicas", "labels"),
        *("commonLabels", "commonAnnotations", "vars", "generatorOptions", "buildMetadata", "sortOptions", "imageTags"),
    }
)
# Their files are configuration that may name further files.
_PLUGINS = frozenset({"generators", "transformers", "validators"})
_REFUSED = {
    "helmCharts": "Helm charts inside a kustomization are not rendered; make the chart a source of its own",
    "helmChartInflationGenerator": "Helm charts inside a kustomization are not rendered; make them a source",
}


def kustomize_inputs(wanted: Wanted, gathered: Gathered) -> KustomizeOptions:
    wanted.reader.directory(wanted.path)
    options = wanted.source.kustomize or KustomizeSource()
    tool, build = chosen(wanted.context.kustomize, options.version)
    closure = _Closure(wanted, gathered, strict=is_unrestricted(build))
    file, document = closure.kustomization(wanted.path)
    changed = edited(document, options, wanted.environment, lambda each: _exists(wanted, each))
    closure.visit(wanted.path, changed)
    # Where kustomize may read any file, it reads of ours what was checked, not what it may make of the original.
    rewritten = closure.documents if is_unrestricted(build) else {file: changed} if changed != document else {}
    return KustomizeOptions(
        directory=ScratchFile(scratch_path(wanted.path)),
        rewritten=tuple(
            Rewritten(ScratchFile(scratch_path(each)), msgspec.json.encode(said).decode())
            for each, said in sorted(rewritten.items())
        ),
        tool=tool,
        build_options=build,
    )


def _exists(wanted: Wanted, component: str) -> bool:
    path = joined(wanted.path, component)
    return path is not None and wanted.reader.is_directory(path)


class _Closure:
    """Walks from kustomization to kustomization, each once.

    `strict`: kustomize will not be kept in its directory, so only what is known to name files of the repository passes.
    """

    def __init__(self, wanted: Wanted, gathered: Gathered, *, strict: bool) -> None:
        self._strict = strict
        self.documents: dict[str, Document] = {}
        self._reader = wanted.reader
        self._gathered = gathered
        self._visited: set[str] = set()

    def kustomization(self, directory: str) -> tuple[str, Document]:
        files = [posixpath.join(directory, name) for name in KUSTOMIZATION_NAMES]
        found = [file for file in files if self._reader.is_file(file)]
        if len(found) != 1:
            what = "holds more than one" if found else "holds no"
            raise RenderFailed(f"{directory or '.'} {what} kustomization file (kustomization.yaml)")
        documents = decode_documents(self._reader.described(found[0]) or b"", found[0])
        document = documents[0] if documents else {}
        if not isinstance(document, dict) or len(documents) > 1:
            raise ManifestInvalid(f"{found[0]}: a kustomization is one YAML object")
        self._gathered.add(found[0])
        return found[0], document

    def visit(self, directory: str, document: Document | None = None) -> None:
        """`document`: what the kustomization is to say, if not what its file says."""
        if directory in self._visited:
            return
        self._visited.add(directory)
        file, written = self.kustomization(directory)
        fields = self.documents[file] = written if document is None else document
        if self._strict:
            self._check(file, fields)
        for field, value in fields.items():
            if value and field in _REFUSED:
                raise RenderFailed(f"{file}: {field}: {_REFUSED[field]}")
            for named in NAMED[field](value) if field in NAMED else ():
                self._add(directory, named, f"{file}: {field}")
        if any(field in _PLUGINS or field not in NAMED.keys() | SILENT for field, value in fields.items() if value):
            self._gathered.add_all(directory, whole=False)

    def _check(self, file: str, fields: Document) -> None:
        odd = next((field for field in fields if field in _PLUGINS or field not in NAMED.keys() | SILENT), "")
        if odd := odd or disguised(fields):
            raise RenderFailed(
                f"{file}: `{odd}` might name files outside the repository, which kustomize would read because "
                "kustomize.buildOptions of argocd-cm says LoadRestrictionsNone; remove one of them"
            )

    def _add(self, directory: str, named: str, where: str) -> None:
        if "\n" in named:
            return  # written in place
        path = None if named.startswith("/") else joined(directory, named)
        if "://" not in named and path is not None:
            if self._reader.is_directory(path):
                self.visit(path)
                return
            if self._gathered.add(path) is not None:
                return
        if _REMOTE.search(named):
            raise RenderFailed(f"{where}: `{named}` is remote; remote bases are not read, copy it into the repository")
        if path is None:
            raise RenderFailed(f"{where}: `{named}` leaves the repository")
        raise RenderFailed(f"{where}: `{named}` does not exist")
