"""JSON that can be stored and answered again: text that is Unicode, numbers that exist, no towers of brackets."""

from typing import Any

import msgspec
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_server.errors import BodyTooLarge, error_response
from gitops.model.errors import InvalidRequest

DEEPEST = 100  # Kubernetes' own objects stay below 40; whoever walks a value by recursion is safe up to here
_ELSEWHERE = frozenset({"/api/webhook"})  # read there, as it comes


class StrictJson:
    """Reads a JSON body before any route does, and refuses one that only a lenient reader would take."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _ELSEWHERE or not _has_json(Headers(scope=scope)):
            return await self._app(scope, receive, send)
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            return None
        except HTTPException as error:  # cut on its way in; no route's handler is around us yet
            return await error_response(BodyTooLarge(error.detail))(scope, receive, send)
        try:
            _read(body)
        except InvalidRequest as error:
            return await error_response(error)(scope, receive, send)
        return await self._app(scope, _again(body, receive), send)


def check_json(value: Any, where: str) -> None:
    """Raises InvalidRequest for decoded JSON that is nested too deep. Goes without recursion itself."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise InvalidRequest(f"{where}: it is nested deeper than {DEEPEST} levels")
        level = [inner for each in level for inner in _inside(each) if isinstance(inner, dict | list)]


def _read(body: bytes) -> None:
    if not body:
        return
    try:
        value = msgspec.json.decode(body)
    except RecursionError:
        raise InvalidRequest(f"the body is nested deeper than {DEEPEST} levels") from None
    except UnicodeDecodeError:
        raise InvalidRequest("the body is not valid UTF-8") from None
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"the body is not valid JSON: {error}") from None
    check_json(value, "the body")


def _inside(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _has_json(headers: Headers) -> bool:
    if not headers.get("content-type", "").lower().startswith("application/json"):
        return False  # the guard lets pass what needs none, and routes without a body look at none
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more in one piece, then whatever the connection says next."""
    told = False

    async def receive_again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
