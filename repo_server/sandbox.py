"""Render workers as seen from the server: a small pool of processes that are killed when they misbehave.

A worker gets no environment, no credentials and one private directory per render. Time and resident
memory, its tools' included, are watched from outside; output is read up to a limit. Whatever happens to a
worker happens to one request.
"""

import asyncio
import os
import shutil
import signal
import sys
import sysconfig
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import msgspec

from gitops.model import errors
from gitops.model.errors import GitOpsError, RenderFailed
from repo_server.metrics import Metrics
from repo_server.render.confine import Confinement
from repo_server.render.jobs import Failure, Job, Options, Reply

MEBIBYTE = 1024 * 1024
_LENGTH_BYTES = 8
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LOOK_EVERY = timedelta(milliseconds=50)

_REASONS: Mapping[str, type[GitOpsError]] = {
    each.reason: each for each in (errors.RenderFailed, errors.ManifestInvalid, errors.PathNotFound, errors.InvalidSpec)
}


class Limits(msgspec.Struct, frozen=True):
    workers: int = 2
    time: timedelta = timedelta(seconds=60)
    memory: int = 512 * MEBIBYTE  # resident, the worker and its tool together
    output: int = 64 * MEBIBYTE
    renders: int = 500  # after which a worker is replaced, whatever a library may have leaked
    idle: timedelta = timedelta(seconds=20)  # after which a worker with nothing to do ends
    patience: timedelta = timedelta(seconds=1)  # a worker costs 70 MiB: wait this long for one before starting another


class Killed(Exception):
    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Worker:
    """One process; used by one render at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.renders = 0
        self.idle_since = 0.0

    @classmethod
    async def start(cls, confinement: Confinement) -> "Worker":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            "repo_server.render.worker",
            msgspec.json.encode(confinement).decode(),
            env={"LC_ALL": "C.UTF-8", "GOMAXPROCS": "2", "GOGC": "50"},
            cwd="/",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            limit=MEBIBYTE,
        )
        return cls(process)

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def reply(self, job: Job, limits: Limits) -> Reply:
        """Killed if the worker dies, takes too long, too much memory, or says too much."""
        self.renders += 1
        try:
            async with asyncio.timeout(limits.time.total_seconds()):
                encoded = await self._watched_exchange(msgspec.msgpack.encode(job), limits)
        except TimeoutError:
            raise Killed("time", f"the render took longer than {limits.time.total_seconds():.0f} s") from None
        return msgspec.msgpack.decode(encoded, type=Reply)

    async def _watched_exchange(self, request: bytes, limits: Limits) -> bytes:
        try:
            async with asyncio.TaskGroup() as both:
                watching = both.create_task(self._watch_memory(limits.memory))
                encoded = await self._exchange(request, limits.output)
                watching.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        return encoded

    async def _exchange(self, request: bytes, output_limit: int) -> bytes:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(len(request).to_bytes(_LENGTH_BYTES, "big"))
            self._process.stdin.write(request)
            await self._process.stdin.drain()
            length = int.from_bytes(await self._process.stdout.readexactly(_LENGTH_BYTES), "big")
            if length > output_limit + MEBIBYTE:
                raise Killed("output", f"the source renders to more than {output_limit // MEBIBYTE} MiB of manifests")
            return await self._process.stdout.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Killed("died", "the render's process died, most likely for lack of memory") from None

    async def _watch_memory(self, limit: int) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY.total_seconds())
            if resident_memory(self._process.pid) > limit:
                raise Killed("memory", f"the render took more than {limit // MEBIBYTE} MiB of memory")

    async def end(self) -> None:
        """Kill it, and the tool it may be running."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()


def resident_memory(pid: int) -> int:
    """Bytes of a process and its children."""
    total = 0
    with suppress(OSError, ValueError, IndexError):
        total = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            total += resident_memory(int(child))
    return total


