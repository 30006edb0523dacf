"""Amounts of CPU, memory and storage in the one form the API server keeps: `1000m` is `1`, `1024Mi` is `1Gi`."""

import re
from fractions import Fraction
from typing import Any

_FORMAT = re.compile(r"([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|)")
_LONGEST = 40

_DECIMAL = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")  # from 10^-9 in steps of 10^3
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")

# Maps whose values are quantities, wherever a built-in kind has a map of this name.
QUANTITY_MAPS = frozenset({"requests", "limits", "hard"})


def canonical(value: Any) -> str | None:
    """How the API server stores a quantity; None for what is none, or where rounding is its business."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value)
    parts = _FORMAT.fullmatch(text) if len(text) <= _LONGEST else None
    if parts is None:
        return None
    number, suffix = Fraction(parts[1]), parts[2]
    if suffix in _BINARY[1:]:
        number *= 1024 ** _BINARY.index(suffix)
        # Small amounts lose the binary suffix.
        if abs(number) >= 1024:
            return _scaled(number, 1024, _BINARY)
    elif suffix:
        number *= Fraction(1000) ** (_DECIMAL.index(suffix) - _DECIMAL.index(""))
    return _scaled(number * 10**9, 1000, _DECIMAL)


def _scaled(number: Fraction, step: int, suffixes: tuple[str, ...]) -> str | None:
    """A whole number of smallest units, with the largest suffix that keeps it whole."""
    if number.denominator != 1:
        return None
    units = number.numerator
    if units == 0:
        return "0"
    position = 0
    while units % step == 0 and position < len(suffixes) - 1:
        units //= step
        position += 1
    return f"{units}{suffixes[position]}"


def same_quantity(desired: Any, live: Any) -> bool:
    """Whether the API server, given `desired`, would store `live`."""
    return (desired == live and type(desired) is type(live)) or (isinstance(live, str) and canonical(desired) == live)
