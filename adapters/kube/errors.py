"""From an API server's refusal to the error a user reads: verb, object and the server's own words."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from adapters.kube.requests import Request
from gitops.model.errors import AlreadyExists, ClusterRefused, Conflict, GitOpsError, KindNotServed, NotFound

_LONGEST_MESSAGE = 2_000

# Beside the server's words, what to do about it; most refusals of these kinds have one usual cause.
_ADVICE = {
    401: "the credentials of the cluster are not accepted; register the cluster again",
    403: "the identity the cluster was registered with lacks this permission",
    413: "the object is too large for the API server",
    429: "the API server asks for fewer requests; it is tried again later",
}


def refusal(request: Request, status: int, body: bytes) -> GitOpsError:
    """The error that an answer of `status` stands for."""
    answer = _status_object(body)
    build = _BUILDERS.get(status, _refused)
    return build(request, status, answer)


def words_of(request: Request, answer: Mapping[str, Any]) -> str:
    """What the server said, causes with their field paths first, secrets left out."""
    causes = _causes(answer)
    if request.kind == "Secret" and answer.get("reason") not in {
        "Forbidden",
        "NotFound",
        "Unauthorized",
        "AlreadyExists",
    }:
        # The server quotes what it does not like, and that may be the secret itself.
        told = "; ".join(f"{each.get('field', '?')}: {each.get('reason', 'invalid')}" for each in causes)
        return (
            told or f"{answer.get('reason') or 'refused'} (the server's words are left out, they may quote the secret)"
        )
    message = str(answer.get("message") or "").strip()
    told = "; ".join(_told(each) for each in causes if str(each.get("message", "")) not in message)
    return "; ".join(part for part in (message, told) if part)[:_LONGEST_MESSAGE]


def _told(cause: Mapping[str, Any]) -> str:
    field = str(cause.get("field") or "")
    message = str(cause.get("message") or cause.get("reason") or "")
    return f"{field}: {message}" if field else message


def _causes(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    details = answer.get("details")
    causes = details.get("causes") if isinstance(details, Mapping) else None
    return [each for each in causes if isinstance(each, Mapping)] if isinstance(causes, list) else []


def _status_object(body: bytes) -> Mapping[str, Any]:
    """The `Status` in an answer; plain text (proxies, aggregated APIs) counts as its message."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {"message": body[:_LONGEST_MESSAGE].decode("utf-8", "replace").strip()}
    if isinstance(answer, dict) and answer.get("kind") == "Status":
        return answer
    return {"message": "the answer is not a Kubernetes status; is the address that of an API server?"}


def _refused(request: Request, status: int, answer: Mapping[str, Any]) -> GitOpsError:
    reason = str(answer.get("reason") or "")
    said = words_of(request, answer) or f"HTTP {status}"
    advice = _ADVICE.get(status)
    text = f"{request.subject}: the API server refused it ({reason or status}): {said}"
    return ClusterRefused(f"{text}; {advice}" if advice else text, status=status, api_reason=reason)


def _missing(request: Request, status: int, answer: Mapping[str, Any]) -> GitOpsError:
    details = answer.get("details")
    missing = details.get("name") if isinstance(details, Mapping) else None
    if not missing:
        return KindNotServed(f"{request.subject}: the cluster does not serve this kind; is its CRD installed?")
    if isinstance(details, Mapping) and details.get("kind") == "namespaces" and request.kind != "Namespace":
        return NotFound(
            f"{request.subject}: the namespace `{missing}` does not exist; create it, or sync with CreateNamespace=true"
        )
    return NotFound(f"{request.subject}: {words_of(request, answer)}")


def _conflict(request: Request, _status: int, answer: Mapping[str, Any]) -> GitOpsError:
    kind = AlreadyExists if answer.get("reason") == "AlreadyExists" else Conflict
    return kind(f"{request.subject}: {words_of(request, answer)}")


_BUILDERS: Mapping[int, Callable[[Request, int, Mapping[str, Any]], GitOpsError]] = {404: _missing, 409: _conflict}
