"""Waiting for applications over their event stream, until a goal is reached or the time is up."""

import time
from collections.abc import Callable, Mapping, Sequence

from gitops.model.application import Application
from tiphys.cli.api import Api
from tiphys.cli.errors import NotFound, TimedOut
from tiphys.cli.progress import Progress
from tiphys.cli.refs import AppRef
from tiphys.cli.replies import read
from tiphys.cli.waiting import Goal, is_older, still_missing

Since = Mapping[AppRef, str]
"""The resource version from which on an application's states count."""


def wait_for(
    api: Api, apps: Sequence[AppRef], goal: Goal, *, until: float, progress: Progress, since: Since | None = None
) -> dict[AppRef, Application]:
    """Each application as it was when it reached the goal; all have to reach it once, not all at once."""
    reached: dict[AppRef, Application] = {}
    missing: dict[AppRef, list[str]] = {app: ["nothing heard of it yet"] for app in apps}
    for kind, raw in api.app_events(apps, until=until):
        for app in (each for each in missing if each.matches(raw["metadata"])):
            if kind == "DELETED":
                raise NotFound(f"application `{app}` was deleted meanwhile")
            seen = read(Application, raw)
            if is_older(seen, (since or {}).get(app, "")):
                continue
            progress.show(seen)
            missing[app] = still_missing(seen, goal)
            if not missing[app]:
                reached[app] = seen
        missing = {app: why for app, why in missing.items() if why}
        if not missing:
            return reached
    raise _too_late(missing)


def wait_until_gone(api: Api, app: AppRef, uid: str | None, *, until: float, still_there: Callable[[], bool]) -> None:
    """Asks again now and then too: the deletion may have been over before the stream began."""
    while time.monotonic() < until:
        if not still_there():
            return
        look_again = min(until, time.monotonic() + 2)
        for kind, raw in api.app_events([app], until=look_again):
            # Another application under the same name means that the first is gone.
            if kind == "DELETED" or raw["metadata"].get("uid") != uid:
                return
    raise TimedOut(f"`{app}` is still being deleted", "`tiphys app get` shows what it waits for")


def _too_late(missing: Mapping[AppRef, Sequence[str]]) -> TimedOut:
    reasons = "; ".join(f"{app}: {', '.join(why)}" for app, why in missing.items())
    return TimedOut(f"time is up: {reasons}", "`tiphys app get NAME` shows more; --timeout gives it longer")
