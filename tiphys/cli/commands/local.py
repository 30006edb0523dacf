"""The local set-up: up, down, clean, status."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tiphys.cli.columns import Table
from tiphys.cli.commands.app_act import confirmed
from tiphys.cli.commands.options import Yes
from tiphys.cli.errors import CliError, Usage
from tiphys.cli.exit_codes import ExitCode
from tiphys.cli.local_setup import running_status, told_as_cli_errors
from tiphys.cli.output import say, show_fields, show_json, show_table


def up(
    context: Annotated[
        list[str] | None,
        typer.Option("--context", metavar="CLUSTER=CONTEXT", help="Use a cluster of your kubeconfig; repeatable."),
    ] = None,
    kubeconfig: Annotated[str, typer.Option("--kubeconfig", help="Default: KUBECONFIG, else ~/.kube/config.")] = "",
    sample: Annotated[bool, typer.Option("--sample/--no-sample", help="Deploy the sample applications.")] = True,
) -> int:
    """Set everything up and leave it running.

    Without --context four clusters are made on this machine; with it, `mgmt` and any others are yours.
    """
    from tiphys import local
    from tiphys.local.bring_up import UpOptions

    options = UpOptions(
        contexts=dict(map(cluster_and_context, context or ())),
        kubeconfig=Path(kubeconfig).expanduser() if kubeconfig else None,
        sample=sample,
    )
    with told_as_cli_errors():
        state = local.up(options)
    _show(state)
    say("", "`tiphys login --local` logs you in; `tiphys down` stops it and keeps its state.")
    return ExitCode.OK


def down() -> int:
    """Stop what `up` started, and keep its state."""
    from tiphys import local

    with told_as_cli_errors():
        ran = local.down()
    say("Stopped; its state is kept." if ran else "Nothing was running.")
    return ExitCode.OK


def clean(yes: Yes = False) -> int:
    """Stop what `up` started, and remove its state."""
    from tiphys import local

    confirmed("Remove the clusters, repositories and logins of the local set-up?", yes=yes)
    with told_as_cli_errors():
        local.clean()
    say("The local set-up is gone.")
    return ExitCode.OK


def status(
    json: Annotated[bool, typer.Option("--json", help="All a script needs, with the passwords.")] = False,
) -> int:
    """What of the local set-up runs, and how to get in."""
    state = running_status()
    if state is None:
        raise CliError("no local set-up is running", "`make up` or `tiphys up` starts one")
    if json:
        show_json(state)
    else:
        _show(state)
    return ExitCode.OK


def cluster_and_context(text: str) -> tuple[str, str]:
    cluster, separator, context = text.partition("=")
    if not (cluster and separator and context):
        raise Usage(f"`{text}` does not name a cluster and its context", "write --context dev=CONTEXT")
    return cluster, context


def _show(state: Mapping[str, Any]) -> None:
    """Passwords are not shown: `login --local` knows them, and `status --json` tells them."""
    show_fields(
        [
            ("URL", str(state["url"])),
            ("Users", ", ".join(state["users"])),
            ("Repository", str(state["repo"]["url"])),
            ("Worktree", str(state["repo"]["worktree"])),
            ("Clusters", "\n".join(f"{name}: {path}" for name, path in state["kubeconfigs"].items())),
        ]
    )
    pids, restarts, logs = state["pids"], state["restarts"], state["logs"]
    rows = [
        (name, str(pids.get(name, "")) or "starting", str(restarts.get(name, 0)), str(logs.get(name, "")))
        for name in sorted({*pids, *restarts})
    ]
    print()
    show_table(Table(("PROCESS", "PID", "RESTARTS", "LOG"), rows))
