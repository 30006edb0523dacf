"""Streams as clients read them: JSON lines or server-sent events of one thing, or events of many things at once."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, nullcontext
from datetime import timedelta

import msgspec
from prometheus_client import Gauge
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api_server.errors import stream_error
from gitops.model.errors import GitOpsError

KEEP_ALIVE = timedelta(seconds=15)
EVENT_STREAM = "text/event-stream"

Results = AsyncGenerator[bytes, None]  # JSON values
Check = Callable[[], object]  # raises when it no longer holds


class Open(Response):
    """An answer that goes on until it has told all, the client goes, or the server closes."""

    def __init__(
        self, *, media_type: str, closing: asyncio.Event, counter: Gauge | None, keep_alive: timedelta
    ) -> None:
        self._closing = closing
        self._counter = counter
        self._keep_alive = keep_alive
        # A proxy that buffers would hold the events back.
        super().__init__(media_type=media_type, headers={"X-Accel-Buffering": "no"})
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
        raise NotImplementedError

    async def _beat(self, send: Send) -> None:
        raise NotImplementedError


class StreamResponse(Open):
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
        self._sse = EVENT_STREAM in accept.lower()
        media_type = EVENT_STREAM if self._sse else "application/json"
        super().__init__(media_type=media_type, closing=closing, counter=counter, keep_alive=keep_alive)

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


class Told(msgspec.Struct, frozen=True):
    """One event, and the mark that says how far whoever has it knows; without one, no farther than before."""

    body: bytes  # a JSON value
    mark: str = ""


class Followed(msgspec.Struct, frozen=True):
    """One thing that a client follows: what is told of it, and whether it may still be seen."""

    events: AsyncGenerator[Told, None]
    check: Check


class ManyStreamsResponse(Open):
    """Any number of things over one connection, each event under the name of what it tells of.

    A browser has six connections to a host for all its tabs, so they share one. What fails for one thing
    ends that one; when the session ends, all do. A slow client holds back every source alike: events wait
    where they come from, not here.
    """

    def __init__(
        self,
        followed: Mapping[str, Followed],
        *,
        check: Check,
        closing: asyncio.Event,
        counter: Gauge | None = None,
        keep_alive: timedelta = KEEP_ALIVE,
    ) -> None:
        self._followed = followed
        self._check = check
        self._turn = asyncio.Lock()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._over = asyncio.Event()
        super().__init__(media_type=EVENT_STREAM, closing=closing, counter=counter, keep_alive=keep_alive)

    async def _tell(self, send: Send) -> None:
        async with asyncio.TaskGroup() as group:
            for name, each in self._followed.items():
                self._tasks[name] = group.create_task(self._tell_of(name, each, send))
            # What has ended leaves the connection to the others.
            await self._over.wait()
            for task in self._tasks.values():
                task.cancel()

    async def _tell_of(self, name: str, followed: Followed, send: Send) -> None:
        last = b'{"ended":true}'
        async with aclosing(followed.events) as events:
            try:
                async for event in events:
                    if not await self._session_holds(send):
                        return
                    followed.check()
                    await self._send(send, named_event(name, b'{"result":' + event.body + b"}", event.mark))
            except GitOpsError as error:
                last = stream_error(error)
        await self._send(send, named_event(name, last))

    async def _beat(self, send: Send) -> None:
        """Ends with the session; what may no longer be seen is told so, though nothing happens to it."""
        while not self._over.is_set():
            await self._send(send, b":\n\n")
            await asyncio.sleep(self._keep_alive.total_seconds())
            if not await self._session_holds(send):
                return
            for name, task in self._tasks.items():
                try:
                    self._followed[name].check()
                except GitOpsError as error:
                    if task.cancel():
                        await self._send(send, named_event(name, stream_error(error)))

    async def _session_holds(self, send: Send) -> bool:
        try:
            self._check()
        except GitOpsError as error:
            if not self._over.is_set():
                self._over.set()
                await self._send(send, b"data: " + stream_error(error) + b"\n\n")
        return not self._over.is_set()

    async def _send(self, send: Send, data: bytes) -> None:
        async with self._turn:
            await _part(send, data)


def named_event(name: str, body: bytes, mark: str = "") -> bytes:
    told = f"event: {name}\n" + (f"id: {mark}\n" if mark else "")
    return told.encode() + b"data: " + body + b"\n\n"


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
