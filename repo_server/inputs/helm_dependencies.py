"""Dependencies a chart names but does not carry: those of the same repository are put into its charts/."""

import posixpath
from typing import Any

from gitops.manifest.decode import decode_documents
from gitops.model.errors import RenderFailed
from repo_server.inputs.wanted import Gathered
from repo_server.render.arguments import Segment
from repo_server.tree import TreeReader, joined

_NESTING_LIMIT = 10
_LOCAL = "file://"


def add_local_dependencies(reader: TreeReader, gathered: Gathered, chart: str, place: str, nesting: int = 0) -> None:
    """As `helm dependency build` would, without a network: `place` is the chart in the scratch directory."""
    if nesting > _NESTING_LIMIT:
        raise RenderFailed(f"{chart}/Chart.yaml: dependencies are nested too deep, or depend on each other")
    for dependency in _declared(reader, chart):
        if not dependency.get("name"):
            continue
        name = str(Segment(str(dependency["name"])))
        if _is_carried(reader, chart, name):
            continue
        source = _local_source(reader, chart, name, str(dependency.get("repository") or ""))
        target = f"{place}/charts/{name}"
        found = reader.files(source)
        if found.lost:
            raise RenderFailed(next(iter(found.lost.values())).reason)
        for file, oid in found.blobs.items():
            gathered.place(posixpath.join(target, posixpath.relpath(file, source)), oid)
        add_local_dependencies(reader, gathered, source, target, nesting + 1)


def _declared(reader: TreeReader, chart: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in ("Chart.yaml", "requirements.yaml"):
        file = posixpath.join(chart, name)
        for document in decode_documents(reader.described(file) or b"", file):
            dependencies = document.get("dependencies") if isinstance(document, dict) else None
            if isinstance(dependencies, list):
                found.extend(each for each in dependencies if isinstance(each, dict))
    return found


def _is_carried(reader: TreeReader, chart: str, name: str) -> bool:
    charts = posixpath.join(chart, "charts")
    if reader.is_file(f"{charts}/{name}/Chart.yaml"):
        return True
    if not reader.is_directory(charts):
        return False
    packed = (posixpath.basename(each) for each in reader.files(charts, recurse=False).blobs)
    return any(each.startswith(f"{name}-") and each.endswith(".tgz") for each in packed)


def _local_source(reader: TreeReader, chart: str, name: str, repository: str) -> str:
    where = f"{chart}/Chart.yaml: dependency `{name}`"
    if not repository.startswith(_LOCAL):
        raise RenderFailed(
            f"{where} is not in charts/; run `helm dependency build` and commit the result "
            "(chart repositories are not read during a render)"
        )
    path = joined(chart, repository.removeprefix(_LOCAL))
    if path is None or repository.removeprefix(_LOCAL).startswith("/"):
        raise RenderFailed(f"{where} leaves the repository with `{repository}`")
    if not reader.is_file(posixpath.join(path, "Chart.yaml")):
        raise RenderFailed(f"{where} points at `{path}`, where there is no chart")
    return path
