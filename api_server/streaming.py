"""Streams as Argo CD's clients read them: one JSON object per line, or server-sent events."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, nullcontext
from datetime import timedelta

from prometheus_client import Gauge
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api_server.errors import stream_error
from gitops.model.errors import GitOpsError

KEEP_ALIVE = timedelta(seconds=15)
EVENT_STREAM = "text/event-stream"

Results = AsyncGenerator[bytes, None]  # JSON values
Check = Callable[[], None]


class StreamResponse(Response):
    """Sends results as they come, until they end, the client goes, the server closes, or `check` raises.

    `check` is asked before every result and at every keep-alive: a session that ended, or a role that
    was taken away, ends the stream as well.
    """

    def __init__(
        self,
        results: Results,
        *,
        accept: str,
        check: Check,
        closing: asyncio.Event,
        counter: Gauge | None = None,
        keep_alive: timedelta = KEEP_ALIVE,
    ) -> None:
        self._results = results
        self._check = check
        self._closing = closing
        self._counter = counter
        self._keep_alive = keep_alive
        self._sse = EVENT_STREAM in accept.lower()
        # A proxy that buffers would hold the events back.
        super().__init__(
            media_type=EVENT_STREAM if self._sse else "application/json", headers={"X-Accel-Buffering": "no"}
        )
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._counter.track_inprogress() if self._counter else nullcontext():
            await self._run(receive, send)

    async def _run(self, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async with asyncio.TaskGroup() as tasks:
            told = tasks.create_task(self._tell(send))
            gone = tasks.create_task(_disconnected(receive))
            beat = tasks.create_task(self._beat(send))
            closing = tasks.create_task(self._closing.wait())
            running = (told, gone, beat, closing)
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in running:
                task.cancel()
        if not gone.done() or gone.cancelled():
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(self, send: Send) -> None:
        async with aclosing(self._results) as results:
            try:
                async for result in results:
                    self._check()
                    await _part(send, self._framed(b'{"result":' + result + b"}"))
            except GitOpsError as error:
                await _part(send, self._framed(stream_error(error)))

    async def _beat(self, send: Send) -> None:
        """Ends when the check fails; comments keep the connection open through proxies."""
        while True:
            if self._sse:
                await _part(send, b":\n")
            await asyncio.sleep(self._keep_alive.total_seconds())
            try:
                self._check()
            except GitOpsError as error:
                return await _part(send, self._framed(stream_error(error)))

    def _framed(self, value: bytes) -> bytes:
        return b"data: " + value + b" \n\n" if self._sse else value + b"\n"


async def begun(results: Results) -> Results:
    """The same results, the first already there: an error before it still becomes an ordinary answer."""
    try:
        first = await anext(results)
    except StopAsyncIteration:
        return _nothing()
    except BaseException:
        await results.aclose()
        raise
    return _resumed(first, results)


async def _resumed(first: bytes, rest: Results) -> Results:
    async with aclosing(rest):
        yield first
        async for each in rest:
            yield each


async def _nothing() -> Results:
    return
    yield b""


async def _part(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
