"""`tiphys app`: the commands that make something happen, and wait for it."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tiphys.cli.api import Api
from tiphys.cli.commands.app import found, group
from tiphys.cli.commands.options import AppName, AppNames, Async, Prune, Selector, Timeout, Yes, connected
from tiphys.cli.durations import deadline
from tiphys.cli.errors import CliError, NotFound, Usage
from tiphys.cli.exit_codes import ExitCode
from tiphys.cli.output import ProgressMode, say, show_table, warn
from tiphys.cli.refs import AppRef, app_ref, choice, chosen_resources, made_by

if TYPE_CHECKING:
    from gitops.model.application import Application

ProgressOption = Annotated[
    ProgressMode, typer.Option("--progress", help="auto: live on a terminal; plain: lines on stderr; none.")
]


HOW_TO_KEEP_IT_AWAY = "To be rid of it, take it out of the set's generators, or delete the set."


class Strategy(str, Enum):
    HOOK = "hook"
    APPLY = "apply"


@group.command("sync")
def sync(
    context: typer.Context,
    names: AppNames = None,
    selector: Selector = "",
    revision: Annotated[str, typer.Option("--revision", help="This commit, branch or tag instead.")] = "",
    prune: Prune = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; show what would be done.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Delete and make anew what cannot be changed.")] = False,
    strategy: Annotated[Strategy, typer.Option("--strategy", help="apply runs no hooks.")] = Strategy.HOOK,
    resource: Annotated[
        list[str] | None,
        typer.Option("--resource", metavar="[GROUP:]KIND:[NS/]NAME", help="Only this object; repeatable; no hooks."),
    ] = None,
    asynchronous: Async = False,
    timeout: Timeout = "10m",
    progress: ProgressOption = ProgressMode.AUTO,
) -> int:
    """Bring the cluster to what Git says.

    Waits for the end of the operation; for health, follow with `app wait --health`.
    """
    choices = [choice(each) for each in resource or ()]
    body: dict[str, Any] = {"prune": prune, "dryRun": dry_run, "strategy": {strategy.value: {"force": force}}}
    if revision:
        body["revision"] = revision
    until = deadline(timeout)

    def start(api: Api, app: AppRef) -> Any:
        if not choices:
            return api.sync(app, body)
        has = (api.get_app(app).get("status") or {}).get("resources") or ()
        return api.sync(app, {**body, "resources": chosen_resources(choices, has)})

    with connected(context) as api:
        apps = named_apps(api, names or (), selector)
        return _operated(api, apps, start, until=until, progress=progress, asynchronous=asynchronous)


@group.command("rollback")
def rollback(
    context: typer.Context,
    name: AppName,
    history_id: Annotated[
        int | None, typer.Argument(metavar="[ID]", help="See `app history`; default: the one before.")
    ] = None,
    prune: Prune = False,
    asynchronous: Async = False,
    timeout: Timeout = "10m",
    progress: ProgressOption = ProgressMode.AUTO,
) -> int:
    """Deploy an earlier entry of the history again.

    Waits for the end of the operation.
    """
    until = deadline(timeout)
    app = app_ref(name)
    with connected(context) as api:
        chosen = _entry_before(api, app) if history_id is None else history_id
        return _operated(
            api,
            [app],
            lambda api, app: api.rollback(app, chosen, prune=prune),
            until=until,
            progress=progress,
            asynchronous=asynchronous,
        )


@group.command("wait")
def wait(
    context: typer.Context,
    names: AppNames = None,
    selector: Selector = "",
    sync: Annotated[bool, typer.Option("--sync", help="Until it is Synced.")] = False,
    health: Annotated[bool, typer.Option("--health", help="Until it is Healthy.")] = False,
    operation: Annotated[
        bool, typer.Option("--operation", help="Until no operation runs; fails if it failed.")
    ] = False,
    revision: Annotated[str, typer.Option("--revision", help="Until it is about this commit, just pushed.")] = "",
    timeout: Timeout = "10m",
    progress: ProgressOption = ProgressMode.AUTO,
) -> int:
    """Wait until applications are Synced and Healthy.

    And until no operation is in progress; --sync, --health and --operation choose among the three.
    """
    from tiphys.cli.follow import wait_for
    from tiphys.cli.progress import progress_shown
    from tiphys.cli.waiting import Goal, operation_failed

    goal = Goal.of(sync=sync, health=health, operation=operation, revision=revision)
    until = deadline(timeout)
    with connected(context) as api:
        apps = named_apps(api, names or (), selector)
        for app in apps:
            api.get_app(app)  # a name that does not exist is an error now, not a timeout later
        with progress_shown(progress, os.environ) as shown:
            reached = wait_for(api, apps, goal, until=until, progress=shown)
    for seen in reached.values():
        state = seen.status.operation_state
        last = f", last operation {state.phase}" if state else ""
        say(f"{seen.metadata.name}: {seen.status.sync.status}, {seen.status.health.status}{last}")
    # With --sync, a state that is as asked for counts, however the last operation ended.
    failed = goal.operation and not goal.sync and any(map(operation_failed, reached.values()))
    return ExitCode.NEGATIVE if failed else ExitCode.OK


@group.command("terminate-op")
def terminate(context: typer.Context, name: AppName) -> int:
    """Stop the operation in progress."""
    app = app_ref(name)
    with connected(context) as api:
        found(api, app, api.terminate)
    say(f"{app}: the operation is being terminated; `tiphys app wait {app} --operation` waits for its end.")
    return ExitCode.OK


@group.command("delete")
def delete(
    context: typer.Context,
    names: AppNames = None,
    selector: Selector = "",
    cascade: Annotated[
        bool, typer.Option("--cascade/--no-cascade", help="Delete its objects in the cluster too.")
    ] = True,
    yes: Yes = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is gone.")] = False,
    timeout: Timeout = "10m",
) -> int:
    """Delete applications, with what they run in the cluster.

    --no-cascade leaves their objects where they are.
    """
    until = deadline(timeout)
    askable(yes=yes)
    with connected(context) as api:
        apps = named_apps(api, names or (), selector)
        doomed = {app: (found(api, app, api.get_app).get("metadata") or {}) for app in apps}
        for app, metadata in doomed.items():
            if maker := made_by(metadata):
                warn(f"{app}: ApplicationSet {maker} made it and will make it again. {HOW_TO_KEEP_IT_AWAY}")
        what = "with everything they run in the cluster" if cascade else "but leave what they run in the cluster"
        confirmed(f"Delete {', '.join(map(str, apps))}, {what}?", yes=yes)
        for app in apps:
            found(api, app, lambda each: api.delete_app(each, cascade=cascade))
            say(f"{app}: deletion requested")
        for app, metadata in doomed.items() if wait else ():
            _wait_until_gone(api, app, metadata, until)
    return ExitCode.OK


def named_apps(api: Api, names: Sequence[str], selector: str) -> list[AppRef]:
    """What the names or the selector mean, each once."""
    if bool(names) == bool(selector):
        raise Usage("name the applications, or choose them with -l (not both)")
    if names:
        return list(dict.fromkeys(app_ref(name) for name in names))
    metadata = [each["metadata"] for each in api.list_apps(selector=selector).get("items") or ()]
    if not metadata:
        raise NotFound(f"no application has the labels {selector}", "`tiphys app list -o json` shows their labels")
    return [AppRef(each["name"], each.get("namespace", "")) for each in metadata]


def askable(*, yes: bool) -> None:
    """Refuses a command that has to ask where nobody answers."""
    if not yes and not sys.stdin.isatty():
        raise Usage("this needs a confirmation, and nobody is here to ask", "-y does it without asking")


def confirmed(question: str, *, yes: bool) -> None:
    askable(yes=yes)
    if yes:
        return
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise CliError("nothing was changed")


def _operated(
    api: Api,
    apps: Sequence[AppRef],
    start: Callable[[Api, AppRef], Any],
    *,
    until: float,
    progress: ProgressMode,
    asynchronous: bool,
) -> int:
    """Start an operation on each; those that started are waited for, whatever became of the others."""
    from tiphys.cli.follow import wait_for
    from tiphys.cli.progress import progress_shown
    from tiphys.cli.waiting import Goal

    since, refused = _started(api, apps, start)
    if asynchronous:
        say(*(f"{app}: operation requested" for app in since))
    elif since:
        with progress_shown(progress, os.environ) as shown:
            ended = wait_for(api, list(since), Goal(operation=True), until=until, progress=shown, since=since)
        worst = max(_reported(app) for app in ended.values())
    if refused:
        raise refused[0]
    return ExitCode.OK if asynchronous else worst


def _started(
    api: Api, apps: Sequence[AppRef], start: Callable[[Api, AppRef], Any]
) -> tuple[Mapping[AppRef, str], list[CliError]]:
    """Resource version after the request for each that took it; the errors of the others."""
    since: dict[AppRef, str] = {}
    refused: list[CliError] = []
    for app in apps:
        try:
            answer = found(api, app, lambda each: start(api, each))
        except CliError as error:
            if len(apps) > 1:
                warn(f"{app}: {error.message}")
            refused.append(error)
        else:
            since[app] = str((answer.get("metadata") or {}).get("resourceVersion") or "")
    return since, refused


def _reported(app: "Application") -> ExitCode:
    """How the operation ended, and what it did to each object."""
    from tiphys.cli.views.applications import operation_words, result_table, results_of
    from tiphys.cli.waiting import operation_failed

    say(f"{app.metadata.name}: {operation_words(app).replace(chr(10), ' (')})")
    results = results_of(app)
    if results:
        show_table(result_table(results))
    kept = sum(each.status == "PruneSkipped" for each in results)
    if kept:
        say(f"{kept} object(s) that Git no longer has were kept; --prune deletes them.")
    others = sum(each.status == "SyncSkipped" for each in results)
    if others:
        say(f"{others} object(s) belong to other applications and were left alone.")
    return ExitCode.NEGATIVE if operation_failed(app) else ExitCode.OK


def _entry_before(api: Api, app: AppRef) -> int:
    from gitops.model.application import Application
    from tiphys.cli.replies import read

    history = read(Application, api.get_app(app)).status.history
    if len(history) < 2:
        raise NotFound(f"`{app}` has nothing to roll back to", f"`tiphys app history {app}` shows what was synced")
    return history[-2].id


def _wait_until_gone(api: Api, app: AppRef, metadata: Mapping[str, Any], until: float) -> None:
    """Until this very application is gone; one of the same name that was made since is another."""
    from tiphys.cli.follow import wait_until_gone

    def of_that_name() -> list[Any]:
        metadatas = (each.get("metadata") or {} for each in api.list_apps().get("items") or ())
        return [each for each in metadatas if app.matches(each)]

    uid = metadata.get("uid")
    wait_until_gone(
        api, app, uid, until=until, still_there=lambda: any(each.get("uid") == uid for each in of_that_name())
    )
    again = ", and its ApplicationSet has made it again" if made_by(metadata) and of_that_name() else ""
    say(f"{app}: gone{again}")
