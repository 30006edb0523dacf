"""What an attempt at an operation is made from, what it is told from outside, and how it ends."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from app_controller.live.cluster import LiveCluster
from app_controller.reconcile.actions import Door
from gitops.model.application import AppName
from gitops.model.operation import OperationState, SyncResult
from gitops.sync.tasks import SyncTask


class Ended(msgspec.Struct, frozen=True):
    """How an attempt ended. `deployed`: a whole sync that succeeded, so history gets an entry.

    `interrupted`: it has not ended; its view of the cluster was closed, so it has to go on with another.
    """

    phase: str
    message: str
    result: SyncResult | None = None
    deployed: bool = False
    interrupted: bool = False


class ViewClosed(msgspec.Struct, frozen=True):
    """The cluster's credentials changed, or it is registered no more: what we see of it stands still."""


class Prepared(msgspec.Struct, frozen=True):
    """All a sync needs to know before it begins."""

    tasks: tuple[SyncTask, ...]
    result: SyncResult  # revision and source, no resources yet
    live: LiveCluster
    door: Door
    dry_run: bool = False
    partial: bool = False
    pinned: bool = True  # the operation says itself which commits it is about

    # Why the project's sync windows do not let it write now; given when it began to, if it has. Empty: they do.
    blocked: Callable[[datetime | None], str] = lambda began: ""


class Preparation(Protocol):
    async def prepare(self, name: AppName, state: OperationState) -> Prepared: ...


class Signals(Protocol):
    """What the world tells a running operation."""

    changed: asyncio.Event
    terminating: asyncio.Event
    outdated: asyncio.Event  # Git has moved on since the operation was started
    approved_at: datetime | None


async def first_of(*events: asyncio.Event, within: timedelta) -> None:
    """Waits until one of the events is set, or the time is over."""
    waits = [asyncio.ensure_future(each.wait()) for each in events]
    try:
        await asyncio.wait(waits, timeout=within.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
