"""Jsonnet, with imports answered from the job's own files: there is no file system behind them."""

import posixpath

import rjsonnet

from gitops.model.errors import RenderFailed
from repo_server.render.jobs import DirectoryOptions, Job

_STACK_LIMIT = 500
_TRACE_LIMIT = 10
_ENTRY = "tiphys-entry"


def evaluate(options: DirectoryOptions, job: Job, path: str) -> str:
    """The JSON that one .jsonnet file stands for."""

    def imported(base: str, name: str) -> tuple[str, str]:
        if name == _ENTRY:
            return "/" + path, _text(job.files[path], path)
        if name.startswith("/"):
            raise RenderFailed(f"import of `{name}`: absolute paths lead out of the repository")
        for directory in (base.strip("/"), *reversed(options.libraries), options.directory):
            found = posixpath.normpath(posixpath.join("/", directory, name)).lstrip("/")
            if found in job.files:
                return "/" + found, _text(job.files[found], found)
        raise RenderFailed(f"import of `{name}`: no such file in the repository")

    try:
        # Imported instead of handed over, since a snippet's own relative imports start elsewhere.
        return rjsonnet.evaluate_snippet(
            f"/{_ENTRY}",
            f"import '{_ENTRY}'",
            max_stack=_STACK_LIMIT,
            max_trace=_TRACE_LIMIT,
            ext_vars={each.name: each.value for each in options.ext_vars if not each.code},
            ext_codes={each.name: each.value for each in options.ext_vars if each.code},
            tla_vars={each.name: each.value for each in options.tlas if not each.code},
            tla_codes={each.name: each.value for each in options.tlas if each.code},
            import_callback=imported,
        )
    except RuntimeError as error:
        raise RenderFailed(f"{path.removeprefix('repo/')}: {_told(str(error))}") from None


def _text(content: bytes, path: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise RenderFailed(f"{path.removeprefix('repo/')} is not UTF-8 text, so it cannot be imported") from None


def _told(message: str) -> str:
    """Jsonnet's words and trace, with paths as they are in the repository."""
    lines = [line for line in message.splitlines() if _ENTRY not in line]
    text = "\n".join(lines).replace("/repo/", "")
    return text.removeprefix("import_callback error: ").removeprefix("RenderFailed: ")
