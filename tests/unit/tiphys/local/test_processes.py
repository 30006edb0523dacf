import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tiphys.local import processes
from tiphys.local.processes import Process

SLEEPER = (sys.executable, "-c", "import time; print(flush=True); time.sleep(60)")
DEAF = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)",
)


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    children: list[subprocess.Popen[bytes]] = []
    yield children
    for child in children:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def start(children: list[subprocess.Popen[bytes]], *command: str) -> Process:
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    children.append(child)
    assert child.stdout is not None
    child.stdout.readline()
    found = processes.identify(child.pid)
    assert found is not None
    return found


def test_a_process_is_itself_as_long_as_it_lives(started: list[subprocess.Popen[bytes]]) -> None:
    process = start(started, *SLEEPER)
    assert processes.is_alive(process)
    assert processes.identify(process.pid) == process
    started[0].kill()
    started[0].wait()
    assert not processes.is_alive(process)


def test_a_zombie_is_not_alive(started: list[subprocess.Popen[bytes]]) -> None:
    process = start(started, *SLEEPER)
    started[0].kill()  # and not waited for
    deadline = time.monotonic() + 5
    while processes.is_alive(process) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not processes.is_alive(process)


def test_a_stranger_that_got_the_pid_is_left_alone(started: list[subprocess.Popen[bytes]]) -> None:
    process = start(started, *SLEEPER)
    somebody_before = Process(process.pid, "some other time")
    assert processes.stop([somebody_before], grace=0.1) == []
    processes.kill([somebody_before])
    assert processes.is_alive(process)


def test_stop_asks_first_and_then_insists(started: list[subprocess.Popen[bytes]]) -> None:
    willing, deaf = start(started, *SLEEPER), start(started, *DEAF)
    assert processes.stop([willing, deaf], grace=0.3) == [deaf]
    assert not processes.is_alive(willing)
    assert not processes.is_alive(deaf)


def test_there_is_no_process_behind_a_pid_nobody_has() -> None:
    assert processes.identify(2**22 + 1) is None
    assert processes.command_line(2**22 + 1) == ""


def test_command_line_tells_what_runs() -> None:
    assert "python" in processes.command_line(os.getpid()) or "pytest" in processes.command_line(os.getpid())


@pytest.mark.parametrize(
    ("stat", "expected"),
    [
        pytest.param(f"7 (a) S {' '.join(map(str, range(1, 30)))}", "19", id="plain"),
        pytest.param(f"7 (a b) (c) S {' '.join(map(str, range(1, 30)))}", "19", id="blanks-and-brackets"),
        pytest.param(f"7 (a) Z {' '.join(map(str, range(1, 30)))}", "", id="zombie"),
    ],
)
def test_start_time_is_found_whatever_the_command_is_called(stat: str, expected: str) -> None:
    assert processes.start_time_in(stat) == expected
