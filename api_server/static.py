"""The dashboard's files: hashed assets forever, the page itself never, and every client route is the page."""

import mimetypes
import re
from pathlib import Path

from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

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


class Dashboard:
    """An ASGI app over one directory; nothing outside it can be reached, by dots or by links."""

    def __init__(self, directory: Path) -> None:
        self._root = directory.resolve()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            answer: Response = PlainTextResponse("Not Found", 404)
        else:
            answer = self._answer(scope["path"].lstrip("/"))
        await answer(scope, receive, send)

    def _answer(self, path: str) -> Response:
        found = self._file(path)
        if found is not None:
            cached = FOREVER if path.startswith("assets/") and HASHED.search(found.name) else ALWAYS_ASK
            return FileResponse(found, media_type=_type_of(found), headers={"Cache-Control": cached})
        page = self._file(PAGE)
        # A missing asset must not answer with the page: the browser would take it for the asset.
        if page is None or path.startswith(("assets/", "api/")) or "." in path.rpartition("/")[2]:
            return PlainTextResponse("Not Found", 404)
        return FileResponse(page, media_type="text/html", headers={"Cache-Control": ALWAYS_ASK})

    def _file(self, path: str) -> Path | None:
        if not path or "\0" in path:
            return None
        try:
            found = (self._root / path).resolve(strict=True)
        except (OSError, RuntimeError):
            return None
        return found if found.is_file() and found.is_relative_to(self._root) else None


def _type_of(file: Path) -> str:
    return TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
