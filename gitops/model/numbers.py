"""Numbers in texts that others write: labels, annotations, versions, paths. The one place that reads them.

`int` takes digits of every script and underscores, and raises on what `str.isdigit` lets pass (`²`) and on
thousands of digits; whatever one object's owner writes must not end the visit to an application.
"""

import re

_WHOLE = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_LARGEST = 2**63 - 1


def integer_of(text: object) -> int | None:
    """A whole number of 64 bits in plain digits, as Go reads one; None for anything else."""
    if not isinstance(text, str) or not _WHOLE.fullmatch(text):
        return None
    number = int(text)
    return number if -_LARGEST - 1 <= number <= _LARGEST else None


def count_of(text: object) -> int | None:
    """A number from 0 on in digits alone, without a sign; None for anything else."""
    return integer_of(text) if isinstance(text, str) and text[:1] not in ("+", "-") else None
