"""Patterns that people write, matched in linear time whatever the pattern and the text: all of them run on RE2."""

from functools import lru_cache
from typing import Any

import re2

from gitops.model.errors import InvalidSpec

LONGEST = 1024
_MEMORY = 512 * 1024  # of one compiled pattern, what matching keeps included
_REMEMBERED = 2048


class Pattern:
    """A compiled pattern."""

    __slots__ = ("_compiled",)

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled

    def matches(self, text: str) -> bool:
        """Whether the whole text matches."""
        return self._compiled.fullmatch(_encoded(text)) is not None

    def occurs_in(self, text: str) -> bool:
        """Whether some part of the text matches."""
        return self._compiled.search(_encoded(text)) is not None


def regex(text: str) -> Pattern:
    """A user's regular expression, in Go's syntax; raises InvalidSpec that says what is wrong with it."""
    check_length(text)
    return compiled(text, text)


@lru_cache(_REMEMBERED)
def compiled(expression: str, written: str) -> Pattern:
    """`written` is what the user wrote, if the expression was made from it."""
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    try:
        return Pattern(re2.compile(_encoded(expression), options))
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        told = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise InvalidSpec(f"`{written}` cannot be used as a pattern: {told}") from None


def check_length(text: str) -> None:
    if len(text) > LONGEST:
        raise InvalidSpec(f"the pattern `{text[:40]}…` is longer than {LONGEST} characters")


def _encoded(text: str) -> bytes:
    return text.encode(errors="replace")  # half a surrogate pair is no text; it must match `*` all the same
