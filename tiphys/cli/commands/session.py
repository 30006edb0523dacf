"""Who am I, and where: login, logout, contexts, account, version."""

import getpass
import os
import sys
from dataclasses import replace
from typing import Annotated

import typer

from tiphys.cli import config
from tiphys.cli.api import Api
from tiphys.cli.columns import Table
from tiphys.cli.commands.options import ListOutput, connected, new_group, wanted
from tiphys.cli.config import Login
from tiphys.cli.errors import CliError, NotLoggedIn, Usage
from tiphys.cli.exit_codes import ExitCode
from tiphys.cli.local_setup import running_status
from tiphys.cli.output import Format, say, show_fields, show_table, show_value, warn
from tiphys.cli.rest import Rest
from tiphys.cli.version import VERSION

contexts = new_group("The servers you have logged in to.")
account = new_group("Who you are at the server, and what you may do.")


def login(
    context: typer.Context,
    server: Annotated[
        str, typer.Argument(metavar="[SERVER]", help="HOST[:PORT] or URL; default: as last time, or the local set-up.")
    ] = "",
    username: Annotated[str, typer.Option("--username", "-u", help="Account name; asked for if not given.")] = "",
    password: Annotated[str, typer.Option("--password", help="Other users of this machine may see it in `ps`.")] = "",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")] = False,
    local: Annotated[bool, typer.Option("--local", help="Log in to the local set-up of this project.")] = False,
    name: Annotated[str, typer.Option("--name", help="Context name; default: the server's address.")] = "",
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Do not verify the certificate; allow plain HTTP over a network.")
    ] = False,
    ca_file: Annotated[str, typer.Option("--ca-file", help="PEM file of the authority to trust.")] = "",
) -> int:
    """Log in, and remember the token (mode 0600, never the password)."""
    path = config.config_path(os.environ)
    known = config.load(path)
    stored = _last_login(known, context)
    if local or not (server or stored.server):
        server, username, password = _local_account(username, password)
        name = name or "local"
    url = config.server_url(server or stored.server)
    if url == stored.server:
        insecure, ca_file = insecure or stored.insecure, ca_file or stored.ca_file
    if not (insecure or config.is_private(url)):
        raise Usage(f"{url} would send the password unencrypted", "use https://, or --insecure if you are sure")
    username = username or _asked("Username")
    password = _password(password, from_stdin=password_stdin)
    asking = Login(url, username=username, insecure=insecure, ca_file=os.path.abspath(ca_file) if ca_file else "")
    with Rest(asking, user_agent=f"tiphys/{VERSION}") as rest:
        token = _token(Api(rest), username, password)
    name = name or known.name_of(url) or config.context_name(url)
    config.save(path, known.with_login(name, replace(asking, token=token)))
    say(f"Logged in at {url} as {username} (context {name}).")
    return ExitCode.OK


def logout(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[CONTEXT]", help="Default: the one in use.")] = "",
) -> int:
    """Forget the token, and tell the server that it is no longer good."""
    path = config.config_path(os.environ)
    known = config.load(path)
    name = name or wanted(context).context or known.current
    stored = known.using(name).logins[name]
    if stored.token:
        try:
            with Rest(stored) as rest:
                Api(rest).logout()
        except CliError as error:
            warn(f"The server was not told: {error.message}")
    config.save(path, known.without_token(name))
    say(f"Logged out of {stored.server} (context {name}).")
    return ExitCode.OK


@contexts.command("list")
def list_contexts(output: ListOutput = Format.TABLE) -> int:
    """All contexts; the one in use has a star."""
    known = config.load(config.config_path(os.environ))
    names = sorted(known.logins)
    if output is Format.NAME:
        say(*names)
    elif output in (Format.JSON, Format.YAML):
        shown = [
            {"name": name, "server": known.logins[name].server, "username": known.logins[name].username}
            | {"current": name == known.current, "loggedIn": bool(known.logins[name].token)}
            for name in names
        ]
        show_value(shown, output.value)
    else:
        rows = [_context_row(name, known.logins[name], name == known.current) for name in names]
        show_table(Table(("CURRENT", "NAME", "SERVER", "USER", "LOGGED IN"), rows))
    return ExitCode.OK


