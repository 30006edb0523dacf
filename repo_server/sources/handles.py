"""libgit2's open mirrors: a bounded number, and none that still holds packs which maintenance has merged."""

import threading
from collections import OrderedDict
from pathlib import Path

import pygit2

_PACKS_OPEN = 256  # in the whole process; libgit2 closes the least recently used beyond that


class Handles:
    """One handle per mirror and thread, as libgit2's are not made to be shared between threads."""

    def __init__(self, per_thread: int = 16) -> None:
        self._per_thread = per_thread
        self._local = threading.local()
        pygit2.settings.mwindow_file_limit = _PACKS_OPEN

    def of(self, path: Path, generation: int) -> pygit2.Repository:
        """The mirror, opened anew when `generation` has changed: libgit2 never drops a pack it has seen."""
        opened: OrderedDict[Path, tuple[int, pygit2.Repository]]
        opened = getattr(self._local, "opened", None) or OrderedDict()
        self._local.opened = opened
        known = opened.get(path)
        if known is None or known[0] != generation:
            if known is not None:
                _close(known[1])
            known = opened[path] = (generation, pygit2.Repository(str(path)))
        opened.move_to_end(path)
        if len(opened) > self._per_thread:
            _close(opened.popitem(last=False)[1][1])
        return known[1]


def _close(handle: pygit2.Repository) -> None:
    # A handle is part of a reference cycle, so dropping it closes nothing for long. Whoever still reads from
    # it in this thread is not disturbed: it opens again by itself.
    handle.free()
