"""Answers made of bytes: no model is built for what is stored as JSON already."""

import gzip
from collections.abc import Iterable
from typing import Any

import msgspec
from fastapi import Request
from starlette.responses import Response

from gitops.model.resource import Manifest

JSON = "application/json"
GZIP_FROM = 1_024  # below, the headers cost more than is saved
GZIP_UP_TO = 256 * 1_024  # above, compressing would hold up everybody else's requests


def json_answer(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type=JSON)


def raw_answer(request: Request, body: bytes) -> Response:
    """JSON as it is; compressed when the client asks and it is cheap."""
    asked = "gzip" in request.headers.get("accept-encoding", "")
    if not asked or not GZIP_FROM <= len(body) <= GZIP_UP_TO:
        return Response(body, media_type=JSON)
    packed = gzip.compress(body, compresslevel=1, mtime=0)
    return Response(packed, media_type=JSON, headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})


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
