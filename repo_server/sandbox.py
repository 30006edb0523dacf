"""Render workers as a pool: a few processes, confined, that are killed when they misbehave.

A worker gets no environment, no credentials and one private directory per render. Time, resident memory and
processes, its tools' included, are watched from outside; output is read up to a limit. Whatever happens to a
worker happens to one request. Applications and repositories take turns, and none can have all workers.
"""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog

from gitops.model import errors
from gitops.model.errors import GitOpsError, RenderFailed
from repo_server.failures import TookTooLong
from repo_server.fair import FairTurns, Who
from repo_server.metrics import Metrics
from repo_server.reachable import readable_paths, tool_files
from repo_server.render.confine import Confinement, Report
from repo_server.render.jobs import Failure, Options, Reply
from repo_server.worker import MEBIBYTE, Killed, Limits, Worker

log = structlog.get_logger("sandbox")

_REASONS: Mapping[str, type[GitOpsError]] = {
    each.reason: each for each in (errors.RenderFailed, errors.ManifestInvalid, errors.PathNotFound, errors.InvalidSpec)
}


class NotConfined(Exception):
    """Confinement is required, and the kernel does not give all of it."""


class WorkerPool:
    def __init__(self, scratch: Path, tools: Path, *, limits: Limits, metrics: Metrics, required: bool = False) -> None:
        self._scratch = scratch
        self._tools = tools
        self._limits = limits
        self._metrics = metrics
        self._idle: list[Worker] = []
        most = limits.workers + limits.slow
        self._turns = FairTurns(limits.workers, share=most - 1, member_share=most // 2, aside=limits.slow)
        self._alive = 0
        self._freed = asyncio.Condition()  # a worker became idle, or ended
        self._required = required
        self.report = Report(())  # what confines the last worker that was started
        self._confinement = Confinement(
            parent=os.getpid(),
            cpu_seconds=int(4 * limits.time.total_seconds()) + 1,
            memory_limit=2 * limits.memory + 256 * MEBIBYTE,
            file_limit=4 * limits.output,
            readable=readable_paths(),
            executable=tool_files(tools),
            writable=(os.devnull,),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator["WorkerPool"]:
        """Ends idle workers while it runs, all of them in the end; what a crash left behind goes first.

        Raises NotConfined if confinement is required and not to be had.
        """
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(mode=0o700, parents=True)
        await self._try_confinement()
        async with asyncio.TaskGroup() as tasks:
            reaping = tasks.create_task(self._reap())
            try:
                yield self
            finally:
                reaping.cancel()
                for worker in self._idle:
                    await worker.end()
                self._idle.clear()

    async def render(self, options: Options, files: dict[str, bytes], who: Who) -> Reply:
        """What the worker made; the error the render ended with, otherwise. `who`: (repository, application)."""
        since = time.perf_counter()
        async with self._turns.turn(who) as turn:
            slow = asyncio.get_running_loop().call_later(self._limits.slow_after.total_seconds(), turn.step_aside)
            try:
                return await self._rendered(options, files, since)
            finally:
                slow.cancel()

    async def _rendered(self, options: Options, files: dict[str, bytes], since: float) -> Reply:
        worker = await self._acquired(since)
        kept = False
        try:
            reply = await worker.render(options, files, self._tools, self._limits)
            kept = worker.renders < self._limits.renders and worker.is_alone
        except Killed as killed:
            self._metrics.worker_kills.labels(killed.reason).inc()
            kind = TookTooLong if killed.reason == "time" else RenderFailed
            raise kind(f"{killed}; look for a loop, or make the source smaller") from None
        finally:
            await self._released(worker, kept=kept)
        if reply.failure is not None:
            raise _error(reply.failure)
        return reply

    async def _acquired(self, asked: float) -> Worker:
        since = time.perf_counter()
        async with self._freed:
            while not self._idle and not self._may_start(time.perf_counter() - since):
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._limits.patience.total_seconds()):
                        await self._freed.wait()
            self._metrics.worker_wait.observe(time.perf_counter() - asked)
            if self._idle:
                return self._idle.pop()  # the last one used, so that the others may grow old
            self._count(+1)
        try:
            return await self._started()
        except BaseException as error:
            await self._forget()
            if isinstance(error, Killed | NotConfined):
                raise RenderFailed(str(error)) from error
            raise

    async def _try_confinement(self) -> None:
        self._count(+1)
        try:
            worker = await self._started()
        except BaseException:
            self._count(-1)
            raise
        log.info("renders are confined", **{each.name: each.detail or each.in_force for each in self.report.layers})
        if missing := self.report.missing():
            log.warning("renders are not confined in full", missing={each.name: each.detail for each in missing})
        await self._released(worker, kept=True)

    async def _started(self) -> Worker:
        """A worker that is confined as it has to be."""
        worker = await Worker.start(self._confinement, self._scratch)
        self.report = worker.report
        for each in self.report.layers:
            self._metrics.confinement.labels(each.name).set(each.in_force)
        missing = self.report.missing()
        if self._required and missing:
            await worker.end()
            lacking = ", ".join(f"{each.name} ({each.detail})" for each in missing)
            raise NotConfined(
                f"renders are to be confined, and the kernel does not provide: {lacking}; "
                "allow these calls, or set REPO_SERVER_CONFINEMENT=best-effort"
            )
        return worker

    def _may_start(self, waited: float) -> bool:
        if self._alive == 0:
            return True
        most = self._limits.workers + self._limits.slow
        return self._alive < most and waited >= self._limits.patience.total_seconds()

    async def _released(self, worker: Worker, *, kept: bool) -> None:
        if kept and worker.is_alive and len(self._idle) < self._limits.workers:
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
