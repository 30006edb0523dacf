"""Where `jqPathExpressions` lead in an object. jq itself is asked elsewhere; here its answers become paths."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from gitops.diff.field_removal import Path


class Found(msgspec.Struct, frozen=True):
    """Where the expressions of one object's rules lead, in the two sides of a comparison."""

    live: tuple[Path, ...] = ()
    predicted: tuple[Path, ...] = ()


def paths_of(answers: Iterable[list[Any]], value: Any) -> tuple[Path, ...]:
    """jq's paths as ours: positions counted from the start, a slice as the positions it holds."""
    return tuple(path for answer in answers for path in _resolved(answer, value))


def _resolved(steps: list[Any], value: Any) -> Iterator[Path]:
    if not steps:
        yield ()
        return
    step, rest = steps[0], steps[1:]
    if isinstance(step, Mapping):
        yield from _of_slice(step, rest, value)
    elif isinstance(step, str):
        below = value.get(step) if isinstance(value, Mapping) else None
        yield from ((step, *path) for path in _resolved(rest, below))
    elif isinstance(step, int | float) and isinstance(value, list):
        position = int(step) + (len(value) if step < 0 else 0)
        if 0 <= position < len(value):
            yield from ((position, *path) for path in _resolved(rest, value[position]))


def _of_slice(step: Mapping[str, Any], rest: list[Any], value: Any) -> Iterator[Path]:
    if not isinstance(value, list):
        return
    held = range(len(value))[slice(_bound(step.get("start")), _bound(step.get("end")))]
    if not rest:
        yield from ((position,) for position in held)
        return
    for path in _resolved(rest, [value[position] for position in held]):
        if path and isinstance(path[0], int):
            yield (held[path[0]], *path[1:])


def _bound(given: Any) -> int | None:
    return int(given) if isinstance(given, int | float) else None
