"""Printing: tables, colours and formats. Colours and cut columns only on a terminal; no control characters ever.

A pipe gets plain text with full columns (and never pays for loading Rich).
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

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
    JSON = "json"
    YAML = "yaml"


class ProgressMode(str, Enum):
    AUTO = "auto"  # a live table on a terminal, else nothing
    PLAIN = "plain"  # one line on stderr for each change
    NONE = "none"


@dataclass(frozen=True)
class Table:
    headers: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


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
    rows = [table.headers, *(tuple(one_line(cell) or "-" for cell in row) for row in table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.headers))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def show_table(table: Table) -> None:
    if is_terminal(sys.stdout):
        _show_on_terminal(table)
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


def _show_on_terminal(table: Table) -> None:
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(box=None, pad_edge=False, header_style="bold")
    for header in table.headers:
        shown.add_column(header, no_wrap=True, overflow="ellipsis")
    for row in table.rows:
        cells = [one_line(cell) or "-" for cell in row]
        shown.add_row(*(Text(cell, style=STYLES.get(cell.split(maxsplit=1)[0], "")) for cell in cells))
    console(sys.stdout).print(shown)
