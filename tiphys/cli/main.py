"""Where `tiphys` starts: the tree of commands, and the one place where an error becomes an exit code."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from tiphys.cli.commands import app as app_commands
from tiphys.cli.commands import app_act, app_diff, app_edit, cluster_add, local, others, session  # noqa: F401
from tiphys.cli.commands.options import Flags, new_group
from tiphys.cli.errors import CliError
from tiphys.cli.exit_codes import ExitCode, meanings_as_text

EPILOG = f"""\b
Environment:
  TIPHYS_SERVER      address of the server, instead of the context in use
  TIPHYS_AUTH_TOKEN  token, instead of a login
  TIPHYS_CONFIG      where logins are kept (~/.config/tiphys/config.json)
  NO_COLOR           no colours, also on a terminal

\b
Exit codes:
{meanings_as_text()}
"""

program = new_group("Tiphys: GitOps delivery for Kubernetes. Clusters run what Git says, and you can see why.")


@program.callback(epilog=EPILOG)
def before_every_command(
    context: typer.Context,
    server: Annotated[str, typer.Option("--server", help="Address of the server, instead of the context in use.")] = "",
    use: Annotated[str, typer.Option("--context", help="Use this context, for this command only.")] = "",
) -> None:
    context.obj = Flags(server=server, context=use)


program.command("login")(session.login)
program.command("logout")(session.logout)
program.add_typer(session.contexts, name="context")
program.add_typer(session.account, name="account")
program.add_typer(app_commands.group, name="app")
program.add_typer(others.appsets, name="appset")
program.add_typer(others.projects, name="proj")
program.add_typer(others.clusters, name="cluster")
program.add_typer(others.repositories, name="repo")
program.command("up")(local.up)
program.command("down")(local.down)
program.command("clean")(local.clean)
program.command("status")(local.status)
program.command("version")(session.version)


def run(arguments: Sequence[str]) -> int:
    """The exit code; whatever was expected to go wrong is told in a line or two."""
    try:
        ended = program(args=list(arguments), prog_name="tiphys", standalone_mode=False)
        sys.stdout.flush()
    except CliError as error:
        return _told(error)
    except typer.TyperException as error:
        error.show() if hasattr(error, "show") else print(f"Error: {error}", file=sys.stderr)
        return ExitCode.USAGE
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader (`head`, a pager) has had enough; Python must not complain about it while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    return ended if isinstance(ended, int) else ExitCode.OK


def _told(error: CliError) -> ExitCode:
    from tiphys.cli.output import one_line

    print(f"Error: {one_line(error.message)}", file=sys.stderr)
    if error.advice:
        print(f"  → {error.advice}", file=sys.stderr)
    return error.exit_code


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The entry point of the `tiphys` command."""
    sys.stdout.reconfigure(errors="replace") if hasattr(sys.stdout, "reconfigure") else None
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))
