"""Plain manifests of a directory, in path order."""

from collections.abc import Callable, Mapping

import orjson

from gitops.manifest.decode import decode_yaml
from gitops.model.errors import ManifestInvalid
from gitops.model.resource import Manifest
from repo_server.render.jobs import DirectoryOptions, Job
from repo_server.render.objects import objects

SKIP_MARK = b"+argocd:skip-file-rendering"


def render_directory(options: DirectoryOptions, job: Job) -> list[Manifest]:
    found: list[Manifest] = []
    for path in options.manifests:
        content = job.files[path]
        if SKIP_MARK not in content:
            suffix = path.rpartition(".")[2]
            found.extend(READERS[suffix](options, job, path))
    return found


def _yaml(options: DirectoryOptions, job: Job, path: str) -> list[Manifest]:
    return decode_yaml(job.files[path], path.removeprefix("repo/"))


def _json(options: DirectoryOptions, job: Job, path: str) -> list[Manifest]:
    file = path.removeprefix("repo/")
    try:
        value = orjson.loads(job.files[path])
    except orjson.JSONDecodeError as error:
        raise ManifestInvalid(f"{file}:{error.lineno}: not valid JSON: {error.msg}") from None
    return objects(value, file)


def _jsonnet(options: DirectoryOptions, job: Job, path: str) -> list[Manifest]:
    from repo_server.render.jsonnet import evaluate  # only workers that need the library pay for it

    return objects(orjson.loads(evaluate(options, job, path)), path.removeprefix("repo/"))


READERS: Mapping[str, Callable[[DirectoryOptions, Job, str], list[Manifest]]] = {
    "yaml": _yaml,
    "yml": _yaml,
    "json": _json,
    "jsonnet": _jsonnet,
}
