"""From a GitOpsError to the HTTP answer that tells it: one table, one shape."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from adapters.live_client import ControllerUnavailable
from gitops.model import errors
from gitops.model.errors import GitOpsError

log = structlog.get_logger("api")


class UnsupportedMediaType(GitOpsError):
    reason = "UnsupportedMediaType"


class BodyTooLarge(GitOpsError):
    reason = "BodyTooLarge"


class TooManyRequests(GitOpsError):
    reason = "TooManyRequests"


class TooSlow(GitOpsError):
    """The sender of a request takes too long over it."""

    reason = "TooSlow"


class TimedOut(GitOpsError):
    reason = "TimedOut"


class FailedPrecondition(GitOpsError):
    """Right in itself, but not in the state things are in."""

    reason = "FailedPrecondition"


class Answer(NamedTuple):
    status: int
    code: int  # gRPC's, which the argocd command and its users read


INTERNAL = Answer(500, 13)
UNAVAILABLE = Answer(503, 14)

# Classes not listed take the answer of their nearest listed base.
ANSWERS: Mapping[type[GitOpsError], Answer] = {
    GitOpsError: INTERNAL,
    errors.InvalidSpec: Answer(400, 3),
    errors.InvalidRequest: Answer(400, 3),
    errors.NotPermitted: Answer(403, 7),
    errors.Unauthenticated: Answer(401, 16),
    errors.NotFound: Answer(404, 5),
    errors.AlreadyExists: Answer(409, 6),
    errors.Conflict: Answer(409, 10),
    errors.SourceError: Answer(400, 9),
    errors.RepositoryUnreachable: UNAVAILABLE,
    errors.RepoServerUnavailable: UNAVAILABLE,
    errors.ClusterError: Answer(400, 9),
    errors.ClusterUnreachable: UNAVAILABLE,
    errors.SyncFailed: Answer(400, 9),
    ControllerUnavailable: UNAVAILABLE,
    FailedPrecondition: Answer(400, 9),
    UnsupportedMediaType: Answer(415, 3),
    BodyTooLarge: Answer(413, 8),
    TooManyRequests: Answer(429, 8),
    TooSlow: Answer(408, 4),
    TimedOut: Answer(504, 4),
}

# What the management cluster itself answered, by HTTP status.
CLUSTER_ANSWERS: Mapping[int, Answer] = {
    400: Answer(400, 9),
    403: Answer(403, 7),
    404: Answer(404, 5),
    409: Answer(409, 10),
    410: Answer(409, 10),
    413: Answer(413, 8),
    422: Answer(400, 3),
    429: Answer(429, 8),
    503: UNAVAILABLE,
    504: Answer(504, 4),
    401: INTERNAL,  # it does not know us: no caller can mend that by logging in
}

CUT = frozenset({408, 413, 429})
HTTP_CODES: Mapping[int, int] = {401: 16, 403: 7, 404: 5, 405: 12, 409: 10, 413: 8, 415: 3, 429: 8, 501: 12, 503: 14}


# Where pydantic's own words would not tell a caller what to do.
WORDS: Mapping[str, str] = {
    "extra_forbidden": "there is no such field here; check the spelling",
    "missing": "this is required",
}


def answer_to(error: GitOpsError) -> Answer:
    if isinstance(error, errors.ClusterRefused):
        return CLUSTER_ANSWERS.get(error.status) or _of_class(error.status // 100)
    return next(ANSWERS[each] for each in type(error).__mro__ if each in ANSWERS)


def _of_class(hundreds: int) -> Answer:
    """For a status that nobody listed: what was asked does not fit, or the cluster fails at it."""
    return {4: Answer(400, 9), 5: UNAVAILABLE}.get(hundreds, INTERNAL)


def error_body(message: str, code: int) -> dict[str, Any]:
    return {"error": message, "code": code, "message": message}


def error_response(error: GitOpsError) -> Response:
    answer = answer_to(error)
    return _json(error_body(str(error), answer.code), answer.status, _closing(answer.status))


def stream_error(error: GitOpsError) -> bytes:
    """An error in the middle of a stream, as grpc-gateway writes it."""
    answer = answer_to(error)
    told = {
        "grpc_code": answer.code,
        "http_code": answer.status,
        "message": str(error),
        "http_status": HTTPStatus(answer.status).phrase,
    }
    return msgspec.json.encode({"error": told})


def add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(GitOpsError, _of_gitops)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_bug)


def told(problems: Sequence[Mapping[str, Any]]) -> str:
    """Validation problems as one line: field by field, what is expected there."""
    return "; ".join(_problem(each) for each in problems) or "the request is not valid"


def _problem(problem: Mapping[str, Any]) -> str:
    if problem.get("type") == "json_invalid":
        reason = problem.get("ctx", {}).get("error", "it does not parse")
        return f"the body is not valid JSON: {reason} (at character {problem['loc'][-1]})"
    where = list(problem.get("loc", ()))
    kind, path = (where[0], where[1:]) if where else ("request", [])
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    place = {"body": "body", "query": "query parameter", "path": "path"}.get(str(kind), str(kind))
    kind_of = str(problem.get("type"))
    text = WORDS.get(kind_of) or str(problem.get("msg", "is not valid"))
    return f"{place} {field}: {text}" if field else f"{place}: {text}"


async def _of_gitops(request: Request, error: Exception) -> Response:
    assert isinstance(error, GitOpsError)
    if answer_to(error) is INTERNAL:
        log.error("request failed", path=request.url.path, reason=error.reason, error=str(error))
    return error_response(error)


async def _of_validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _json(error_body(told(error.errors()), 3), 400)


async def _of_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return PlainTextResponse("Not Found", status_code=404)
    code = HTTP_CODES.get(error.status_code, 3)
    headers = {**(error.headers or {}), **_closing(error.status_code)}
    return _json(error_body(str(error.detail), code), error.status_code, headers)


async def _of_bug(request: Request, error: Exception) -> Response:
    # No locals and no message: either could hold what a user sent.
    log.error("unforeseen error", path=request.url.path, error=type(error).__name__, exc_info=_bare(error))
    return _json(error_body("internal error; the API server's log says more", 13), 500)


def _closing(status: int) -> Mapping[str, str]:
    """After a body that was cut, the connection is closed: the rest of it is not even to be received."""
    return {"Connection": "close"} if status in CUT else {}


def _bare(error: Exception) -> Exception | None:
    return error if logging.getLogger().isEnabledFor(logging.DEBUG) else None


def _json(body: Any, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")
