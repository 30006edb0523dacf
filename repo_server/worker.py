"""One render worker as the server sees it: a process, its directory, and how much it may use up."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import msgspec

from repo_server.render.confine import Confinement, Report
from repo_server.render.jobs import Job, Options, Reply

MEBIBYTE = 1024 * 1024
_LENGTH_BYTES = 8
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LOOK_EVERY = timedelta(milliseconds=50)
_REPORT_LIMIT = 64 * 1024
_START = timedelta(seconds=60)
_LOOK_AGAIN = timedelta(milliseconds=10)
_DYING = timedelta(seconds=5)  # whoever is killed ends when the kernel next lets it run, on a busy machine not at once


class Limits(msgspec.Struct, frozen=True):
    workers: int = 2
    slow: int = 3  # renders beyond `workers` that go on beside them, after they ran for `slow_after`
    slow_after: timedelta = timedelta(seconds=10)
    time: timedelta = timedelta(seconds=60)
    memory: int = 512 * MEBIBYTE  # resident, the worker and its tool together
    output: int = 64 * MEBIBYTE
    processes: int = 64  # and threads of tools: the worker and all below it
    renders: int = 500  # after which a worker is replaced, whatever a library may have leaked
    idle: timedelta = timedelta(seconds=20)  # after which a worker with nothing to do ends
    patience: timedelta = timedelta(seconds=1)  # a worker costs 70 MiB: wait this long for one before starting another


class Killed(Exception):
    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Worker:
    """Used by one render at a time; has one directory, in which each render has its own for its time."""

    def __init__(self, process: asyncio.subprocess.Process, directory: Path, report: Report) -> None:
        self._process = process
        self.directory = directory
        self.report = report
        self.renders = 0
        self.idle_since = 0.0

    @classmethod
    async def start(cls, confinement: Confinement, scratch: Path) -> "Worker":
        """Confined before it is told of any job; `confinement` lacks what differs from worker to worker."""
        # mkdtemp: unpredictable and for us alone, so no chart can name another one's directory.
        directory = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=scratch))
        mine = msgspec.structs.replace(
            confinement, parent=os.getpid(), writable=(*confinement.writable, str(directory))
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            "repo_server.render.worker",
            msgspec.json.encode(mine).decode(),
            env={"LC_ALL": "C.UTF-8", "GOMAXPROCS": "2", "GOGC": "50"},
            cwd="/",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            limit=MEBIBYTE,
        )
        worker = cls(process, directory, Report(()))
        try:
            async with asyncio.timeout(_START.total_seconds()):
                worker.report = msgspec.msgpack.decode(await worker._read(_REPORT_LIMIT), type=Report)
        except BaseException as error:
            await worker.end()
            if isinstance(error, Killed | TimeoutError | msgspec.MsgspecError):
                raise Killed("start", "a render worker did not start") from error
            raise
        return worker

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    @property
    def is_alone(self) -> bool:
        """Whether no tool of a render is left that could look at the next one."""
        return len(family(self._process.pid)) <= 1

    async def render(self, options: Options, files: dict[str, bytes], tools: Path, limits: Limits) -> Reply:
        scratch = await asyncio.to_thread(tempfile.mkdtemp, dir=self.directory)
        try:
            return await self._reply(Job(options, files, scratch, str(tools), limits.output), limits)
        finally:
            await asyncio.to_thread(_emptied, self.directory)

    async def _reply(self, job: Job, limits: Limits) -> Reply:
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
                watching = both.create_task(self._watch(limits))
                encoded = await self._exchange(request, limits.output)
                watching.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        return encoded

    async def _exchange(self, request: bytes, output_limit: int) -> bytes:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(len(request).to_bytes(_LENGTH_BYTES, "big"))
            self._process.stdin.write(request)
            await self._process.stdin.drain()
        except ConnectionError:
            raise _died() from None
        return await self._read(output_limit)

    async def _read(self, limit: int) -> bytes:
        assert self._process.stdout is not None
        try:
            length = int.from_bytes(await self._process.stdout.readexactly(_LENGTH_BYTES), "big")
            if length > limit + MEBIBYTE:
                raise Killed("output", f"the source renders to more than {limit // MEBIBYTE} MiB of manifests")
            return await self._process.stdout.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise _died() from None

    async def _watch(self, limits: Limits) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY.total_seconds())
            members = family(self._process.pid)
            if len(members) > limits.processes:
                raise Killed("processes", f"the render started more than {limits.processes} processes")
            if sum(map(resident_memory, members)) > limits.memory:
                raise Killed("memory", f"the render took more than {limits.memory // MEBIBYTE} MiB of memory")

    async def end(self) -> None:
        """Kill it, and whatever tools it is running: none of them can leave its process group."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        else:
            await asyncio.to_thread(_kill_orphans, self._process.pid)
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()
        await _ended(self._process.pid)
        _reap_orphans(self._process.pid)
        await asyncio.to_thread(shutil.rmtree, self.directory, True)


def _emptied(directory: Path) -> None:
    for each in directory.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each, ignore_errors=True)
        else:
            each.unlink(missing_ok=True)


def _died() -> Killed:
    return Killed("died", "the render's process died, most likely for lack of memory")


async def _ended(session: int) -> None:
    """Tools end after their worker; until then they write, and would bring back files that are being removed."""
    for _ in range(_DYING // _LOOK_AGAIN):
        if not await asyncio.to_thread(_lives, session):
            return
        await asyncio.sleep(_LOOK_AGAIN.total_seconds())


def _lives(session: int) -> bool:
    return any(state not in "ZX" for _, state in _members(session))


def _reap_orphans(group: int) -> None:
    """In a container we may be process 1, whom everybody's orphans fall to."""
    with suppress(ChildProcessError):
        while os.waitpid(-group, os.WNOHANG)[0] != 0:
            pass


def _kill_orphans(session: int) -> None:
    """Tools of a worker that died before them. Its number may be somebody else's by now, theirs are not."""
    for member, _ in _members(session):
        if member != session:
            with suppress(OSError):
                os.kill(member, signal.SIGKILL)


def _members(session: int) -> Iterator[tuple[int, str]]:
    """The processes of a session, and the state of each as /proc writes it."""
    for each in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError, ValueError):
            state, _, _, its_session = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[:4]
            if int(its_session) == session:
                yield int(each), state


def family(pid: int) -> list[int]:
    """A process and all below it; orphans fall to the worker, so they are below it too."""
    found = [pid]
    for each in found:
        with suppress(OSError):
            for task in os.listdir(f"/proc/{each}/task"):
                found += map(int, Path(f"/proc/{each}/task/{task}/children").read_text().split())
    return found


def resident_memory(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return 0
