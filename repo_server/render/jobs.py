"""What a render worker is given and what it gives back: plain values, nothing of the machine.

The options are part of the render key, so they hold everything that shapes the result and nothing else.
File names are relative to the scratch directory: `repo/…` for the source's own repository, `ref/<name>/…`
for the ones it refers to.
"""

from typing import NamedTuple

import msgspec

from gitops.model.repository import SkippedFile
from gitops.model.resource import Manifest
from repo_server.render.arguments import (
    ApiVersion,
    BuildOption,
    KubeVersion,
    KustomizeTool,
    ListedFile,
    Namespace,
    ParameterName,
    ParameterValue,
    ReleaseName,
    ScratchFile,
)

REPO = "repo"
REF = "ref"


class Setting(msgspec.Struct, frozen=True):
    name: ParameterName
    value: ParameterValue
    force_string: bool = False


class FileSetting(msgspec.Struct, frozen=True):
    name: ParameterName
    file: ListedFile


class HelmOptions(msgspec.Struct, frozen=True, tag="helm"):
    chart: ScratchFile  # a directory
    release: ReleaseName
    namespace: Namespace
    value_files: tuple[ListedFile, ...] = ()
    values: str = ""
    settings: tuple[Setting, ...] = ()
    file_settings: tuple[FileSetting, ...] = ()
    include_crds: bool = True
    skip_tests: bool = False
    skip_schema: bool = False
    kube_version: KubeVersion = KubeVersion("")  # only if the chart asks for it
    api_versions: tuple[ApiVersion, ...] = ()
    in_process: bool = True


class Rewritten(msgspec.Struct, frozen=True):
    """A file, and what it is to say instead."""

    file: ScratchFile
    text: str


class KustomizeOptions(msgspec.Struct, frozen=True, tag="kustomize"):
    directory: ScratchFile
    rewritten: tuple[Rewritten, ...] = ()
    tool: KustomizeTool = KustomizeTool("kustomize")
    build_options: tuple[BuildOption, ...] = ()


class Variable(msgspec.Struct, frozen=True):
    name: str
    value: str
    code: bool = False


class DirectoryOptions(msgspec.Struct, frozen=True, tag="directory"):
    directory: str
    manifests: tuple[str, ...] = ()  # in order; jsonnet among them
    libraries: tuple[str, ...] = ()
    ext_vars: tuple[Variable, ...] = ()
    tlas: tuple[Variable, ...] = ()


Options = HelmOptions | KustomizeOptions | DirectoryOptions


class Job(msgspec.Struct, frozen=True):
    options: Options
    files: dict[str, bytes]
    scratch: str
    tools: str  # directory that holds helm and kustomize
    output_limit: int  # bytes of manifests


class Output(NamedTuple):
    """What a render made, and the files it made nothing of."""

    manifests: list[Manifest]
    skipped: list[SkippedFile]


class Failure(msgspec.Struct, frozen=True):
    reason: str  # of a GitOpsError class
    message: str


class Reply(msgspec.Struct, frozen=True):
    """Manifests as a JSON array, or why there are none."""

    manifests: bytes = b""
    skipped: tuple[SkippedFile, ...] = ()
    failure: Failure | None = None
