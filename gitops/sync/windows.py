"""Sync windows: may this application be synced at this moment, and if not, because of which window?"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import msgspec

from gitops.model.application import Application
from gitops.model.errors import InvalidSpec
from gitops.model.globs import glob
from gitops.model.moments import parse_duration
from gitops.model.project import SyncWindow
from gitops.sync.cron import parse_schedule


class Verdict(msgspec.Struct, frozen=True):
    allowed: bool
    reason: str = ""  # why not


ALLOWED = Verdict(True)


class Target(msgspec.Struct, frozen=True):
    """What windows look at: the application's name and where it goes. A cluster answers to several names."""

    name: str
    namespace: str
    clusters: tuple[str, ...]

    @staticmethod
    def of(app: Application, *clusters: str) -> "Target":
        to = app.spec.destination
        names = dict.fromkeys(each for each in (*clusters, to.server, to.name) if each)
        return Target(app.metadata.name, to.namespace, tuple(names))


def may_sync(
    windows: Iterable[SyncWindow], target: Target, *, now: datetime, manual: bool, started: datetime | None = None
) -> Verdict:
    """Whether a sync may begin, or, once `started`, go on.

    A window that cannot be read refuses: nobody knows what it was to protect.
    """
    try:
        concerned = [window for window in windows if concerns(window, target)]
        verdict, blocking = _judged(concerned, now, manual=manual)
        if verdict.allowed or started is None:
            return verdict
        then, _ = _judged(concerned, started, manual=manual)
        overruns = then.allowed and _may_overrun(blocking, concerned, started)
    except InvalidSpec as error:
        return Verdict(False, f"a sync window of the project is wrong: {error}")
    return ALLOWED if overruns else verdict


def concerns(window: SyncWindow, target: Target) -> bool:
    """Raises InvalidSpec for a pattern that cannot be read.

    Any of the lists will do; with `andOperator` every list that is not empty has to agree.
    """
    asked = (
        (window.applications, (target.name,)),
        (window.namespaces, (target.namespace,)),
        (window.clusters, target.clusters),
    )
    answers = [_any_matches(patterns, names) for patterns, names in asked if patterns]
    return bool(answers) and (all(answers) if window.use_and_operator else any(answers))


def is_active(window: SyncWindow, now: datetime) -> bool:
    length = parse_duration(window.duration)
    schedule = parse_schedule(window.schedule)
    return schedule.last_before(now, within=length, zone=_zone(window.time_zone)) is not None


def _any_matches(patterns: Iterable[str], names: Iterable[str]) -> bool:
    return any(glob(pattern).matches(name) for pattern in patterns for name in names)


def _zone(name: str) -> tzinfo:
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:
        raise InvalidSpec(f"time zone `{name}` is not known; use a name such as Europe/Berlin") from error


def _judged(windows: list[SyncWindow], now: datetime, *, manual: bool) -> tuple[Verdict, list[SyncWindow]]:
    """The verdict, and the windows behind a refusal."""
    active = [window for window in windows if is_active(window, now)]
    denying = [window for window in active if window.kind == "deny"]
    allowing = [window for window in windows if window.kind == "allow"]
    if denying:
        return _unless_manual(denying, manual, lambda window: f"{_named(window)} is open")
    if not allowing or any(window in active for window in allowing):
        return ALLOWED, []
    return _unless_manual(allowing, manual, lambda window: f"{_named(window)} is closed")


def _unless_manual(
    blocking: list[SyncWindow], manual: bool, told: Callable[[SyncWindow], str]
) -> tuple[Verdict, list[SyncWindow]]:
    """A person may pass only where each of the windows says so."""
    if manual and all(window.manual_sync for window in blocking):
        return ALLOWED, []
    reasons = "; ".join(told(window) for window in blocking)
    return Verdict(False, f"Sync operation blocked by sync window: {reasons}"), blocking


def _named(window: SyncWindow) -> str:
    zone = f" {window.time_zone}" if window.time_zone else ""
    about = f" ({window.description})" if window.description else ""
    return f"{window.kind} window `{window.schedule}`{zone} for {window.duration}{about}"


def _may_overrun(blocking: list[SyncWindow], windows: list[SyncWindow], started: datetime) -> bool:
    """Whether the windows let a sync that began in time run to its end."""
    if any(window.kind == "deny" for window in blocking):
        return all(window.sync_overrun for window in blocking)
    # An allow window has closed meanwhile: it is the one the sync began in that has a say.
    began_in = [window for window in windows if window.kind == "allow" and is_active(window, started)]
    return any(window.sync_overrun for window in began_in)
