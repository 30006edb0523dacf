"""Readings of commits end: when their budget is spent, when their time is up, when nobody waits, and at the end."""

import asyncio
import subprocess
import sys
import threading
from datetime import timedelta

import pytest

from gitops.model.errors import RenderFailed
from repo_server.inputs.jsonnet_imports import imports_of
from repo_server.reading import Budget, Reading, ReadingLimits

SHORT = ReadingLimits(threads=1, time=timedelta(milliseconds=20), grace=timedelta(milliseconds=20))


def endless(budget: Budget) -> None:
    while True:
        budget.spend()


async def test_a_reading_gives_its_result_or_its_error() -> None:
    reading = Reading()
    assert await reading.run(lambda _: 42) == 42

    def refuse(_: Budget) -> None:
        raise RenderFailed("no")

    with pytest.raises(RenderFailed, match=r"^no$"):
        await reading.run(refuse)
    assert reading.stuck() == 0


async def test_looks_and_bytes_are_counted() -> None:
    with pytest.raises(RenderFailed, match="more than 10 files and directories"):
        await Reading(ReadingLimits(looks=10)).run(endless)
    budget = Budget(ReadingLimits(bytes=2**20))
    budget.read(2**20)
    with pytest.raises(RenderFailed, match="more than 1 MiB"):
        budget.read(1)


def test_time_is_up_by_the_clock() -> None:
    now = [0.0]
    budget = Budget(ReadingLimits(time=timedelta(seconds=30)), monotonic=lambda: now[0])
    budget.spend()
    now[0] = 31.0
    with pytest.raises(RenderFailed, match="longer than 30 s"):
        budget.spend()


async def test_an_endless_reading_ends_and_frees_its_thread() -> None:
    reading = Reading(ReadingLimits(threads=1, looks=2**62, time=timedelta(milliseconds=20)))
    for _ in range(3):
        with pytest.raises(RenderFailed, match="took longer"):
            await reading.run(endless)
    assert await reading.run(lambda _: "next") == "next"


async def test_a_reading_nobody_waits_for_ends() -> None:
    reading = Reading(ReadingLimits(threads=1, looks=2**62))
    begun = threading.Event()

    def work(budget: Budget) -> None:
        begun.set()
        endless(budget)

    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(reading.run(work))
        await asyncio.to_thread(begun.wait)
        asked.cancel()
    assert asked.cancelled()
    assert await reading.run(lambda _: "next") == "next"


async def test_one_that_does_not_end_is_told_and_given_up() -> None:
    reading = Reading(SHORT)
    release = threading.Event()
    with pytest.raises(RenderFailed, match="took longer"):
        await reading.run(lambda _: release.wait())
    assert reading.stuck() == 1
    release.set()
    assert await reading.run(lambda _: "next") == "next"
    assert reading.stuck() == 0


def test_a_process_does_not_wait_for_one_that_does_not_end() -> None:
    program = """
import asyncio
from datetime import timedelta
from gitops.model.errors import RenderFailed
from repo_server.reading import Reading, ReadingLimits

def hang(_):
    while True:
        pass

async def main():
    reading = Reading(ReadingLimits(time=timedelta(milliseconds=50), grace=timedelta(milliseconds=50)))
    try:
        await reading.run(hang)
    except RenderFailed:
        print("told", reading.stuck())

asyncio.run(main())
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "told 1\n"
    assert ran.stderr == ""


@pytest.mark.parametrize("text", ["/*", "|||\n", '"', "'", '@"', "@'", '"\\', "|||\n \t", "/*\"'|||\n"])
def test_jsonnet_that_is_never_closed_is_read_in_linear_time(text: str) -> None:
    """In quadratic time this test would not end."""
    assert list(imports_of(text * 200_000)) == []
