"""What a Helm chart reads: the parts of the chart that Helm loads, its value files, its local dependencies.

Files of the chart that are neither templates nor values count only if something speaks of `.Files`, and
the cluster's version only if something speaks of `.Capabilities`. The render sees exactly what was
counted, so an unusual way to reach them finds nothing rather than something stale.
"""

import json
import posixpath
import re
from collections.abc import Iterable
from itertools import chain

from gitops.manifest.decode import decode_documents
from gitops.model.application import HelmParameter, HelmSource
from gitops.model.errors import InvalidSpec, RenderFailed
from gitops.model.globs import has_wildcard, path_glob
from repo_server.inputs.environment import substituted
from repo_server.inputs.helm_dependencies import add_local_dependencies
from repo_server.inputs.wanted import Gathered, Wanted, scratch_path
from repo_server.render.arguments import (
    ApiVersion,
    KubeVersion,
    ListedFile,
    Namespace,
    ParameterName,
    ParameterValue,
    ReleaseName,
    ScratchFile,
)
from repo_server.render.jobs import FileSetting, HelmOptions, Setting
from repo_server.tree import joined

CHART_FILES = (
    "Chart.yaml",
    "Chart.lock",
    "requirements.yaml",
    "requirements.lock",
    "values.yaml",
    "values.schema.json",
    ".helmignore",
)
CHART_DIRECTORIES = ("templates", "crds", "charts")

# `--set` reads these the same way the library does; anything else goes to the command.
_PLAIN_NAME = re.compile(r"[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*")
_PLAIN_VALUE = re.compile(r"[A-Za-z][\w./:@-]*")
_UNESCAPED_COMMA = re.compile(r"(?<!\\),")


def helm_inputs(wanted: Wanted, gathered: Gathered) -> HelmOptions:
    helm = wanted.source.helm or HelmSource()
    metadata = _add_chart(wanted, gathered)
    value_files = tuple(map(ListedFile, _value_files(wanted, gathered, helm)))
    file_settings = tuple(_file_setting(wanted, gathered, each.name, each.path) for each in helm.file_parameters)
    settings = tuple(_setting(wanted, each) for each in helm.parameters)
    values = json.dumps(helm.values_object) if helm.values_object is not None else helm.values
    texts = chain(gathered.texts(), [values.encode()], (str(each.value).encode() for each in settings))
    spoken = _spoken_of(texts, (b"Files", b"Capabilities"))
    # The library mends what is not UTF-8, or refuses what the command reads.
    is_text = all(map(_is_utf8, gathered.texts()))
    packed = any(each.path.endswith((".tgz", ".tar.gz")) for each in gathered.files())
    if packed or b"Files" in spoken:
        gathered.add_all(wanted.path)
    asks_cluster = packed or b"Capabilities" in spoken or bool(metadata.get("kubeVersion"))
    schema = any(each.path.endswith("values.schema.json") for each in gathered.files())
    skip_schema = helm.skip_schema_validation and (schema or packed)
    api_versions = helm.api_versions or wanted.context.api_versions
    plain = not file_settings and all(_is_plain(each) for each in settings)
    return HelmOptions(
        chart=ScratchFile(scratch_path(wanted.path)),
        release=ReleaseName(substituted(helm.release_name, wanted.environment) or wanted.context.app_name),
        namespace=Namespace(helm.namespace or wanted.context.namespace),
        value_files=value_files,
        values=values,
        settings=settings,
        file_settings=file_settings,
        include_crds=not helm.skip_crds,
        skip_tests=helm.skip_tests,
        skip_schema=skip_schema,
        kube_version=KubeVersion((helm.kube_version or wanted.context.kube_version) if asks_cluster else ""),
        api_versions=tuple(map(ApiVersion, sorted(api_versions))) if asks_cluster else (),
        in_process=plain and is_text and not asks_cluster and not skip_schema,
    )


