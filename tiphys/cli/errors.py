"""Everything that may go wrong in a command, as a class with its exit code.

A message says what happened, the advice what to do about it; `main` prints both, never a traceback.
"""

from collections.abc import Mapping

from tiphys.cli.exit_codes import ExitCode


class CliError(Exception):
    exit_code = ExitCode.NEGATIVE

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class OperationFailed(CliError):
    """A sync or rollback ended, and not well."""


class Usage(CliError):
    exit_code = ExitCode.USAGE


class NotLoggedIn(CliError):
    exit_code = ExitCode.REFUSED


class Forbidden(CliError):
    exit_code = ExitCode.REFUSED


class NotFound(CliError):
    exit_code = ExitCode.NOT_FOUND


class TimedOut(CliError):
    exit_code = ExitCode.TIMEOUT


class Unreachable(CliError):
    exit_code = ExitCode.UNREACHABLE


class ServerError(CliError):
    exit_code = ExitCode.SERVER_ERROR


class Conflict(CliError):
    """The request is right in itself, but not in the state things are in."""

    exit_code = ExitCode.CONFLICT


BY_HTTP_STATUS: Mapping[int, type[CliError]] = {
    400: Usage,
    401: NotLoggedIn,
    403: Forbidden,
    404: NotFound,
    405: ServerError,
    408: TimedOut,
    409: Conflict,
    412: Conflict,
    415: ServerError,
    422: Usage,
    429: Conflict,
    502: Unreachable,
    503: Unreachable,
    504: TimedOut,
}


# gRPC codes that the body carries beside the status, where they say more than it does.
BY_GRPC_CODE: Mapping[int, type[CliError]] = {
    9: Conflict,  # FailedPrecondition, which travels as 400
}


def error_of(status: int, grpc_code: int) -> type[CliError]:
    return BY_GRPC_CODE.get(grpc_code) or BY_HTTP_STATUS.get(status, ServerError)
