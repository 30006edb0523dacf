"""Amounts of CPU, memory and storage as Kubernetes writes them: `250m`, `1Gi`, `0.5`."""

import re
from fractions import Fraction
from typing import Any

_FORMAT = re.compile(
    r"([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][-+]?[0-9]{1,2}|)"
)
_LONGEST = 40
_FACTORS = {
    **{
        suffix: Fraction(1000) ** power
        for power, suffix in enumerate(("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), -3)
    },
    **{suffix: Fraction(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
}


def parts_of(value: Any) -> tuple[Fraction, str] | None:
    """The number as written and its suffix; None for what is no quantity."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value)
    parts = _FORMAT.fullmatch(text) if len(text) <= _LONGEST else None
    return (Fraction(parts[1]), parts[2]) if parts else None


def amount_of(value: Any) -> Fraction | None:
    """The amount in whole units; None for what is no quantity."""
    parts = parts_of(value)
    if parts is None:
        return None
    number, suffix = parts
    factor = _FACTORS.get(suffix)
    return number * (Fraction(10) ** int(suffix[1:]) if factor is None else factor)


def milli(amount: Fraction) -> int:
    """In thousandths, rounded up, as Kubernetes rounds."""
    return -((-amount * 1000).__floor__())
