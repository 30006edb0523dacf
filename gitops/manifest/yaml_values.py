"""What a plain YAML scalar means to Kubernetes tools.

They read YAML 1.1 with the peculiarities of their Go library: `yes` and `on` are booleans, dates and
`1:30` stay text, `0o17` and `0x1F` are numbers. A reader that differs here applies other values than
`kubectl` would.
"""

import math
import re
from collections.abc import Callable

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}

# Only a scalar that begins with one of these can be anything but text.
_HINTS = frozenset("yYnNtTfFoO~.+-0123456789")
_NUMBER_HINTS = frozenset(".+-0123456789")

_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_OCTAL = re.compile(r"([-+]?)0[oO]?([0-7]+)")
_HEX = re.compile(r"[-+]?0[xX][0-9a-fA-F]+")
_BINARY = re.compile(r"[-+]?0[bB][01]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")

_LONGEST_NUMBER = 400  # Python turns digits into integers in quadratic time


def plain_scalar(text: str) -> Scalar:
    """The value of an unquoted scalar without a tag."""
    if not text:
        return None
    first = text[0]
    if first not in _HINTS:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if first not in _NUMBER_HINTS or len(text) > _LONGEST_NUMBER:
        return text
    number = _number(text if first == "." else text.replace("_", ""))
    return text if number is None else number


def _number(text: str) -> int | float | None:
    if _DECIMAL.fullmatch(text):
        number = int(text)
        return number if _fits(number) else _finite(text)
    if octal := _OCTAL.fullmatch(text):
        return _fitting(int(octal[1] + octal[2], 8))
    if _HEX.fullmatch(text):
        return _fitting(int(text, 16))
    if _BINARY.fullmatch(text):
        return _fitting(int(text, 2))
    if _FLOAT.fullmatch(text):
        return whole(float(text))
    return None


def _fits(number: int) -> bool:
    return -(2**63) <= number < 2**64


def _fitting(number: int) -> int | None:
    """Other bases have no way past 64 bits: there it is text."""
    return number if _fits(number) else None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def whole(number: float) -> int | float:
    """JSON knows one kind of number: `1.0` and `1e3` are written as integers."""
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


def _tagged_integer(text: str) -> Scalar:
    value = plain_scalar(text)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"`{text}` is not an integer")
    return value


def _tagged_float(text: str) -> Scalar:
    value = plain_scalar(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"`{text}` is not a number")
    return value


def _tagged_bool(text: str) -> Scalar:
    value = plain_scalar(text)
    if not isinstance(value, bool):
        raise ValueError(f"`{text}` is not true or false")
    return value


def _tagged_null(text: str) -> Scalar:
    if plain_scalar(text) is not None:
        raise ValueError(f"`{text}` is not null")
    return None


def _text(text: str) -> Scalar:
    return text


_TAG = "tag:yaml.org,2002:"

TAGGED_SCALARS: dict[str, Callable[[str], Scalar]] = {
    "!": _text,
    f"{_TAG}str": _text,
    f"{_TAG}binary": _text,
    f"{_TAG}timestamp": _text,
    f"{_TAG}int": _tagged_integer,
    f"{_TAG}float": _tagged_float,
    f"{_TAG}bool": _tagged_bool,
    f"{_TAG}null": _tagged_null,
}

COLLECTION_TAGS = frozenset({"!", f"{_TAG}map", f"{_TAG}seq"})


def key_text(value: Scalar) -> str:
    """A mapping key as JSON has it: always text."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
