"""Printing: tables, colours and formats. Colours and cut columns only on a terminal; no control characters ever.

A pipe gets plain text with full columns (and never pays for loading Rich).
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import IO, TYPE_CHECKING, Any

from tiphys.cli.columns import GAP, Fitted, Table, fitted, widths

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

# What a commit message, a pod or a chart wrote must not steer the terminal it is shown on.
_CONTROL = {code: "�" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}

STYLES: Mapping[str, str] = {
    "Synced": "green",
    "OutOfSync": "yellow",
    "Healthy": "green",
    "Progressing": "cyan",
    "Suspended": "blue",
    "Degraded": "red",
    "Missing": "yellow",
    "Succeeded": "green",
    "Running": "cyan",
    "Terminating": "yellow",
    "Failed": "red",
    "Error": "red",
    "SyncFailed": "red",
    "Pruned": "magenta",
    "PruneSkipped": "yellow",
    "SyncSkipped": "yellow",
    "Successful": "green",
    "Unknown": "dim",
    "yes": "green",
    "no": "red",
}


class Format(str, Enum):
    TABLE = "table"
    WIDE = "wide"
    NAME = "name"
    JSON = "json"
    YAML = "yaml"


class AppFormat(str, Enum):
    """How `app get` and `app resources` may answer."""

    TABLE = "table"
    TREE = "tree"
    NAME = "name"
    JSON = "json"
    YAML = "yaml"


class ProgressMode(str, Enum):
    AUTO = "auto"  # a live table on a terminal, else nothing
    PLAIN = "plain"  # one line on stderr for each change
    NONE = "none"


def plain(text: str) -> str:
    return text.translate(_CONTROL)


def one_line(text: str) -> str:
    return " ".join(plain(text).split())


def is_terminal(stream: IO[str]) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def say(*lines: str) -> None:
    for line in lines:
        print(plain(line))


def warn(message: str) -> None:
    print(plain(message), file=sys.stderr)


def table_text(table: Table) -> str:
    """Columns two spaces apart, as wide as their widest cell."""
    return "\n".join(_lines(_printable(table)))


def show_table(table: Table, *, whole: bool = False) -> None:
    """On a terminal cut to its width, unless the `whole` table is asked for; in a pipe always whole."""
    if is_terminal(sys.stdout):
        _show_on_terminal(_printable(table), whole=whole)
    else:
        print(table_text(table))


def show_fields(fields: Sequence[tuple[str, str]]) -> None:
    """`Name:  value` lines; a value of several lines is indented under the first, an empty one left out."""
    given = [(name, plain(value)) for name, value in fields if value]
    width = max((len(name) for name, _ in given), default=0) + 2
    for name, value in given:
        first, *more = value.split("\n")
        print(f"{name + ':':<{width}} {coloured(first)}")
        for line in more:
            print(" " * (width + 1) + line)


def coloured(value: str) -> str:
    """A line whose first word is a status, in that status's colour."""
    head = value.split(maxsplit=1)[0].rstrip(":,") if value.strip() else ""
    if head not in STYLES or not is_terminal(sys.stdout):
        return value
    from rich.text import Text

    target = console(sys.stdout)
    with target.capture() as capture:
        target.print(Text(head, style=STYLES[head]), end="")
    return capture.get() + value[len(head) :]


def show_styled(lines: Iterable[tuple[str, str]]) -> None:
    """(line, style) pairs; the styles count on a terminal only."""
    if not is_terminal(sys.stdout):
        say(*(line for line, _ in lines))
        return
    from rich.text import Text

    target = console(sys.stdout)
    for line, style in lines:
        target.print(Text(plain(line), style=style), soft_wrap=True)


def show_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def yaml_text(value: Any) -> str:
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=4096)
    return text


def show_value(value: Any, form: str) -> None:
    if form == Format.JSON.value:
        show_json(value)
    else:
        print(yaml_text(value), end="")


def console(stream: IO[str]) -> "Console":
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, emoji=False)


def _show_on_terminal(table: Table, *, whole: bool) -> None:
    from rich.text import Text

    target = console(sys.stdout)
    fit = Fitted(table) if whole else fitted(table, target.width)
    shown, columns = fit.table, widths(fit.table)
    target.print(Text(next(iter(_lines(shown))), style="bold"), soft_wrap=True)
    for row, line in zip(shown.rows, list(_lines(shown))[1:], strict=True):
        target.print(_coloured_row(row, line, columns), soft_wrap=True)
    if fit.left_out:
        hidden = f"(no room for {', '.join(fit.left_out)}; a wider terminal or a pipe shows all)"
        target.print(Text(hidden, style="dim"), soft_wrap=True)


def _coloured_row(row: tuple[str, ...], line: str, columns: Sequence[int]) -> "Text":
    from rich.text import Text

    text, start = Text(line), 0
    for cell, width in zip(row, columns, strict=True):
        if style := STYLES.get(cell.split(maxsplit=1)[0]):
            text.stylize(style, start, start + len(cell))
        start += width + GAP
    return text


def _printable(table: Table) -> Table:
    return replace(table, rows=[tuple(one_line(cell) or "-" for cell in row) for row in table.rows])


def _lines(table: Table) -> Iterable[str]:
    columns = widths(table)
    for row in (table.headers, *table.rows):
        yield (" " * GAP).join(cell.ljust(width) for cell, width in zip(row, columns, strict=True)).rstrip()