class WorkerPool:
    def __init__(self, scratch: Path, tools: Path, *, limits: Limits, metrics: Metrics) -> None:
        self._scratch = scratch
        self._tools = tools
        self._limits = limits
        self._metrics = metrics
        self._idle: list[Worker] = []
        self._alive = 0
        self._freed = asyncio.Condition()  # a worker became idle, or ended
        self._confinement = Confinement(
            memory_limit=2 * limits.memory + 256 * MEBIBYTE,
            file_limit=4 * limits.output,
            readable=readable_paths(tools),
            writable=(str(scratch), os.devnull),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator["WorkerPool"]:
        """Ends idle workers while it runs, all of them in the end; what a crash left behind goes first."""
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(mode=0o700, parents=True)
        async with asyncio.TaskGroup() as tasks:
            reaping = tasks.create_task(self._reap())
            try:
                yield self
            finally:
                reaping.cancel()
                for worker in self._idle:
                    await worker.end()
                self._idle.clear()

    async def render(self, options: Options, files: dict[str, bytes]) -> Reply:
        """What the worker made; the error the render ended with, otherwise."""
        worker = await self._acquired()
        kept = False
        try:
            reply = await self._on(worker, options, files)
            kept = worker.renders < self._limits.renders
        except Killed as killed:
            self._metrics.worker_kills.labels(killed.reason).inc()
            raise RenderFailed(f"{killed}; look for a loop, or make the source smaller") from None
        finally:
            await self._released(worker, kept=kept)
        if reply.failure is not None:
            raise _error(reply.failure)
        return reply

    async def _on(self, worker: Worker, options: Options, files: dict[str, bytes]) -> Reply:
        # mkdtemp: unpredictable and for us alone, so no chart can name another one's directory.
        scratch = await asyncio.to_thread(tempfile.mkdtemp, dir=self._scratch)
        try:
            return await worker.reply(self._job(options, files, scratch), self._limits)
        finally:
            await asyncio.to_thread(shutil.rmtree, scratch, True)

    def _job(self, options: Options, files: dict[str, bytes], scratch: str) -> Job:
        return Job(options, files, scratch, str(self._tools), self._limits.output)

    async def _acquired(self) -> Worker:
        since = time.perf_counter()
        async with self._freed:
            while not self._idle and not self._may_start(time.perf_counter() - since):
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._limits.patience.total_seconds()):
                        await self._freed.wait()
            self._metrics.worker_wait.observe(time.perf_counter() - since)
            if self._idle:
                return self._idle.pop()  # the last one used, so that the others may grow old
            self._count(+1)
        try:
            return await Worker.start(self._confinement)
        except BaseException:
            await self._forget()
            raise

    def _may_start(self, waited: float) -> bool:
        if self._alive == 0:
            return True
        return self._alive < self._limits.workers and waited >= self._limits.patience.total_seconds()

    async def _released(self, worker: Worker, *, kept: bool) -> None:
        if kept and worker.is_alive:
            worker.idle_since = time.monotonic()
            async with self._freed:
                self._idle.append(worker)
                self._freed.notify()
        else:
            await worker.end()
            await self._forget()

    async def _forget(self) -> None:
        async with self._freed:
            self._count(-1)
            self._freed.notify()

    def _count(self, change: int) -> None:
        self._alive += change
        self._metrics.workers.set(self._alive)

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(self._limits.idle.total_seconds() / 4)
            too_old = time.monotonic() - self._limits.idle.total_seconds()
            for worker in [each for each in self._idle if each.idle_since < too_old or not each.is_alive]:
                self._idle.remove(worker)
                await worker.end()
                await self._forget()


def _error(failure: Failure) -> GitOpsError:
    return _REASONS.get(failure.reason, RenderFailed)(failure.message)


def readable_paths(tools: Path) -> tuple[str, ...]:
    """What the interpreter, our own package and the tools need to be read."""
    here = Path(__file__).resolve().parent.parent
    paths = sysconfig.get_paths()
    own = (str(here / "repo_server"), str(here / "gitops"), str(here / "adapters"))
    libraries = {paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"]}
    system = {"/usr/lib", "/lib", "/lib64", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/proc", "/sys"}
    system |= {"/dev/urandom", "/dev/random", "/usr/share/zoneinfo", "/etc/localtime"}
    interpreter = {sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parent)}
    tool_files = {str(each.resolve()) for name in ("helm", "kustomize*") for each in tools.glob(name)}
    return tuple(sorted({*own, *libraries, *system, *interpreter, *tool_files, str(tools)}))
