"""The last comparison of each application, for those who look at it, and who is looking."""

import asyncio
from collections.abc import AsyncGenerator

import msgspec

from app_controller.desired import Desired
from app_controller.live.cluster import LiveCluster
from gitops.compare import Comparison
from gitops.model.application import AppName


class View(msgspec.Struct, frozen=True):
    """What an application's tree and diffs are drawn from."""

    comparison: Comparison
    desired: Desired
    live: LiveCluster


class Views:
    def __init__(self) -> None:
        self._views: dict[AppName, View] = {}
        self._watchers: dict[AppName, set[asyncio.Event]] = {}

    @property
    def watched(self) -> bool:
        return bool(self._watchers)

    def get(self, name: AppName) -> View | None:
        return self._views.get(name)

    def put(self, name: AppName, view: View) -> None:
        self._views[name] = view
        self.touched(name)

    def forget(self, name: AppName) -> None:
        if self._views.pop(name, None) is not None:
            self.touched(name)

    def touched(self, name: AppName) -> None:
        for event in self._watchers.get(name, ()):
            event.set()

    async def changes(self, name: AppName, *, at_most_every: float = 0.1) -> AsyncGenerator[None, None]:
        """Once at the start and then after every change, bursts drawn together."""
        event = asyncio.Event()
        self._watchers.setdefault(name, set()).add(event)
        try:
            while True:
                yield
                await event.wait()
                await asyncio.sleep(at_most_every)
                event.clear()
        finally:
            watchers = self._watchers.get(name, set())
            watchers.discard(event)
            if not watchers:
                self._watchers.pop(name, None)
