"""Processes we started, told apart from strangers that got the same pid: a pid counts only with its start time."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

_PROC = Path("/proc")


class Process(msgspec.Struct, frozen=True):
    pid: int
    started: str  # as the system tells it; only ever compared


def identify(pid: int) -> Process | None:
    """The process behind a pid, or None when there is none, or only its unreaped rest."""
    found = _from_proc(pid) if _PROC.joinpath("self", "stat").exists() else _from_ps(pid)
    return Process(pid, found) if found else None


def is_alive(process: Process) -> bool:
    return identify(process.pid) == process


def command_line(pid: int) -> str:
    """The command a process runs; empty when there is no such process."""
    if _PROC.joinpath("self", "stat").exists():
        try:
            return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return ""
    return _ps(pid, "command=")


def stop(processes: Iterable[Process], *, grace: float = 5.0) -> list[Process]:
    """Ask all to end, then insist; returns those that had to be killed. Strangers are left alone."""
    running = [process for process in processes if is_alive(process)]
    for process in running:
        _signal(process, signal.SIGTERM)
    stubborn = wait_until_gone(running, grace)
    kill(stubborn)
    return stubborn


def kill(unwanted: Iterable[Process]) -> None:
    """End processes at once, for those that lose nothing by it."""
    struck = list(unwanted)
    for process in struck:
        _signal(process, signal.SIGKILL)
    wait_until_gone(struck, 5.0)


def wait_until_gone(processes: Iterable[Process], patience: float) -> list[Process]:
    """Those still alive when patience ran out."""
    deadline = time.monotonic() + patience
    left = [process for process in processes if is_alive(process)]
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [process for process in left if is_alive(process)]
    return left


def _signal(process: Process, number: signal.Signals) -> None:
    if is_alive(process):
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return


def start_time_in(stat: str) -> str:
    """The start time in a line of /proc/PID/stat; empty for a zombie."""
    # The command, in brackets, may itself hold blanks and brackets.
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]


def _from_proc(pid: int) -> str:
    try:
        return start_time_in((_PROC / str(pid) / "stat").read_text())
    except OSError:
        return ""


def _from_ps(pid: int) -> str:
    return "" if _ps(pid, "state=").startswith("Z") else _ps(pid, "lstart=")


def _ps(pid: int, column: str) -> str:
    ran = subprocess.run(["ps", "-o", column, "-p", str(pid)], capture_output=True, text=True, check=False)
    return ran.stdout.strip()
