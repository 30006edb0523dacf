"""Arguments that several commands share, and how a command reaches its server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from tiphys.cli import config
from tiphys.cli.api import Api
from tiphys.cli.config import Wanted
from tiphys.cli.errors import NotLoggedIn
from tiphys.cli.output import AppFormat, Format
from tiphys.cli.rest import Rest
from tiphys.cli.version import VERSION

TOKEN_VARIABLE = "TIPHYS_AUTH_TOKEN"  # noqa: S105 (its name, not a token)


@dataclass(frozen=True)
class Flags:
    """The options before the command."""

    server: str = ""
    context: str = ""


AppName = Annotated[str, typer.Argument(metavar="NAME", help="NAME or NAMESPACE/NAME of the application.")]
AppNames = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="NAME or NAMESPACE/NAME; one or several.")]
ListOutput = Annotated[
    Format, typer.Option("-o", "--output", help="table, wide, name, json (as the API has it), yaml.")
]
AppOutput = Annotated[
    AppFormat, typer.Option("-o", "--output", help="table, tree, name, json (as the API has it), yaml.")
]
Selector = Annotated[str, typer.Option("-l", "--selector", metavar="SELECTOR", help="Labels, e.g. env=dev,tier!=web.")]
Timeout = Annotated[str, typer.Option("--timeout", metavar="TIME", help="90s, 5m, 1h …; 0 waits without end.")]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]
Prune = Annotated[bool, typer.Option("--prune", help="Also delete what Git no longer has.")]
Async = Annotated[bool, typer.Option("--async", help="Only start it; do not wait for its end.")]


def new_group(help_text: str) -> typer.Typer:
    return typer.Typer(help=help_text, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


def wanted(context: typer.Context) -> Wanted:
    """Flags before the environment; the token comes from the environment only, where `ps` does not show it."""
    flags: Flags = context.obj
    return Wanted(
        server=flags.server or ("" if flags.context else os.environ.get("TIPHYS_SERVER", "")),
        context=flags.context,
        token=os.environ.get(TOKEN_VARIABLE, ""),
    )


@contextmanager
def connected(context: typer.Context, *, anonymous: bool = False) -> Iterator[Api]:
    """The server's API; a login is needed unless `anonymous`."""
    try:
        login = config.chosen_login(config.load(config.config_path(os.environ)), wanted(context))
        if not login.token and not anonymous:
            raise NotLoggedIn(f"not logged in at {login.server}", f"`tiphys login {login.server}`")
    except NotLoggedIn as error:
        raise _with_local_hint(error, wanted(context)) from error
    source = TOKEN_VARIABLE if wanted(context).token else ""
    with Rest(login, user_agent=f"tiphys/{VERSION}", token_source=source) as rest:
        yield Api(rest)


def _with_local_hint(error: NotLoggedIn, asked: Wanted) -> NotLoggedIn:
    """Somebody who has just run `make up` should not have to search for what to type."""
    from tiphys.cli.local_setup import running_url

    url = "" if asked.context else running_url()
    meant = url and asked.server in ("", url)
    return NotLoggedIn(error.message, f"`tiphys login --local` (a local set-up runs at {url})") if meant else error
