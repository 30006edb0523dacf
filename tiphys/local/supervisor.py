"""Keeps the processes of one installation alive, in the background, until it is told to end.

A process that dies is started again after a pause that grows while it keeps dying. What runs, and how
often it was restarted, stands in a file after every change, so `status` and `down` need not ask.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from tiphys.local import processes
from tiphys.local.layout import Layout, write_private
from tiphys.local.processes import Process
from tiphys.local.services import Child

FIRST_PAUSE = 0.2  # seconds
LONGEST_PAUSE = 10.0
SETTLED_AFTER = 30.0  # one that lived this long is not dying in a row
GRACE = 6.0  # services promise to end within five
LOG_LIMIT = 20_000_000  # bytes


class Running(msgspec.Struct, frozen=True):
    """One child, as the record shows it; no process: it is between two lives."""

    process: Process | None = None
    restarts: int = 0
    exit_code: int | None = None  # of its last life


class Record(msgspec.Struct, frozen=True):
    supervisor: Process
    children: dict[str, Running] = {}

    def with_child(self, name: str, running: Running) -> "Record":
        return msgspec.structs.replace(self, children={**self.children, name: running})


def pause_before_restart(deaths_in_a_row: int) -> float:
    """0.2 s after the first death, then twice as long each time, up to ten."""
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** max(0, deaths_in_a_row - 1)))


def read_record(layout: Layout) -> Record | None:
    try:
        return msgspec.json.decode(layout.supervisor.read_bytes(), type=Record)
    except FileNotFoundError:
        return None


def write_plan(layout: Layout, children: list[Child]) -> None:
    write_private(layout.plan, msgspec.json.encode(children))


class Supervisor:
    def __init__(self, layout: Layout, children: list[Child]) -> None:
        own = processes.identify(os.getpid())
        assert own is not None
        self._layout = layout
        self._children = children
        self._record = Record(own)

    async def run(self) -> None:
        """Until cancelled; then every child is ended before this returns."""
        self._write()
        async with asyncio.TaskGroup() as lives:
            for child in self._children:
                lives.create_task(self._keep_alive(child), name=child.name)

    async def _keep_alive(self, child: Child) -> None:
        deaths_in_a_row, restarts = 0, 0
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            code = await self._live_once(child, restarts)
            deaths_in_a_row = 1 if loop.time() - began > SETTLED_AFTER else deaths_in_a_row + 1
            restarts += 1
            pause = pause_before_restart(deaths_in_a_row)
            _say(f"{child.name} ended with {code}; starting it again in {pause:g} s")
            self._note(child.name, Running(None, restarts, code))
            await asyncio.sleep(pause)

    async def _live_once(self, child: Child, restarts: int) -> int:
        with _opened_log(Path(child.log)) as log:
            try:
                process = await asyncio.create_subprocess_exec(
                    *child.command,
                    env=dict(child.environment),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self._layout.root,
                )
            except OSError as error:
                _say(f"{child.name} cannot be started: {error}")
                return 127
        try:
            self._note(child.name, Running(processes.identify(process.pid), restarts))
            return await process.wait()
        finally:
            await _end(process)

    def _note(self, name: str, running: Running) -> None:
        self._record = self._record.with_child(name, running)
        self._write()

    def _write(self) -> None:
        write_private(self._layout.supervisor, msgspec.json.encode(self._record))


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(GRACE):
            await process.wait()
    except TimeoutError:
        _say(f"process {process.pid} did not end by itself")
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _opened_log(path: Path) -> BinaryIO:
    """For appending; a log that grew too long becomes `.1` first."""
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.replace(path.with_suffix(".log.1"))
    path.touch(mode=0o600)
    return path.open("ab")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


async def supervise(layout: Layout) -> None:
    children = msgspec.json.decode(layout.plan.read_bytes(), type=list[Child])
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    with suppress(asyncio.CancelledError):
        await Supervisor(layout, children).run()
    layout.supervisor.unlink(missing_ok=True)


if __name__ == "__main__":
    asyncio.run(supervise(Layout(Path(sys.argv[1]))))
