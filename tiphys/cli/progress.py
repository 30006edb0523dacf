"""What a waiting user sees: a live table on a terminal, lines on request, else nothing."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from gitops.model.application import Application
from tiphys.cli.durations import in_words
from tiphys.cli.output import STYLES, ProgressMode, console, is_terminal, one_line, warn
from tiphys.cli.views.applications import is_requested, results_of

if TYPE_CHECKING:
    from rich.text import Text

# Rows of one application that fit beside others on a screen.
SHOWN_RESOURCES = 25


class Progress(Protocol):
    def show(self, app: Application) -> None: ...


class Silent:
    def show(self, app: Application) -> None:
        """Nothing to see."""


class Lines:
    """Each thing that changed, once, on stderr."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._said: dict[tuple[str, str], str] = {}

    def show(self, app: Application) -> None:
        for subject, words in facts_of(app):
            key = (str(app.key), subject)
            if words and self._said.get(key) != words:
                self._said[key] = words
                elapsed = in_words(time.monotonic() - self._started)
                warn(f"{elapsed:>6}  {app.metadata.name}  {subject}  {one_line(words)}")


class Live:
    """All applications and the objects of their operations, drawn again whenever something moved."""

    def __init__(self) -> None:
        from rich.live import Live as RichLive

        self._started = time.monotonic()
        self._apps: dict[str, Application] = {}
        self._live = RichLive(
            console=console(sys.stderr), transient=True, refresh_per_second=4, get_renderable=self._picture
        )

    def show(self, app: Application) -> None:
        self._apps[str(app.key)] = app
        self._live.refresh()

    def __enter__(self) -> "Live":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def _picture(self) -> "Text":
        from rich.text import Text

        picture = Text(f"waiting, {in_words(time.monotonic() - self._started)}", style="dim")
        # A copy: the drawing thread must not meet the one that adds applications.
        for line in progress_lines(list(self._apps.values())):
            picture.append("\n")
            for word in line:
                picture.append(f"{word}  ", style=STYLES.get(word.strip(), ""))
        return picture


def facts_of(app: Application) -> Iterator[tuple[str, str]]:
    """(subject, words) of all that may change while one waits."""
    state = app.status.operation_state
    yield "sync", app.status.sync.status
    yield "health", app.status.health.status
    if is_requested(app):
        yield "operation", "Running requested"
    elif state is not None:
        yield "operation", f"{state.phase} {state.message}"
        for each in results_of(app):
            words = " ".join(filter(None, (each.hook_type, each.status or each.hook_phase, each.message)))
            yield f"{each.kind}/{each.name}", words


def progress_lines(apps: Sequence[Application]) -> list[tuple[str, ...]]:
    """Words per line: one line for an application, and its objects below while there is room."""
    lines: list[tuple[str, ...]] = []
    room = SHOWN_RESOURCES // max(1, len(apps))
    for app in apps:
        state = app.status.operation_state
        operation = (state.phase, one_line(state.message)) if state else ()
        if is_requested(app):
            operation = ("Running", "requested")
        lines.append((app.metadata.name, app.status.sync.status, app.status.health.status, *operation))
        if state and not state.completed:
            results = results_of(app)
            lines += [
                (f"  {each.kind}/{each.name}", each.status or each.hook_phase, one_line(each.message))
                for each in results[:room]
            ]
            if len(results) > room:
                lines.append((f"  and {len(results) - room} more",))
    return lines


@contextmanager
def progress_shown(mode: ProgressMode, environ: Mapping[str, str]) -> Iterator[Progress]:
    if mode is ProgressMode.PLAIN:
        yield Lines()
    elif mode is ProgressMode.AUTO and is_terminal(sys.stderr) and not environ.get("CI"):
        with Live() as live:
            yield live
    else:
        yield Silent()
