"""A real HTTP server that plays an API server's answers, for faults that a healthy one does not show."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import web

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class ScriptedServer:
    """Gives the scripted answers one after the other, the last one again and again; notes every request."""

    def __init__(self) -> None:
        self.url = ""
        self.script: list[Answer] = []
        self.seen: list[web.BaseRequest] = []

    def play(self, *answers: Answer) -> None:
        self.script = list(answers)
        self.seen.clear()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append(request)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return await step(request)

    @property
    def calls(self) -> list[str]:
        return [f"{request.method} {request.path_qs}" for request in self.seen]


@asynccontextmanager
async def scripted_server() -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer()
    runner = web.ServerRunner(web.Server(server.answer), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


def json_answer(body: Any, status: int = 200, **headers: str) -> Answer:
    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return web.Response(body=orjson.dumps(body), status=status, headers=named, content_type="application/json")

    return answer


def failure(status: int, reason: str, message: str = "", **headers: str) -> Answer:
    return json_answer({"kind": "Status", "code": status, "reason": reason, "message": message}, status, **headers)


def listed(*names: str, version: str = "10", token: str = "") -> Answer:
    items = [{"metadata": {"name": name, "resourceVersion": "1"}} for name in names]
    return json_answer({"items": items, "metadata": {"resourceVersion": version, "continue": token}})


async def reset(request: web.BaseRequest) -> web.StreamResponse:
    """The connection breaks before any answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def streamed(*events: tuple[str, Any], cut: int = 0, held_open: bool = False) -> Answer:
    """Watch events, a JSON line each; `cut` sends them in pieces of that many bytes."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        lines = b"".join(orjson.dumps({"type": kind, "object": body}) + b"\n" for kind, body in events)
        size = cut or len(lines) or 1
        for start in range(0, len(lines), size):
            await response.write(lines[start : start + size])
            await asyncio.sleep(0)
        if held_open:
            await asyncio.sleep(60)
        return response

    return answer
