"""Answers made of bytes: no model is built for what is stored as JSON already."""

from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.responses import Response

from gitops.model.resource import Manifest

JSON = "application/json"
NEVER_KEPT = "no-store, no-transform"


def json_answer(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type=JSON)


def raw_answer(body: bytes) -> Response:
    """JSON as it is."""
    return Response(body, media_type=JSON)


def token_answer(token: str) -> Response:
    """A secret, which nothing on the way may compress or keep."""
    return Response(msgspec.json.encode({"token": token}), media_type=JSON, headers={"Cache-Control": NEVER_KEPT})


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
