"""Task groups whose failure is the error that happened, not a group around it; and work that an event may end."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")


@asynccontextmanager
async def tasks_together() -> AsyncIterator[asyncio.TaskGroup]:
    """A TaskGroup; when several of its tasks fail, the first failure stands for all."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failures:
        raise _first(failures) from None


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = failures
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@contextmanager
def beside(
    work: Coroutine[Any, Any, Result], event: asyncio.Event
) -> Iterator[tuple[asyncio.Task[Result], asyncio.Task[Any]]]:
    """The work and the wait for the event, both under way; neither outlives the block."""
    working = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(event.wait())
    try:
        yield working, waiting
    finally:
        working.cancel()
        waiting.cancel()
