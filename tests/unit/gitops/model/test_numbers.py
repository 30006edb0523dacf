"""What counts as a number in a text that anybody may have written."""

import re
from pathlib import Path

import pytest

from gitops.model.numbers import count_of, integer_of

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("007", 7),
        (str(2**63 - 1), 2**63 - 1),
        (str(-(2**63)), -(2**63)),
        (str(2**63), None),
        ("9" * 5_000, None),
        ("²", None),
        ("١٢", None),
        ("1_000", None),
        (" 1", None),
        ("1\n", None),
        ("", None),
        ("-", None),
        ("1.5", None),
        (7, None),
        (None, None),
    ],
)
def test_only_plain_digits_of_64_bits_are_a_whole_number(text: object, number: int | None) -> None:
    assert integer_of(text) == number
    assert count_of(text) == (number if isinstance(text, str) and text.isalnum() else None)


@pytest.mark.parametrize("folder", ["gitops", "app_controller", "adapters"])
def test_nothing_asks_python_whether_a_text_is_a_number(folder: str) -> None:
    """`"²".isdigit()` is true and `int("²")` raises: what others write is read by `gitops.model.numbers`."""
    trap = re.compile(r"\.is(digit|decimal|numeric)\(")
    modules = [each for each in (ROOT / folder).rglob("*.py") if "_pb" not in each.parts]
    assert modules
    assert not [each for each in modules if trap.search(each.read_text())]
