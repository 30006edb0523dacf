"""Spans of time on the command line (`90`, `90s`, `5m`, `1h30m`) and in words."""

import math
import time

from gitops.model.errors import InvalidSpec
from gitops.model.moments import parse_duration
from tiphys.cli.errors import Usage


def seconds_of(text: str) -> float:
    """0 means: without end."""
    try:
        return parse_duration(text).total_seconds() or math.inf
    except InvalidSpec as error:
        raise Usage(str(error), "0 waits without end") from error


def deadline(timeout: str) -> float:
    return time.monotonic() + seconds_of(timeout)


def in_words(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
