"""What one connection, and many, may take of the server: real sockets on loopback, with short clocks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from api_server.http_limits import HttpLimits, bounded_protocol
from tiphys.local.ports import free_ports

pytestmark = pytest.mark.integration

PATIENT = HttpLimits(head_seconds=60, idle_seconds=60, body_seconds=60, drain_seconds=60)
HEAD = b"GET / HTTP/1.1\r\nhost: x\r\n"
ENDLESS = b"x" * 1_000_000


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield ENDLESS
            await asyncio.sleep(0)

    if scope["path"] == "/endless":
        answer: ASGIApp = StreamingResponse(endless())
    elif scope["path"] == "/slow":
        await asyncio.sleep(0.5)
        answer = PlainTextResponse("slow")
    elif scope["path"] == "/unread":
        answer = PlainTextResponse("unread")
    else:
        body = await Request(scope, receive).body()
        answer = PlainTextResponse(f"{scope['path']} {len(body)}")
    await answer(scope, receive, send)


@asynccontextmanager
async def serving(limits: HttpLimits) -> AsyncIterator[int]:
    (port,) = free_ports(1)
    config = uvicorn.Config(app, port=port, loop="none", http=bounded_protocol(limits), lifespan="off", log_config=None)
    config.timeout_keep_alive = int(limits.idle_seconds) or 1
    server = uvicorn.Server(config)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(server._serve())
        while not server.started:
            await asyncio.sleep(0.01)
        yield port
        server.should_exit = server.force_exit = True
        await running


class Peer:
    """A client that says just what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connected(cls, port: int) -> "Peer":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def heard(self) -> bytes:
        """Everything until the server closes."""
        async with asyncio.timeout(20):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""
            finally:
                self.writer.close()

    async def answer(self) -> bytes:
        """The head of one answer and its body."""
        async with asyncio.timeout(20):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return head + await self.reader.readexactly(length)


@pytest.mark.parametrize("said", [b"", b"G", HEAD, b"\r\n", b"GET / HTTP/1.1\r\nx: " + b"y" * 1000])
async def test_a_head_that_does_not_come_to_its_end_is_not_waited_for(said: bytes) -> None:
    async with serving(PATIENT._replace(head_seconds=0.2)) as port:
        peer = await Peer.connected(port)
        await peer.say(said)
        assert (await peer.heard())[:12] in (b"", b"HTTP/1.1 408")


async def test_a_head_that_comes_a_byte_at_a_time_gets_no_more_time() -> None:
    async with serving(PATIENT._replace(head_seconds=0.3)) as port:
        peer = await Peer.connected(port)

        async def drip() -> None:
            while True:
                await peer.say(b"x: y\r\n" if drops else HEAD)
                drops.append(1)
                await asyncio.sleep(0.05)

        drops: list[int] = []
        dripping = asyncio.ensure_future(drip())
        assert (await peer.heard())[:12] in (b"", b"HTTP/1.1 408")
        dripping.cancel()
        await asyncio.wait({dripping})


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", id="path"),
        pytest.param(HEAD + b"x: " + b"y" * 5_000 + b"\r\n\r\n", id="header"),
        pytest.param(HEAD + b"x: y\r\n" * 1_000 + b"\r\n", id="headers"),
        pytest.param(HEAD + b"x: " + b"y" * 100_000, id="unfinished"),
    ],
)
async def test_a_head_that_is_too_large_is_refused(said: bytes) -> None:
    async with serving(PATIENT._replace(head_bytes=4_096)) as port:
        peer = await Peer.connected(port)
        await peer.say(said)
        assert (await peer.heard()).startswith(b"HTTP/1.1 431")


async def test_a_connection_on_which_nothing_more_is_said_is_closed_and_one_in_use_is_kept() -> None:
    async with serving(PATIENT._replace(idle_seconds=0.4)) as port:
        peer = await Peer.connected(port)
        for _ in range(4):
            await peer.say(HEAD + b"\r\n")
            assert (await peer.answer()).endswith(b"/ 0")
            await asyncio.sleep(0.2)
        assert await peer.heard() == b""


async def test_an_answer_that_takes_its_time_is_waited_for() -> None:
    short = PATIENT._replace(head_seconds=0.1, idle_seconds=0.1, body_seconds=0.1)
    async with serving(short) as port:
        peer = await Peer.connected(port)
        await peer.say(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n\r\n")
        assert (await peer.answer()).endswith(b"slow")
        peer.writer.close()
        # also of one that is piped behind another
        peer = await Peer.connected(port)
        await peer.say(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n" * 2)
        assert (await peer.answer()).endswith(b"slow")
        assert (await peer.answer()).endswith(b"slow")
        peer.writer.close()


@pytest.mark.parametrize("path", ["/", "/unread"])
async def test_a_body_that_comes_a_byte_at_a_time_is_cut_read_or_not(path: str) -> None:
    async with serving(PATIENT._replace(body_seconds=0.3)) as port:
        peer = await Peer.connected(port)
        await peer.say(f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n".encode())

        async def drip() -> None:
            while True:
                await peer.say(b"x")
                await asyncio.sleep(0.05)

        dripping = asyncio.ensure_future(drip())
        heard = await peer.heard()
        assert heard[:12] in (b"", b"HTTP/1.1 408", b"HTTP/1.1 200")
        dripping.cancel()
        await asyncio.wait({dripping})


async def test_a_large_body_has_the_time_that_it_takes() -> None:
    async with serving(PATIENT._replace(body_seconds=0.2, body_rate=50_000)) as port:
        peer = await Peer.connected(port)
        await peer.say(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")
        for _ in range(10):
            await peer.say(b"x" * 10_000)
            await asyncio.sleep(0.1)
        assert (await peer.answer()).endswith(b"/ 100000")
        peer.writer.close()


async def test_an_answer_that_nobody_reads_is_given_up() -> None:
    async with serving(PATIENT._replace(drain_seconds=0.3)) as port:
        peer = await Peer.connected(port)
        await peer.say(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n")
        await asyncio.sleep(1.5)
        heard = await peer.heard()  # what was under way, and then no more: it would never end otherwise
        assert heard.startswith(b"HTTP/1.1 200")


async def test_five_hundred_who_have_yet_to_say_what_they_want_keep_out_nobody() -> None:
    async with serving(PATIENT._replace(waiting=100)) as port:
        crowd = [await Peer.connected(port) for _ in range(500)]
        for each in crowd[::2]:
            each.writer.write(HEAD)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            for _ in range(20):
                assert (await client.get("/")).text == "/ 0"
        closed = 0
        for each in crowd:
            try:
                async with asyncio.timeout(0.01):
                    closed += await each.reader.read(1) == b""
            except TimeoutError:
                pass
            except ConnectionError:
                closed += 1
        assert 400 <= closed <= 402
        for each in crowd:
            each.writer.close()
