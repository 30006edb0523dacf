"""Everything Tiphys runs on one machine: tools, control planes, Git, cache, services and their supervisor."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiphys.local.errors import LocalError
from tiphys.local.progress import Say, say_to_stderr

if TYPE_CHECKING:
    from tiphys.local.bring_up import UpOptions

__all__ = ["LocalError", "clean", "down", "status", "up"]

# The imports are made where they are needed: the command line imports this module for every command.


def up(options: "UpOptions | None" = None, say: Say = say_to_stderr) -> dict[str, Any]:
    """Start everything (see `tiphys.local.bring_up.UpOptions`); returns the status. Raises LocalError."""
    from tiphys.local.bring_up import UpOptions, up

    return up(options or UpOptions(), say)


def down(state: Path | None = None, say: Say = say_to_stderr) -> bool:
    """Stop what `up` started and keep its state; False when nothing ran."""
    from tiphys.local.take_down import down

    return down(_layout(state), say)


def clean(state: Path | None = None, say: Say = say_to_stderr) -> None:
    """Stop what `up` started and remove its state."""
    from tiphys.local.take_down import clean

    clean(_layout(state), say)


def status(state: Path | None = None) -> dict[str, Any]:
    """What runs and how one gets in. Raises LocalError when nothing runs."""
    from tiphys.local.report import status_of

    return status_of(_layout(state))


def _layout(state: Path | None) -> "Any":
    import os

    from tiphys.local.layout import Layout, default_state_folder

    return Layout(state or default_state_folder(os.environ))
