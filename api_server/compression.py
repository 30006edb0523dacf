"""What is sent compressed, and to whom: every whole JSON answer that is worth it, never a stream."""

import asyncio
import gzip
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_server.answers import JSON

GZIP_FROM = 1_024  # below, the headers cost more than is saved
GZIP_AT_ONCE = 256 * 1_024  # above, compressing would hold up everybody else's requests: a thread does it
MOST_PADDING = 64
ACCEPT = "Accept-Encoding"


class Compression:
    """Compresses JSON whose length is known before it is sent; streams have none, and pass as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not takes_gzip(Headers(scope=scope)):
            return await self._app(scope, receive, send)
        held: Message | None = None

        async def send_packed(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _is_worth_it(Headers(raw=message["headers"])):
                held = message
                return
            start, held = held, None
            if start is not None and message.get("body") and not message.get("more_body"):
                message = {**message, "body": await _packed_beside(message["body"])}
                headers = MutableHeaders(scope=start)
                headers["content-encoding"] = "gzip"
                headers["content-length"] = str(len(message["body"]))
                headers.add_vary_header(ACCEPT)
            if start is not None:
                await send(start)
            await send(message)

        return await self._app(scope, receive, send_packed)


def takes_gzip(headers: Headers) -> bool:
    """Whether the client names gzip, or everything, and does not refuse it with `q=0`."""
    weights = dict(_weight(each) for each in headers.get(ACCEPT, "").lower().split(","))
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def packed(body: bytes) -> bytes:
    """Compressed, with a file name of random length in front, so that lengths tell little of what is inside.

    Whoever may write into one object of a list could otherwise find out, guess by guess, what stands in another.
    """
    plain = gzip.compress(body, compresslevel=1, mtime=0)
    name = b"x" * secrets.randbelow(MOST_PADDING)
    return plain[:3] + b"\x08" + plain[4:10] + name + b"\0" + plain[10:]


async def _packed_beside(body: bytes) -> bytes:
    return await asyncio.to_thread(packed, body) if len(body) > GZIP_AT_ONCE else packed(body)


def _is_worth_it(headers: Headers) -> bool:
    length = headers.get("content-length", "")
    return (
        headers.get("content-type") == JSON
        and length.isdecimal()
        and int(length) >= GZIP_FROM
        and not {"content-encoding", "content-range"} & {*headers}
        and "no-transform" not in headers.get("cache-control", "")
    )


def _weight(part: str) -> tuple[str, float]:
    name, *parameters = (each.strip() for each in part.split(";"))
    told = next((each.removeprefix("q=") for each in parameters if each.startswith("q=")), "1")
    try:
        return name, float(told)
    except ValueError:
        return name, 0.0
