"""`tiphys app`: the group, and its commands that only look."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tiphys.cli.api import Api
from tiphys.cli.commands.options import AppName, AppOutput, ListOutput, Selector, connected, new_group
from tiphys.cli.errors import CliError, NotFound
from tiphys.cli.exit_codes import ExitCode
from tiphys.cli.output import AppFormat, Format, say, show_fields, show_table, show_value, warn
from tiphys.cli.refs import AppRef, app_ref, known_states

if TYPE_CHECKING:
    from tiphys.cli.replies import Node

group = new_group("Applications: what runs where, from which commit, and how it is.")

SYNC_STATES = ("Synced", "OutOfSync", "Unknown")
HEALTH_STATES = ("Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown")

Projects = Annotated[list[str] | None, typer.Option("-p", "--project", help="Only of this project; repeatable.")]
Clusters = Annotated[list[str] | None, typer.Option("-c", "--cluster", help="Only on this cluster (name or URL).")]
SyncStates = Annotated[list[str] | None, typer.Option("--sync", help=f"{', '.join(SYNC_STATES)}; repeatable.")]
HealthStates = Annotated[list[str] | None, typer.Option("--health", help=f"{', '.join(HEALTH_STATES)}; repeatable.")]
Refresh = Annotated[bool, typer.Option("--refresh", help="Compare anew first.")]
HardRefresh = Annotated[bool, typer.Option("--hard-refresh", help="Render and compare anew first.")]


@group.command("list")
def list_apps(
    context: typer.Context,
    project: Projects = None,
    cluster: Clusters = None,
    selector: Selector = "",
    sync: SyncStates = None,
    health: HealthStates = None,
    output: ListOutput = Format.TABLE,
) -> int:
    """Applications in a table."""
    from tiphys.cli import replies
    from tiphys.cli.views.applications import app_list, cluster_of

    sync = known_states("--sync", sync, SYNC_STATES)
    health = known_states("--health", health, HEALTH_STATES)
    with connected(context) as api:
        listed = api.list_apps(projects=project or (), selector=selector)
        apps = replies.applications(listed)
        names = cluster_names(api, (app.spec.destination.server for app in apps))
    kept = [
        index
        for index, app in enumerate(apps)
        if chosen(cluster, cluster_of(app, names), app.spec.destination.server)
        and chosen(sync, app.status.sync.status or "Unknown")
        and chosen(health, app.status.health.status or "Unknown")
    ]
    if not kept:
        warn("No application matches." if apps or project or selector else "There are no applications you may see.")
    if output is Format.NAME:
        say(*(apps[index].metadata.name for index in kept))
    elif output in (Format.JSON, Format.YAML):
        show_value(replies.only(listed, kept), output.value)
    else:
        wide = output is Format.WIDE
        show_table(app_list([apps[index] for index in kept], names, wide=wide), whole=wide)
    return ExitCode.OK


@group.command("get")
def get_app(
    context: typer.Context,
    name: AppName,
    refresh: Refresh = False,
    hard_refresh: HardRefresh = False,
    output: AppOutput = AppFormat.TABLE,
) -> int:
    """One application in full.

    Source, policy in words, state, conditions with what to do about them, the operation, every object.
    """
    from gitops.model.application import Application
    from tiphys.cli.replies import ResourceTree, read
    from tiphys.cli.views.applications import app_fields, keeps_health_in_the_tree, resource_table
    from tiphys.cli.views.tree import tree_lines

    ref = app_ref(name)
    with connected(context) as api:
        raw = api.get_app(ref, refresh=refresh_level(refresh, hard_refresh))
        if output in (AppFormat.JSON, AppFormat.YAML):
            show_value(raw, output.value)
            return ExitCode.OK
        app = read(Application, raw)
        if output is AppFormat.NAME:
            say(app.metadata.name)
            return ExitCode.OK
        if output is AppFormat.TREE:
            tree = read(ResourceTree, api.resource_tree(ref))
            say(*tree_lines(f"{app.metadata.name}  {app.status.health.status}", tree))
            return ExitCode.OK
        names = cluster_names(api, [app.spec.destination.server])
        nodes = _nodes(api, ref) if keeps_health_in_the_tree(app) else ()
        show_fields(app_fields(app, names, api.rest.login.server))
    if app.status.resources:
        print()
        show_table(resource_table(app, nodes))
    return ExitCode.OK


@group.command("resources")
def resources(context: typer.Context, name: AppName, output: AppOutput = AppFormat.TABLE) -> int:
    """Every object of an application.

    Also what Kubernetes made of those that Git asked for: ReplicaSets, Pods …
    """
    from tiphys.cli.replies import ResourceTree, read
    from tiphys.cli.views.tree import node_table, tree_lines

    ref = app_ref(name)
    with connected(context) as api:
        raw = found(api, ref, api.resource_tree)
    if output in (AppFormat.JSON, AppFormat.YAML):
        show_value(raw, output.value)
    elif output is AppFormat.TREE:
        say(*tree_lines(str(ref), read(ResourceTree, raw)))
    elif output is AppFormat.NAME:
        say(*(f"{node.kind}/{node.name}" for node in read(ResourceTree, raw).nodes))
    else:
        show_table(node_table(read(ResourceTree, raw)))
    return ExitCode.OK


@group.command("manifests")
def manifests(
    context: typer.Context,
    name: AppName,
    revision: Annotated[str, typer.Option("--revision", help="Render this commit, branch or tag instead.")] = "",
    output: Annotated[Format, typer.Option("-o", "--output", help="yaml, name, or json (as the API has it).")] = (
        Format.YAML
    ),
) -> int:
    """What Git asks for, rendered."""
    import json

    from gitops.model.resource import key_of
    from tiphys.cli.replies import Manifests, read

    ref = app_ref(name)
    with connected(context) as api:
        raw = found(api, ref, lambda app: api.manifests(app, revision=revision))
    if output is Format.JSON:
        show_value(raw, output.value)
        return ExitCode.OK
    reply = read(Manifests, raw)
    objects = [json.loads(each) for each in reply.manifests]
    if output is Format.NAME:
        say(*(str(key_of(each)) for each in objects))
    else:
        for each in objects:
            print("---")
            show_value(each, Format.YAML.value)
    for skipped in reply.skipped_files:
        warn(f"skipped {skipped.path}: {skipped.reason}")
    return ExitCode.OK


@group.command("history")
def history(context: typer.Context, name: AppName, output: ListOutput = Format.TABLE) -> int:
    """What was synced when, and by whom.

    The ids are what `app rollback` takes.
    """
    from gitops.model.application import Application
    from tiphys.cli.replies import read
    from tiphys.cli.views.applications import history_table

    with connected(context) as api:
        raw = api.get_app(app_ref(name))
    entries = read(Application, raw).status.history
    if output is Format.NAME:
        say(*(str(entry.id) for entry in entries))
    elif output in (Format.JSON, Format.YAML):
        show_value((raw.get("status") or {}).get("history") or [], output.value)
    else:
        show_table(history_table(entries))
    return ExitCode.OK


@group.command("refresh")
def refresh(
    context: typer.Context,
    name: AppName,
    hard: Annotated[bool, typer.Option("--hard", help="Render anew too, whatever is cached.")] = False,
) -> int:
    """Compare with Git and the cluster now.

    Returns when that is done.
    """
    from gitops.model.application import Application
    from tiphys.cli.replies import read

    with connected(context) as api:
        app = read(Application, api.get_app(app_ref(name), refresh="hard" if hard else "normal"))
    say(f"{app.metadata.name}: {app.status.sync.status or 'Unknown'}, {app.status.health.status or 'Unknown'}")
    return ExitCode.OK


def _nodes(api: Api, ref: AppRef) -> "Sequence[Node]":
    """Without the controller there is no tree; all the rest is still worth showing."""
    from tiphys.cli.replies import ResourceTree, read

    try:
        return read(ResourceTree, api.resource_tree(ref)).nodes
    except CliError as error:
        warn(f"The health of single objects is not known: {error.message}")
        return ()


def refresh_level(refresh: bool, hard: bool) -> str:
    return "hard" if hard else "normal" if refresh else ""


def found(api: Api, ref: AppRef, ask: Any) -> Any:
    """`ask(ref)`; a refusal is explained by asking for the application itself."""
    try:
        return ask(ref)
    except CliError as error:
        if error.exit_code in (ExitCode.REFUSED, ExitCode.NOT_FOUND):
            api.get_app(ref)
        raise


def chosen(wanted: Sequence[str] | None, *values: str) -> bool:
    return not wanted or any(value.lower() in (each.lower() for each in wanted) for value in values)


def cluster_names(api: Api, servers: Any) -> dict[str, str]:
    """Names of the clusters, asked for only if an application has nothing but an address."""
    if not any(servers):
        return {}
    from tiphys.cli.replies import Cluster, read_items

    try:
        return {each.server: each.name for each in read_items(Cluster, api.list_of("clusters")) if each.name}
    except (NotFound, CliError):
        return {}  # who may not see clusters, sees addresses