@contexts.command("use")
def use_context(name: Annotated[str, typer.Argument(metavar="NAME")]) -> int:
    """Talk to this server from now on."""
    path = config.config_path(os.environ)
    known = config.load(path).using(name)
    config.save(path, known)
    say(f"Using {name} ({known.logins[name].server}).")
    return ExitCode.OK


@account.command("userinfo")
def userinfo(context: typer.Context, output: ListOutput = Format.TABLE) -> int:
    """Who the server takes you for."""
    with connected(context) as api:
        info = api.userinfo()
    if output in (Format.JSON, Format.YAML):
        show_value(info, output.value)
    elif not info.get("loggedIn"):
        raise NotLoggedIn("the server does not know you (any more)", "log in with `tiphys login`")
    else:
        groups = ", ".join(info.get("groups") or ())
        show_fields([("Username", info.get("username", "")), ("Issuer", info.get("iss", "")), ("Groups", groups)])
    return ExitCode.OK


@account.command("can-i")
def can_i(
    context: typer.Context,
    action: Annotated[str, typer.Argument(help="get, create, update, delete, sync, override …")],
    resource: Annotated[str, typer.Argument(help="applications, projects, clusters, repositories …")],
    subject: Annotated[str, typer.Argument(metavar="OBJECT", help="PROJECT/NAME, or * for any.")] = "*",
) -> int:
    """May I? Prints yes or no; exit code 0 or 1.

    Example: tiphys account can-i sync applications prod/around-api-prod
    """
    with connected(context) as api:
        allowed = api.can_i(action, resource, subject)
    say("yes" if allowed else "no")
    return ExitCode.OK if allowed else ExitCode.NEGATIVE


def version(
    context: typer.Context,
    client: Annotated[bool, typer.Option("--client", help="Only this program's; do not ask the server.")] = False,
) -> int:
    """The version of this program and of the server."""
    say(f"tiphys: {VERSION}")
    if not client:
        with connected(context, anonymous=True) as api:
            answer = api.version()
        say(f"server: {answer.get('Version', 'unknown')} at {api.rest.login.server}")
    return ExitCode.OK


def _context_row(name: str, login: Login, current: bool) -> tuple[str, ...]:
    return "*" if current else "", name, login.server, login.username, "yes" if login.token else "no"


def _local_account(username: str, password: str) -> tuple[str, str, str]:
    """Address, name and password at the local set-up, which knows the passwords it has given."""
    state = running_status()
    if state is None:
        raise CliError("no server was named, and no local set-up is running", "`tiphys login SERVER`, or `make up`")
    username = username or str(state["username"])
    return str(state["url"]), username, password or str(state["users"].get(username, ""))


def _last_login(known: config.Config, context: typer.Context) -> Login:
    try:
        return config.chosen_login(known, wanted(context))
    except NotLoggedIn:
        return Login(server="")


def _asked(what: str) -> str:
    if not sys.stdin.isatty():
        raise Usage("no --username given, and nobody here to ask", "give --username and --password-stdin")
    return input(f"{what}: ").strip()


def _password(given: str, *, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if given:
        return given
    if not sys.stdin.isatty():
        raise Usage("no password given, and nobody here to ask", "pipe it in with --password-stdin")
    return getpass.getpass("Password: ")


def _token(api: Api, username: str, password: str) -> str:
    try:
        token = api.login(username, password)
    except NotLoggedIn as error:
        raise NotLoggedIn(
            f"{api.rest.login.server} refused the login of {username}", "is the name right, and the password?"
        ) from error
    if not token:
        raise CliError(f"{api.rest.login.server} gave no token", "is this the API server's address?")
    return token
