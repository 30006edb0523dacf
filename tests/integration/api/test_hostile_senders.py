"""A few strangers who mean harm, against the server as a process: what it costs, and who is served meanwhile."""

import asyncio
import contextlib
import json
import time
from pathlib import Path

import httpx

from tests.integration.api.test_process import Running, running

__all__ = ["running"]  # the fixture

MIB = 1024 * 1024
PUSH = {"ref": "refs/heads/main", "repository": {"clone_url": "https://git.example.com/team/app.git"}}


class Attacker:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connected(cls, target: Running) -> "Attacker":
        url = httpx.URL(target.url)
        return cls(*await asyncio.open_connection(url.host, url.port))

    async def say(self, data: bytes) -> bool:
        """Whether anybody still listens."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            return False
        return True

    async def push(self, size: int) -> None:
        """A body that lacks its last byte for ever."""
        await self.push_head(size)
        for _ in range(size // MIB):
            if not await self.say(b" " * (MIB - 1)):
                return

    async def push_head(self, size: int) -> None:
        head = f"POST /api/webhook HTTP/1.1\r\nhost: x\r\nx-github-event: push\r\ncontent-length: {size}\r\n\r\n"
        await self.say(head.encode())

    async def heard(self) -> bytes:
        """Everything until the server closes."""
        async with asyncio.timeout(20):
            return await self._reader.read()

    def leave(self) -> None:
        self._writer.transport.abort()


async def served(target: Running, client: httpx.AsyncClient) -> None:
    """What honest people ask for: a page, a push of theirs, a login."""
    assert (await client.get("/healthz")).status_code == 200
    pushed = await client.post("/api/webhook", content=json.dumps(PUSH), headers={"x-github-event": "push"})
    assert pushed.status_code == 200, pushed.text
    login = await client.post("/api/v1/session", json={"username": "nobody", "password": "guessed"})
    assert login.status_code == 401
    assert target.process.poll() is None


async def test_large_and_slow_bodies_of_strangers_cost_little_and_keep_out_nobody(running: Running) -> None:
    async with httpx.AsyncClient(base_url=running.url, timeout=20) as client:
        await served(running, client)
        before = running.memory_mib()
        slow = [await Attacker.connected(running) for _ in range(16)]
        for each in slow:
            await each.push(2)
        await served(running, client)
        large = [await Attacker.connected(running) for _ in range(16)]
        async with asyncio.TaskGroup() as pushing:
            for each in large:
                pushing.create_task(each.push(24 * MIB))
        peak = running.memory_mib()
        await served(running, client)
        announced = await Attacker.connected(running)
        await announced.push_head(26 * MIB)
        assert (await announced.heard()).startswith(b"HTTP/1.1 413")
        for each in (*slow, *large, announced):
            each.leave()
    assert peak - before < 100, (before, peak)  # one MiB for each that was sent would be 384


async def test_bodies_of_strangers_are_small_wherever_they_are_sent(running: Running) -> None:
    """Routes read their body before they ask who sends it."""
    async with httpx.AsyncClient(base_url=running.url, timeout=20) as client:
        before = running.memory_mib()
        crowd = [await Attacker.connected(running) for _ in range(100)]
        head = (
            b"POST /api/v1/applications HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        for each in crowd:
            await each.say(head)
            for _ in range(15):
                if not await each.say(b"40000\r\n" + b" " * 0x40000 + b"\r\n"):
                    break
        assert running.memory_mib() - before < 60  # and not 100 times 4 MiB
        await served(running, client)
        for each in crowd:
            each.leave()


async def test_five_hundred_half_sent_requests_end_and_keep_out_nobody(running: Running) -> None:
    def open_sockets() -> int:
        return sum("socket:" in each for each in _descriptors(running))

    async with httpx.AsyncClient(base_url=running.url, timeout=20) as client:
        before = open_sockets()
        crowd = [await Attacker.connected(running) for _ in range(500)]
        for number, each in enumerate(crowd):
            await each.say(b"GET / HTTP/1.1\r\nhost: x\r\n" if number % 2 else b"")
        await served(running, client)
        deadline = time.monotonic() + 60
        while open_sockets() > before + 10:
            assert time.monotonic() < deadline, open_sockets()
            await asyncio.sleep(0.5)
        await served(running, client)
        for each in crowd:
            each.leave()
    assert "Traceback" not in running.log.read_text()


def _descriptors(target: Running) -> list[str]:
    found = []
    for each in Path(f"/proc/{target.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.append(str(each.readlink()))
    return found
