"""What holds for every request, before any route sees it: raw paths, content types, origins, sizes, headers.

Plain ASGI layers, so that streams pass through untouched.
"""

from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_server.errors import BodyTooLarge, UnsupportedMediaType, error_response
from gitops.model.errors import GitOpsError, NotPermitted

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
JSON_TYPES = frozenset({"application/json", "application/json;charset=utf-8", "application/json; charset=utf-8"})
BODY_LIMIT = 4 * 1024 * 1024  # above what etcd stores of one object
STRANGERS_BODY_LIMIT = 64 * 1024  # a login and the like: bodies are read before anybody is asked who he is
FOREIGN_POSTS = frozenset({"/api/webhook"})  # come from other servers, and are checked there
NO_BODY_POSTS = frozenset({"/auth/logout"})

CONTENT_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)

OwnOrigins = Callable[[], Iterable[str]]
IsKnown = Callable[[Scope], bool]  # whether a request comes with a valid session


class RawPaths:
    """Routes under /api are matched on the path as sent, so that an id may hold an encoded slash.

    Every path parameter there is declared as `Segment` (see access.py), which decodes it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/api/"):
            raw = scope.get("raw_path") or quote(scope["path"]).encode()
            scope = {**scope, "path": raw.partition(b"?")[0].decode("latin-1")}
        await self._app(scope, receive, send)


class SecurityHeaders:
    """Headers of every answer; a header an answer set itself stays."""

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        self._app = app
        self._headers = {
            "Content-Security-Policy": CONTENT_POLICY,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            **({"Strict-Transport-Security": "max-age=31536000"} if tls else {}),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        private = scope["path"].startswith(("/api/", "/auth/"))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if private:
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        return await self._app(scope, receive, send_with_headers)


class RequestGuard:
    """Refuses what a foreign page could make a browser send, and bodies nobody needs."""

    def __init__(self, app: ASGIApp, *, own_origins: OwnOrigins, is_known: IsKnown) -> None:
        self._app = app
        self._own_origins = own_origins
        self._is_known = is_known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in FOREIGN_POSTS:
            return await self._app(scope, receive, send)
        refusal = self._refusal(scope["method"], scope["path"], Headers(scope=scope))
        if refusal is not None:
            answer: Response = error_response(refusal)
            return await answer(scope, receive, send)

        def limit(size: int) -> int:
            return BODY_LIMIT if size <= STRANGERS_BODY_LIMIT or self._is_known(scope) else STRANGERS_BODY_LIMIT

        announced = announced_length(Headers(scope=scope))
        if announced > limit(announced):
            answer = error_response(BodyTooLarge(f"the body is larger than {limit(announced)} bytes; log in first"))
            return await answer(scope, receive, send)
        return await self._app(scope, limited(receive, limit), send)

    def _refusal(self, method: str, path: str, headers: Headers) -> GitOpsError | None:
        writes = method not in SAFE_METHODS
        if (writes or path.startswith("/api/v1/stream")) and not self._same_origin(headers):
            return NotPermitted("permission denied: the request comes from another site")
        if writes and path not in NO_BODY_POSTS and not _is_json(headers) and not _is_bare_command(headers):
            return UnsupportedMediaType("the content type of a request that is not GET must be application/json")
        if announced_length(headers) > BODY_LIMIT:
            return BodyTooLarge(f"the body is larger than {BODY_LIMIT} bytes")
        return None

    def _same_origin(self, headers: Headers) -> bool:
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return False
        origin = headers.get("origin")
        if origin is None:
            return True
        host = _host_of(origin)
        own = {headers.get("host", "").lower(), *map(_host_of, self._own_origins())}
        return bool(host) and host in own


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""  # no address: nobody's origin


def limited(receive: Receive, limit: Callable[[int], int]) -> Receive:
    """The same body, cut with an error as soon as it grows past the limit that there is for its size."""
    total = 0

    async def receive_within_limit() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > (most := limit(total)):
            raise HTTPException(413, f"the body is larger than {most} bytes")
        return message

    return receive_within_limit


def _is_json(headers: Headers) -> bool:
    return headers.get("content-type", "").lower() in JSON_TYPES


def _is_bare_command(headers: Headers) -> bool:
    """No body, and a token that no browser adds by itself: nothing a foreign page could have sent."""
    empty = "transfer-encoding" not in headers and headers.get("content-length", "0") == "0"
    return empty and "authorization" in headers and "content-type" not in headers


def announced_length(headers: Mapping[str, str]) -> int:
    """What Content-Length says; 0 when it says nothing that could be believed."""
    text = headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
