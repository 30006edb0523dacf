"""Asks jq where expressions lead in an object. jq runs in one process beside ours, made anew when it had to die."""

import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from gitops.model.errors import ExpressionFailed, InvalidSpec
from gitops.model.resource import Manifest

TIME = timedelta(seconds=1)
MEMORY = 512 * 1024 * 1024
REFUSED_FOR = timedelta(minutes=1)
_PATIENCE = 20  # times the processor time allowed: on a busy machine the worker may have to wait for its turn
_MOST_REMEMBERED = 1000
_LONGEST_ANSWER = 1024 * 1024

Answers = list[list[list[Any]]]


class JqEngine:
    """`time` is what one expression may use of the processor for one object, as Argo CD's limit of a second."""

    def __init__(self, time: timedelta = TIME, memory: int = MEMORY, *, refused_for: timedelta = REFUSED_FOR) -> None:
        self._time = time
        self._memory = memory
        self._refused_for = refused_for
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._valid: dict[str, str] = {}  # expression -> what is wrong with it, or nothing
        self._failed: dict[tuple[str, str], tuple[float, str]] = {}  # (who, expression) -> (until, why)

    async def check(self, expressions: Sequence[str]) -> None:
        """Raises InvalidSpec that names the first expression that is not jq."""
        unknown = [each for each in expressions if each not in self._valid]
        if unknown:
            await self._ask("", unknown, None)
        for each in expressions:
            if wrong := self._valid.get(each):
                raise _invalid(each, wrong)

    async def paths(self, who: str, expressions: Sequence[str], manifest: Manifest) -> list[list[Any]]:
        """jq's paths of all expressions. One that does not fit the object leads nowhere, as in Argo CD.

        Raises ExpressionFailed for one that took too long or too much, InvalidSpec for one that is not jq.
        `who` may have written them: what failed is not tried again for a while, for them alone.
        """
        now = asyncio.get_running_loop().time()
        for each in expressions:
            until, why = self._failed.get((who, each), (0.0, ""))
            if until > now:
                raise ExpressionFailed(why)
        answers = await self._ask(who, expressions, json.dumps(manifest))
        return [path for answer in answers for path in answer]

    async def close(self) -> None:
        async with self._turn:
            await self._end()

    # --- inside ----------------------------------------------------------------------------------------

    async def _ask(self, who: str, expressions: Sequence[str], document: str | None) -> Answers:
        async with self._turn:
            try:
                return await self._exchange(who, expressions, document)
            except BaseException:
                await self._end()  # whatever it was about to say is not the answer to the next question
                raise

    async def _exchange(self, who: str, expressions: Sequence[str], document: str | None) -> Answers:
        process = await self._running()
        assert process.stdin is not None and process.stdout is not None  # noqa: PT018
        try:
            process.stdin.write(json.dumps({"expressions": expressions, "document": document}).encode() + b"\n")
            await process.stdin.drain()
        except OSError:
            raise ExpressionFailed("jq's process ended; it is asked again") from None
        found: Answers = []
        for each in expressions:
            found.append(self._read(who, each, await self._line(process, who, each)))
        return found

    async def _line(self, process: asyncio.subprocess.Process, who: str, expression: str) -> bytes:
        assert process.stdout is not None
        try:
            async with asyncio.timeout(self._time.total_seconds() * _PATIENCE):
                line = await process.stdout.readline()
        except TimeoutError:
            raise self._failure(who, expression, "it took too long") from None
        if line.endswith(b"\n"):
            return line
        ended = await process.wait()
        spent = f"it took more than {self._time.total_seconds():g} s"
        raise self._failure(who, expression, spent if ended == -signal.SIGVTALRM else "it took too much memory")

    def _read(self, who: str, expression: str, line: bytes) -> list[list[Any]]:
        answer = json.loads(line)
        wrong = answer.get("invalid", "")
        if len(self._valid) >= _MOST_REMEMBERED:
            self._valid.clear()
        self._valid[expression] = wrong
        if wrong:
            return []
        if failed := answer.get("failed"):
            raise self._failure(who, expression, failed)
        paths: list[list[Any]] = answer.get("paths", [])
        return paths

    def _failure(self, who: str, expression: str, why: str) -> ExpressionFailed:
        message = (
            f"jqPathExpressions: `{_short(expression)}` cannot be evaluated: {why}; "
            "nothing is compared until it is changed"
        )
        now = asyncio.get_running_loop().time()
        self._failed = {key: kept for key, kept in self._failed.items() if kept[0] > now}
        self._failed[who, expression] = (now + self._refused_for.total_seconds(), message)
        return ExpressionFailed(message)

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-m",
                "adapters.jq.worker",
                str(self._time.total_seconds()),
                str(self._memory),
                str(_LONGEST_ANSWER),
                env={"LC_ALL": "C.UTF-8"},
                cwd="/",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
                limit=2 * _LONGEST_ANSWER,
            )
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()


def _invalid(expression: str, wrong: str) -> InvalidSpec:
    return InvalidSpec(f"jqPathExpressions: `{_short(expression)}` is not a jq expression: {wrong}")


def _short(expression: str) -> str:
    return expression if len(expression) <= 200 else expression[:200] + "…"