def _add_chart(wanted: Wanted, gathered: Gathered) -> dict[str, object]:
    wanted.reader.directory(wanted.path)
    for name in CHART_FILES:
        gathered.add(posixpath.join(wanted.path, name))
    for name in CHART_DIRECTORIES:
        directory = posixpath.join(wanted.path, name)
        if wanted.reader.is_directory(directory):
            gathered.add_all(directory)
    add_local_dependencies(wanted.reader, gathered, wanted.path, scratch_path(wanted.path))
    file = posixpath.join(wanted.path, "Chart.yaml")
    content = wanted.reader.described(file)
    if content is None:
        raise RenderFailed(f"{file} does not exist, so this is no Helm chart; remove `helm` from the source")
    documents = decode_documents(content, file)
    return documents[0] if documents and isinstance(documents[0], dict) else {}


def _value_files(wanted: Wanted, gathered: Gathered, helm: HelmSource) -> Iterable[str]:
    for written in helm.value_files:
        origin, path = _located(wanted, written)
        found = [path] if not has_wildcard(path) else _matching(wanted, path, origin)
        places = [place for each in found if (place := gathered.add(each, origin=origin)) is not None]
        if not places and not helm.ignore_missing_value_files:
            raise RenderFailed(
                f"helm.valueFiles: `{written}` does not exist; add it, or set helm.ignoreMissingValueFiles"
            )
        yield from places


def _located(wanted: Wanted, written: str) -> tuple[str, str]:
    """(ref, path in its repository) of a value file as written."""
    name, _, behind = written.partition("/")
    if name.startswith("$") and name[1:] in wanted.refs:
        return name[1:], _inside(behind, "", written)
    if name.startswith("$") and behind and f"{name[1:]}" not in wanted.environment:
        raise InvalidSpec(f"helm.valueFiles: `{written}` names `{name}`, but no source has `ref: {name[1:]}`")
    path = substituted(written, wanted.environment)
    if "://" in path:
        raise RenderFailed(f"helm.valueFiles: `{written}` is a URL; value files must be in a repository")
    return "", _inside(path, wanted.path, written)


def _inside(path: str, base: str, written: str) -> str:
    found = joined(base, path)  # a leading slash starts at the repository's root
    if found is None:
        raise RenderFailed(f"helm.valueFiles: `{written}` leaves the repository")
    return found


def _matching(wanted: Wanted, pattern: str, origin: str) -> list[str]:
    reader = wanted.refs[origin] if origin else wanted.reader
    fixed = pattern.split("/")
    fixed = fixed[: next(number for number, part in enumerate(fixed) if has_wildcard(part))]
    base = "/".join(fixed)
    if not reader.is_directory(base):
        return []
    matching = path_glob(pattern)
    return sorted(each for each in reader.files(base).blobs if matching.matches(each))


def _setting(wanted: Wanted, given: HelmParameter) -> Setting:
    value = substituted(given.value, wanted.environment)
    if not (value.startswith("{") and value.endswith("}")):
        value = _UNESCAPED_COMMA.sub(r"\\,", value)
    return Setting(ParameterName(given.name), ParameterValue(value), given.force_string)


def _file_setting(wanted: Wanted, gathered: Gathered, name: str, written: str) -> FileSetting:
    path = _inside(substituted(written, wanted.environment), wanted.path, written)
    place = gathered.add(path)
    if place is None:
        raise RenderFailed(f"helm.fileParameters: `{written}` does not exist in the repository")
    return FileSetting(ParameterName(name), ListedFile(place))


def _is_plain(setting: Setting) -> bool:
    """Whether the library's `--set` gives the same value as the command's: numbers lose their kind in JSON."""
    if not _PLAIN_NAME.fullmatch(str(setting.name)):
        return False
    value = str(setting.value)
    if setting.force_string:
        return "\\" not in value.replace("\\,", "") and "{" not in value
    return bool(_PLAIN_VALUE.fullmatch(value)) and value != "null"


def _spoken_of(texts: Iterable[bytes], words: tuple[bytes, ...]) -> set[bytes]:
    return {word for text in texts for word in words if word in text}


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
