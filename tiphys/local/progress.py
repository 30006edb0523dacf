"""Progress as lines of text: what is being done, and how long it took."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Say = Callable[[str], None]


def say_to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def silent(line: str) -> None:
    del line


def elapsed_text(seconds: float) -> str:
    """`0.4 s`, `12 s`, `4 min 07 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


@contextmanager
def step(say: Say, title: str, *, heartbeat: float = 20.0) -> Iterator[None]:
    """Tell when a step ends and how long it took; a long one also tells that it is still under way."""
    began = time.monotonic()
    over = threading.Event()

    def tell() -> None:
        while not over.wait(heartbeat):
            say(f"  … {title} ({elapsed_text(time.monotonic() - began)})")

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    except BaseException:
        say(f"  ✗ {title} failed after {elapsed_text(time.monotonic() - began)}")
        raise
    else:
        say(f"  ✓ {title} ({elapsed_text(time.monotonic() - began)})")
    finally:
        over.set()
        teller.join()
