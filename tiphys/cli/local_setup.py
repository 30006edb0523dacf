"""The local set-up of this project (`make up`), as the commands need it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tiphys.cli.errors import CliError

Status = Mapping[str, Any]


def running_status() -> Status | None:
    """What `tiphys status --json` prints, or None when nothing runs here."""
    from tiphys import local

    try:
        return local.status()
    except local.LocalError:
        return None


def running_url() -> str:
    state = running_status()
    return str(state["url"]) if state else ""


@contextmanager
def told_as_cli_errors() -> Iterator[None]:
    """What fails while setting up is told like everything else; its message already says what to do."""
    from tiphys import local

    try:
        yield
    except local.LocalError as error:
        message, _, detail = str(error).partition("\n")
        raise CliError(message, detail) from error
