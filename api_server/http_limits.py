"""How long, how large and how many: what one connection may take before a request of it is answered.

uvicorn bounds neither the time nor the size of a request's head, forgets connections on which nothing is ever said,
and waits for a body as long as one byte comes now and then. Each of these lets a few strangers hold the server's
descriptors and memory for ever, so the protocol underneath is given clocks of its own.
"""

import asyncio
from typing import Any, NamedTuple

from starlette.responses import PlainTextResponse
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

KIB = 1024
_TOO_LARGE = PlainTextResponse("Request Header Fields Too Large", 431, {"Connection": "close"})
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class HttpLimits(NamedTuple):
    head_bytes: int = 64 * KIB
    head_seconds: float = 10  # from a connection's or a request's first moment to the end of its head
    idle_seconds: float = 75  # between two requests
    body_seconds: float = 20  # for a body, and one second more for each `body_rate` bytes of it that came
    body_rate: int = 32 * KIB
    drain_seconds: float = 30  # in which an answer that waits for its reader has to get on by `drain_bytes`
    drain_bytes: int = 64 * KIB
    waiting: int = 512  # connections whose request is not there in full; one more, and the oldest gives way


LIMITS = HttpLimits()


class Waiting:
    """The connections that have yet to say what they want, the oldest first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._here: dict[HttpToolsProtocol, None] = {}

    def __len__(self) -> int:
        return len(self._here)

    def enter(self, connection: HttpToolsProtocol) -> None:
        self._here.pop(connection, None)
        self._here[connection] = None
        while len(self._here) > self._most:
            oldest = next(iter(self._here))
            del self._here[oldest]
            oldest.transport.abort()

    def leave(self, connection: HttpToolsProtocol) -> None:
        self._here.pop(connection, None)


def bounded_protocol(limits: HttpLimits) -> type[asyncio.Protocol]:
    """The protocol class for one server: its connections wait in one room."""
    room = Waiting(limits.waiting)

    class Bounded(_Bounded):
        limits_of = limits
        waiting = room

    return Bounded


class _Bounded(HttpToolsProtocol):
    limits_of: HttpLimits
    waiting: Waiting

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._clock: asyncio.TimerHandle | None = None  # of the request that is expected or being received
        self._drain: asyncio.TimerHandle | None = None  # of the answer that its reader does not take
        self._undrained = 0
        self._in_head = False
        self._in_body = False
        self._head_fed = 0
        self._body_begun = 0.0
        self._body_got = 0

    # --- a connection's life ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unexpect()
        self._stop_drain()
        self.waiting.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._in_head and not self._in_body and self._is_answered:
            self._expect_head()  # the first bytes after an answer
        self._head_fed += len(data)
        super().data_received(data)
        if self._in_head and self._head_fed > self.limits_of.head_bytes and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE_RAW)
            self.transport.close()

    # --- receiving a request ------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if not self._in_head:
            self._expect_head()  # piped behind another

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        real = self.app
        if size > self.limits_of.head_bytes:
            self.app = _TOO_LARGE
        try:
            super().on_headers_complete()
        finally:
            self.app = real
        self._expect_body()

    def on_body(self, body: bytes) -> None:
        self._body_got += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_body = False
        self._unexpect()
        self.waiting.leave(self)
        if self._is_answered:
            self._expect_next()  # it was answered before it was there in full

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing() and not self._in_head and not self._in_body and self._is_answered:
            self._expect_next()

    @property
    def _is_answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _expect_head(self) -> None:
        self._in_head, self._head_fed = True, 0
        self.waiting.enter(self)
        self._expect(self.limits_of.head_seconds, self._too_slow)

    def _expect_body(self) -> None:
        self._in_head, self._in_body = False, True
        self._body_begun, self._body_got = self.loop.time(), 0
        self._expect(self.limits_of.body_seconds, self._judge_body)

    def _expect_next(self) -> None:
        self.waiting.enter(self)
        self._expect(self.limits_of.idle_seconds, self._close)

    def _judge_body(self) -> None:
        """A body has its time; so much more as it is large; and what we ourselves do not take in is not its fault."""
        limits = self.limits_of
        until = self._body_begun + limits.body_seconds + self._body_got / limits.body_rate
        left = until - self.loop.time()
        if left > 0:
            self._expect(left, self._judge_body)
        elif self.flow.read_paused:
            self._expect(limits.body_seconds, self._judge_body)
        else:
            self._too_slow()

    def _too_slow(self) -> None:
        if self.transport.is_closing():
            return
        # In the middle of an answer, or of one before it, no second one may be begun.
        begun = self.cycle is not None and self.cycle.response_started
        if self._head_fed and not self.pipeline and not begun:
            self.transport.write(_TOO_SLOW)
        self._close()

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def _expect(self, seconds: float, or_else: Any) -> None:
        self._unexpect()
        self._clock = self.loop.call_later(seconds, or_else)

    def _unexpect(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    # --- sending an answer --------------------------------------------------------------------------

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_drain()

    def resume_writing(self) -> None:
        self._stop_drain()
        super().resume_writing()

    def _watch_drain(self) -> None:
        self._stop_drain()
        self._undrained = self.transport.get_write_buffer_size()
        self._drain = self.loop.call_later(self.limits_of.drain_seconds, self._judge_drain)

    def _judge_drain(self) -> None:
        if self._undrained - self.transport.get_write_buffer_size() < self.limits_of.drain_bytes:
            self.transport.abort()  # nobody reads at the other end: what waits for him is memory lost
        else:
            self._watch_drain()

    def _stop_drain(self) -> None:
        if self._drain is not None:
            self._drain.cancel()
            self._drain = None


def _raw(answer: PlainTextResponse) -> bytes:
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in answer.raw_headers)
    return b"HTTP/1.1 %d \r\n%s\r\n%s" % (answer.status_code, lines, bytes(answer.body))


_TOO_LARGE_RAW = _raw(_TOO_LARGE)
