"""What may stand in a log line, and a logger that never fails its caller.

Much of what is logged was written by strangers: file names, commit messages, answers of API servers. A line
has to stay one line, of bounded size, readable by whatever collects it; and telling must not end what is told of.
"""

import json
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

LONGEST_TEXT = 8_000
LOOKED_AT = 64_000  # of a text; what lies beyond is neither searched for secrets nor written
MOST_ENTRIES = 50
DEEPEST = 4
_TRACES = frozenset({"trace", "exception", "stack"})  # their end says more than their beginning
_METHODS = ("debug", "info", "warning", "error", "exception", "critical", "log")

Line = MutableMapping[str, Any]


def bounded(_logger: Any, _method: str, line: Line) -> Line:
    """Before anything else looks at the values: plain, and not more than can be looked at."""
    return {_plain(str(key)): _value(value, from_end=key in _TRACES) for key, value in line.items()}


def shortened(_logger: Any, _method: str, line: Line) -> Line:
    """After secrets were taken out: never before, half a secret is not recognized."""
    return {key: _short(value, from_end=key in _TRACES) for key, value in line.items()}


def on_one_line(_logger: Any, _method: str, line: Line) -> Line:
    """For people's eyes: nothing in a text may begin a line of its own or give orders to a terminal."""
    return {key: _indented(value) if key == "exception" else _printable(value) for key, value in line.items()}


def _value(value: Any, *, from_end: bool = False, depth: int = 0) -> Any:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= 64 else "a number of more than 64 bits"
    if isinstance(value, str):
        text = str.__str__(value)
        return _plain(text[-LOOKED_AT:] if from_end else text[:LOOKED_AT])
    if isinstance(value, bytes | bytearray | memoryview):
        return _plain(bytes(value[:LOOKED_AT]).decode("utf-8", "backslashreplace"))
    if depth >= DEEPEST:
        return f"{type(value).__name__} …"
    try:
        return _composed(value, depth)
    except Exception:  # what cannot even be shown must not keep the rest from being told
        return f"{type(value).__name__} that cannot be shown"


def _composed(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        few = [pair for pair, _ in zip(value.items(), range(MOST_ENTRIES), strict=False)]
        return {_plain(str(key)[:200]): _value(inner, depth=depth + 1) for key, inner in few}
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(inner, depth=depth + 1) for inner, _ in zip(value, range(MOST_ENTRIES), strict=False)]
    if isinstance(value, BaseException):
        return _plain(f"{type(value).__name__}: {value}"[:LOOKED_AT])
    return _plain(repr(value)[:LOOKED_AT])


def _plain(text: str) -> str:
    """Text that can be encoded: half of a character pair cannot."""
    return text.encode("utf-8", "backslashreplace").decode()


def _short(value: Any, *, from_end: bool = False) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"… {value[-LONGEST_TEXT:]}" if from_end else f"{value[:LONGEST_TEXT]} …"
    if isinstance(value, dict):
        return {key: _short(inner) for key, inner in value.items()}
    return [_short(inner) for inner in value] if isinstance(value, list) else value


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in value)
    return value  # what is composed is written as Python writes it, escapes and all


def _indented(trace: Any) -> Any:
    """A stack keeps its lines, and none of them can be taken for a line of the log."""
    return "\n".join(f"  | {_printable(each)}" for each in str(trace).splitlines())


def unfailing(logger: type[Any]) -> type[Any]:
    """A structlog wrapper class whose methods tell what they can, whatever they are given."""
    methods = {name: _unfailing(name, getattr(logger, name)) for name in _METHODS}
    return type(f"Unfailing{logger.__name__}", (logger,), methods)


def _unfailing(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    # Positional only, so that no value's name can be taken for theirs.
    def tell(self: Any, /, *told: Any, **values: Any) -> Any:
        if "event" in values:
            values["event_"] = values.pop("event")
        try:
            return method(self, *told, **values)
        except Exception as failure:
            _tell_failure(name, told, failure)
            return None

    return tell


def _tell_failure(name: str, told: tuple[Any, ...], failure: Exception) -> None:
    line = {"event": "a log line could not be written", "level": name, "failure": type(failure).__name__}
    try:
        sys.stderr.write(json.dumps({**line, "told": _short(_value(told[0] if told else ""))}) + "\n")
    except Exception:
        return  # there is nobody left to tell
