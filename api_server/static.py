"""The dashboard's files: hashed assets forever, the page itself never, and every client route is the page."""

import gzip
import mimetypes
import re
from pathlib import Path
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from api_server.compression import ACCEPT, takes_gzip

PAGE = "index.html"
HASHED = re.compile(r"[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$")  # app-BX3k9fQz.js
FOREVER = "public, max-age=31536000, immutable"
ALWAYS_ASK = "no-cache"
# The machine's own tables differ; browsers are strict about these under nosniff.
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"} | {
    ".json": "application/json",
    ".woff2": "font/woff2",
    ".ico": "image/x-icon",
}

TEXT = frozenset({".js", ".css", ".svg", ".html", ".json", ".map", ".txt"})  # fonts and images are compressed already


class Packed(NamedTuple):
    etag: str  # of the file that was compressed
    body: bytes


class Dashboard:
    """An ASGI app over one directory; nothing outside it can be reached, by dots or by links.

    Text is compressed once, at the start; a file that has changed since is sent as it is.
    """

    def __init__(self, directory: Path) -> None:
        self._root = directory.resolve()
        inside = (self._file(str(each.relative_to(self._root))) for each in self._root.rglob("*"))
        self._packed = {each: _packed(each) for each in inside if each and each.suffix in TEXT}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            answer: Response = PlainTextResponse("Not Found", 404)
        else:
            answer = self._answer(scope["path"].lstrip("/"), Headers(scope=scope))
        await answer(scope, receive, send)

    def _answer(self, path: str, asked: Headers) -> Response:
        found = self._file(path)
        if found is not None:
            cached = FOREVER if path.startswith("assets/") and HASHED.search(found.name) else ALWAYS_ASK
            return self._sent(found, cached, asked)
        page = self._file(PAGE)
        # A missing asset must not answer with the page: the browser would take it for the asset.
        if page is None or path.startswith(("assets/", "api/")) or "." in path.rpartition("/")[2]:
            return PlainTextResponse("Not Found", 404)
        return self._sent(page, ALWAYS_ASK, asked)

    def _sent(self, file: Path, cached: str, asked: Headers) -> Response:
        headers = {"Cache-Control": cached, **({"Vary": ACCEPT} if file.suffix in TEXT else {})}
        plain = FileResponse(file, media_type=_type_of(file), headers=headers, stat_result=file.stat())
        packed = self._packed.get(file)
        # A part of a file is a part of it as it is.
        if packed is None or packed.etag != plain.headers["etag"] or "range" in asked or not takes_gzip(asked):
            return plain
        headers |= {"Content-Encoding": "gzip", "ETag": f'"{packed.etag.strip(chr(34))}-gzip"'}
        headers["Last-Modified"] = plain.headers["last-modified"]
        return Response(packed.body, media_type=_type_of(file), headers=headers)

    def _file(self, path: str) -> Path | None:
        if not path or "\0" in path:
            return None
        try:
            found = (self._root / path).resolve(strict=True)
        except (OSError, RuntimeError):
            return None
        return found if found.is_file() and found.is_relative_to(self._root) else None


def _packed(file: Path) -> Packed:
    return Packed(
        FileResponse(file, stat_result=file.stat()).headers["etag"], gzip.compress(file.read_bytes(), mtime=0)
    )


def _type_of(file: Path) -> str:
    return TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
