"""Amounts of CPU, memory and storage in the one form the API server keeps: `1000m` is `1`, `1024Mi` is `1Gi`."""

from fractions import Fraction
from typing import Any

from gitops.model.amounts import parts_of

_DECIMAL = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")  # from 10^-9 in steps of 10^3
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")

# Maps whose values are quantities, wherever a built-in kind has a map of this name.
QUANTITY_MAPS = frozenset({"requests", "limits", "hard"})


def canonical(value: Any) -> str | None:
    """How the API server stores a quantity; None for what is none, or where rounding is its business."""
    parts = parts_of(value)
    if parts is None or parts[1] not in {*_DECIMAL, *_BINARY}:
        return None  # how powers of ten are kept is the API server's to say
    number, suffix = parts
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
