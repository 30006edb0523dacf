"""Plain manifests of a directory, in path order."""

from collections.abc import Callable, Mapping

import orjson

from gitops.manifest.decode import Decoded, decode_file, decode_text
from gitops.model.errors import ManifestInvalid
from gitops.model.repository import SkippedFile
from repo_server.render.jobs import DirectoryOptions, Job, Output
from repo_server.render.objects import objects

SKIP_MARK = "+argocd:skip-file-rendering"


def render_directory(options: DirectoryOptions, job: Job) -> Output:
    output = Output([], [])
    for path in options.manifests:
        file, suffix = path.removeprefix("repo/"), path.rpartition(".")[2]
        text = decode_text(job.files[path], file)
        decoded = Decoded([], f"says `{SKIP_MARK}`") if SKIP_MARK in text else READERS[suffix](options, job, path, text)
        output.manifests.extend(decoded.objects)
        if decoded.skipped:
            output.skipped.append(SkippedFile(file, decoded.skipped))
    return output


def _yaml(options: DirectoryOptions, job: Job, path: str, text: str) -> Decoded:
    return decode_file(text, path.removeprefix("repo/"))


def _json(options: DirectoryOptions, job: Job, path: str, text: str) -> Decoded:
    file = path.removeprefix("repo/")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ManifestInvalid(f"{file}:{error.lineno}: not valid JSON: {error.msg}") from None
    return Decoded(objects(value, f"{file}:{_first_line(text)}"))


def _first_line(text: str) -> int:
    return text[: len(text) - len(text.lstrip())].count("\n") + 1


def _jsonnet(options: DirectoryOptions, job: Job, path: str, text: str) -> Decoded:
    from repo_server.render.jsonnet import evaluate  # only workers that need the library pay for it

    value = orjson.loads(evaluate(options, job, path))
    # An `if` without `else` is a null among objects.
    wanted = [each for each in value if each is not None] if isinstance(value, list) else value
    found = [] if value is None else objects(wanted, path.removeprefix("repo/"))
    return Decoded(found, "" if found else "evaluates to no object")


READERS: Mapping[str, Callable[[DirectoryOptions, Job, str, str], Decoded]] = {
    "yaml": _yaml,
    "yml": _yaml,
    "json": _json,
    "jsonnet": _jsonnet,
}
