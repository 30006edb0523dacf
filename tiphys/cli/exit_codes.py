"""What the process's exit status means: the one table that code, `--help` and docs/cli.md agree on."""

from collections.abc import Mapping
from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    NEGATIVE = 1
    USAGE = 2
    REFUSED = 3
    NOT_FOUND = 4
    TIMEOUT = 5
    UNREACHABLE = 6
    SERVER_ERROR = 7
    CONFLICT = 8
    INTERRUPTED = 130


MEANINGS: Mapping[ExitCode, str] = {
    ExitCode.OK: "done; `app diff`: no difference",
    ExitCode.NEGATIVE: "the answer is no: differences found, operation failed, not permitted (can-i)",
    ExitCode.USAGE: "the command line, a local file or the request is not right",
    ExitCode.REFUSED: "not logged in, login expired, or permission denied",
    ExitCode.NOT_FOUND: "no such application, project, resource or context",
    ExitCode.TIMEOUT: "--timeout passed before it was done; the operation itself goes on",
    ExitCode.UNREACHABLE: "the server (or a cluster) does not answer",
    ExitCode.SERVER_ERROR: "the server answered that it failed, or not in its own language",
    ExitCode.CONFLICT: "right, but not as things are now: it exists, it changed, an operation is in progress",
    ExitCode.INTERRUPTED: "interrupted with Ctrl-C",
}


def meanings_as_text() -> str:
    """The table as `tiphys --help` prints it."""
    return "\n".join(f"  {code.value:>3}  {meaning}" for code, meaning in MEANINGS.items())
