import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from tiphys.local import processes, supervisor
from tiphys.local.layout import Layout
from tiphys.local.services import Child
from tiphys.local.supervisor import Record, Supervisor

SLEEPS = "import time; time.sleep(60)"


def a_child(layout: Layout, name: str, code: str) -> Child:
    return Child(name, (sys.executable, "-c", code), dict(os.environ), str(layout.log(name)))


async def until(layout: Layout, held: Callable[[Record], object]) -> Record:
    async with asyncio.timeout(10):
        while True:
            record = supervisor.read_record(layout)
            if record and held(record):
                return record
            await asyncio.sleep(0.02)


def test_pauses_grow_and_end_growing() -> None:
    pauses = [supervisor.pause_before_restart(deaths) for deaths in range(1, 12)]
    assert pauses[0] == supervisor.FIRST_PAUSE
    assert pauses == sorted(pauses)
    assert pauses[-1] == supervisor.LONGEST_PAUSE


async def test_a_killed_child_comes_back_with_another_pid_and_is_counted(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.make()
    running = asyncio.ensure_future(Supervisor(layout, [a_child(layout, "one", SLEEPS)]).run())
    try:
        first = (await until(layout, lambda record: "one" in record.children)).children["one"]
        assert first.process is not None
        assert first.restarts == 0
        os.kill(first.process.pid, signal.SIGKILL)
        again = (await until(layout, lambda r: r.children["one"].restarts == 1 and r.children["one"].process)).children
        assert again["one"].process is not None
        assert again["one"].process.pid != first.process.pid
    finally:
        running.cancel()
        await asyncio.wait([running])
    assert not processes.is_alive(again["one"].process)


async def test_one_that_cannot_start_leaves_the_others_alone(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.make()
    children = [
        Child("missing", (str(tmp_path / "nothing"),), {}, str(layout.log("missing"))),
        a_child(layout, "dies", "import sys; print('last words', file=sys.stderr); sys.exit(3)"),
        a_child(layout, "lives", SLEEPS),
    ]
    running = asyncio.ensure_future(Supervisor(layout, children).run())
    try:
        record = await until(
            layout,
            lambda r: len(r.children) == 3 and r.children["missing"].restarts > 1 and r.children["dies"].exit_code == 3,
        )
    finally:
        running.cancel()
        await asyncio.wait([running])
    assert record.children["missing"].exit_code == 127
    assert record.children["lives"].restarts == 0
    assert "last words" in layout.log("dies").read_text()


def test_a_record_survives_being_written(tmp_path: Path) -> None:
    own = processes.identify(os.getpid())
    assert own is not None
    record = Record(own).with_child("one", supervisor.Running(own, 2))
    layout = Layout(tmp_path)
    layout.supervisor.write_bytes(msgspec.json.encode(record))
    assert supervisor.read_record(layout) == record


def test_the_plan_is_private_and_shows_no_secret_when_printed(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    child = Child("one", ("true",), {"TIPHYS_REDIS_URL": "redis://:hush@host"}, "log")
    supervisor.write_plan(layout, [child])
    assert layout.plan.stat().st_mode & 0o777 == 0o600
    assert "hush" not in repr(child)
