"""Answers made of bytes: no model is built for what is stored as JSON already."""

import asyncio
import gzip
import secrets
from collections.abc import Iterable
from typing import Any

import msgspec
from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gitops.model.resource import Manifest

JSON = "application/json"
GZIP_FROM = 1_024  # below, the headers cost more than is saved
GZIP_AT_ONCE = 256 * 1_024  # above, compressing would hold up everybody else's requests: a thread does it
MOST_PADDING = 64


def json_answer(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type=JSON)


def raw_answer(request: Request, body: bytes) -> Response:
    """JSON as it is; compressed when the client asks and it is worth it."""
    asked = "gzip" in request.headers.get("accept-encoding", "")
    return _Packed(body) if asked and len(body) >= GZIP_FROM else Response(body, media_type=JSON)


class _Packed(Response):
    """JSON that is compressed when it is sent, a large one beside the event loop."""

    def __init__(self, body: bytes) -> None:
        super().__init__(media_type=JSON, headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
        self._plain = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        large = len(self._plain) > GZIP_AT_ONCE
        self.body = await asyncio.to_thread(packed, self._plain) if large else packed(self._plain)
        self.headers["content-length"] = str(len(self.body))
        await super().__call__(scope, receive, send)


def packed(body: bytes) -> bytes:
    """Compressed, with a file name of random length in front, so that lengths tell little of what is inside.

    Whoever may write into one object of a list could otherwise find out, guess by guess, what stands in another.
    """
    plain = gzip.compress(body, compresslevel=1, mtime=0)
    name = b"x" * secrets.randbelow(MOST_PADDING)
    return plain[:3] + b"\x08" + plain[4:10] + name + b"\0" + plain[10:]


def listed(items: Iterable[bytes], resource_version: str) -> bytes:
    """A list as Argo CD answers it, of items that are JSON already."""
    version = msgspec.json.encode(resource_version)
    return b'{"metadata":{"resourceVersion":' + version + b'},"items":[' + b",".join(items) + b"]}"


def shown(manifest: Manifest) -> Response:
    """One object as stored, without managedFields."""
    metadata = manifest.get("metadata") or {}
    if "managedFields" in metadata:
        lean = {name: value for name, value in metadata.items() if name != "managedFields"}
        manifest = {**manifest, "metadata": lean}
    return json_answer(manifest)
