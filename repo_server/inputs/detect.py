"""Which tool renders a source: what the source says, else what its directory looks like."""

from collections.abc import Callable, Mapping, Sequence

from gitops.model.application import Source
from gitops.model.errors import InvalidSpec, RenderFailed
from repo_server.inputs.directory import directory_inputs
from repo_server.inputs.helm import helm_inputs
from repo_server.inputs.kustomize import KUSTOMIZATION_NAMES, kustomize_inputs
from repo_server.inputs.wanted import Gathered, Wanted
from repo_server.render.jobs import Options
from repo_server.tree import TreeReader

HELM, KUSTOMIZE, DIRECTORY = "Helm", "Kustomize", "Directory"

# The first marker that the directory holds decides: a kustomization beside a chart is what is built, as in Argo CD.
MARKERS: Sequence[tuple[str, str]] = (
    *((name, KUSTOMIZE) for name in KUSTOMIZATION_NAMES),
    ("Chart.yaml", HELM),
)

GATHER: Mapping[str, Callable[[Wanted, Gathered], Options]] = {
    HELM: helm_inputs,
    KUSTOMIZE: kustomize_inputs,
    DIRECTORY: directory_inputs,
}


def source_type(source: Source, path: str, reader: TreeReader) -> str:
    if source.plugin is not None:
        raise RenderFailed("config management plugins are not supported yet; remove `plugin` from the source")
    explicit = [
        name
        for name, options in ((HELM, source.helm), (KUSTOMIZE, source.kustomize), (DIRECTORY, source.directory))
        if options is not None
    ]
    if len(explicit) > 1:
        raise InvalidSpec(f"the source says both {' and '.join(explicit)}; leave one of them")
    if explicit:
        return explicit[0]
    inside = f"{path}/" if path else ""
    return next((name for marker, name in MARKERS if reader.is_file(inside + marker)), DIRECTORY)
