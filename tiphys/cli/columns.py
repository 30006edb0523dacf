"""Which columns of a table a terminal has room for, and what is cut in those it shows.

A state is never cut: "OutOfSyn…" and "Degra…" are what people look for. Columns that matter less go first, and
the table says which went.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

GAP = 2
SHORTEST = 8  # what a cut cell still shows
NEVER_CUT = frozenset({"SYNC", "HEALTH", "STATUS", "RESULT", "HOOK", "ID", "PID", "CURRENT", "REVISION", "DEPLOYED"})
# Names of pods differ at their end, and names of applications at both.
CUT_IN_THE_MIDDLE = frozenset({"NAME", "NAMESPACE", "CLUSTER", "PROJECT", "REPO", "SERVER"})


@dataclass(frozen=True)
class Table:
    headers: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    expendable: tuple[str, ...] = ()  # headers of columns to leave out where there is no room, in this order


@dataclass(frozen=True)
class Fitted:
    """A table no wider than asked for, unless what must not be cut alone is wider."""

    table: Table
    left_out: tuple[str, ...] = ()


def fitted(table: Table, width: int) -> Fitted:
    left_out: list[str] = []
    shown = table
    for header in table.expendable:
        if _width(shown) <= width:
            break
        if header in shown.headers:
            left_out.append(header)
            shown = _without(shown, header)
    return Fitted(_cut(shown, width), tuple(left_out))


def widths(table: Table) -> list[int]:
    return [max(len(row[column]) for row in (table.headers, *table.rows)) for column in range(len(table.headers))]


def middle_cut(text: str, width: int) -> str:
    """Both ends of a text that is too long; the end gets the larger part."""
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


def end_cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _width(table: Table) -> int:
    return sum(widths(table)) + GAP * (len(table.headers) - 1)


def _without(table: Table, header: str) -> Table:
    at = table.headers.index(header)
    rows = [row[:at] + row[at + 1 :] for row in table.rows]
    return replace(table, headers=table.headers[:at] + table.headers[at + 1 :], rows=rows)


def _cut(table: Table, width: int) -> Table:
    """Takes from the widest column that may be cut, again and again."""
    given = dict(zip(table.headers, widths(table), strict=True))
    least = {header: max(SHORTEST, len(header)) for header in given if header not in NEVER_CUT}
    excess = sum(given.values()) + GAP * (len(given) - 1) - width
    while excess > 0 and (open_ones := [header for header in least if given[header] > least[header]]):
        widest = max(open_ones, key=lambda header: given[header])
        given[widest] -= 1
        excess -= 1
    rows = [
        tuple(_cell(cell, header, given) for header, cell in zip(table.headers, row, strict=True)) for row in table.rows
    ]
    return replace(table, rows=rows)


def _cell(text: str, header: str, given: Mapping[str, int]) -> str:
    cut = middle_cut if header in CUT_IN_THE_MIDDLE else end_cut
    return cut(text, given[header])
