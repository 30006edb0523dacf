"""Glob patterns in the two dialects that sources use; matching takes linear time, whatever the pattern.

Braces are expanded first, so what is left of a pattern are fixed pieces between stars. For those the
leftmost match of each piece is always good enough, which is what the atomic groups say.
"""

import re
from functools import lru_cache

from gitops.model.errors import InvalidSpec

_LENGTH_LIMIT = 1024
_ALTERNATIVES_LIMIT = 64


def has_wildcard(pattern: str) -> bool:
    return any(mark in pattern for mark in "*?[{")


def matches_crossing(pattern: str, path: str) -> bool:
    """`*` also crosses `/`: include and exclude of a directory source."""
    return any(_fixed_and_stars(each).fullmatch(path) for each in _alternatives(pattern))


def matches_by_segment(pattern: str, path: str) -> bool:
    """`*` stays within one path segment, `**` stands for any number of them: value files, generators."""
    segments = path.split("/")
    return any(_segments_match(each.split("/"), segments) for each in _alternatives(pattern))


def _segments_match(pattern: list[str], segments: list[str]) -> bool:
    reachable = {0}  # how many segments the pattern so far may have used up
    for piece in pattern:
        if piece == "**":
            reachable = set(range(min(reachable), len(segments) + 1)) if reachable else set()
            continue
        regex = _fixed_and_stars(piece)
        reachable = {at + 1 for at in reachable if at < len(segments) and regex.fullmatch(segments[at])}
    return len(segments) in reachable


@lru_cache(maxsize=512)
def _alternatives(pattern: str) -> tuple[str, ...]:
    if len(pattern) > _LENGTH_LIMIT:
        raise InvalidSpec(f"a glob pattern may not be longer than {_LENGTH_LIMIT} characters")
    unexpanded, expanded = [pattern], list[str]()
    while unexpanded:
        each = unexpanded.pop()
        choice = re.search(r"\{([^{}]*)\}", each)
        if choice is None:
            expanded.append(each)
        else:
            before, after = each[: choice.start()], each[choice.end() :]
            unexpanded.extend(f"{before}{option}{after}" for option in choice[1].split(","))
        if len(unexpanded) + len(expanded) > _ALTERNATIVES_LIMIT:
            raise InvalidSpec(f"`{pattern}` stands for more than {_ALTERNATIVES_LIMIT} patterns; write fewer braces")
    return tuple(expanded)


@lru_cache(maxsize=1024)
def _fixed_and_stars(pattern: str) -> re.Pattern[str]:
    fixed = [_fixed(piece) for piece in re.split(r"\*+", pattern)]
    if len(fixed) == 1:
        return re.compile(fixed[0], re.DOTALL)
    between = "".join(f"(?>.*?{piece})" for piece in fixed[1:-1] if piece)
    return re.compile(f"{fixed[0]}{between}.*{fixed[-1]}", re.DOTALL)


def _fixed(piece: str) -> str:
    """A piece without stars: characters, `?`, `[abc]`, `[!abc]`."""
    written: list[str] = []
    at = 0
    while at < len(piece):
        mark = piece[at]
        end = piece.find("]", at + 2) if mark == "[" else -1
        if mark == "?":
            written.append(".")
        elif end > 0:
            inside = piece[at + 1 : end]
            negated = inside[0] in "!^"
            members = re.sub(r"[\\\[\]^&~|]", r"\\\g<0>", inside[1:] if negated else inside)
            written.append(f"[{'^' if negated else ''}{members}]")
            at = end
        else:
            written.append(re.escape(mark))
        at += 1
    try:
        re.compile("".join(written))
    except re.error:
        return re.escape(piece)
    return "".join(written)
