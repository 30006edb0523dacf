"""Clusters, projects, repositories and application sets."""

from typing import Annotated, Any

import typer

from tiphys.cli.commands.app_act import confirmed
from tiphys.cli.commands.options import ListOutput, Yes, connected, new_group
from tiphys.cli.exit_codes import ExitCode
from tiphys.cli.output import Format, Table, say, show_fields, show_table, show_value

clusters = new_group("The clusters applications are deployed to.")
projects = new_group("Projects: what applications may use, and who may do what.")
repositories = new_group("The repositories that are registered.")
appsets = new_group("ApplicationSets: applications made from a template.")

Name = Annotated[str, typer.Argument(metavar="NAME")]


@clusters.command("list")
def list_clusters(context: typer.Context, output: ListOutput = Format.TABLE) -> int:
    """All clusters, and whether they answer."""
    from tiphys.cli.replies import Cluster, read_items
    from tiphys.cli.views.others import cluster_table

    return _listed(context, "clusters", "name", output, lambda raw: cluster_table(read_items(Cluster, raw)))


@clusters.command("add")
def add_cluster(
    context: typer.Context,
    kube_context: Annotated[str, typer.Argument(metavar="CONTEXT", help="Context of your kubeconfig.")],
    name: Annotated[str, typer.Option("--name", help="Name of the cluster; default: the context's.")] = "",
    kubeconfig: Annotated[str, typer.Option("--kubeconfig", help="Default: KUBECONFIG, else ~/.kube/config.")] = "",
    namespace: Annotated[
        list[str] | None, typer.Option("--namespace", help="Only manage this namespace; repeatable.")
    ] = None,
    upsert: Annotated[bool, typer.Option("--upsert", help="Replace it if it is registered.")] = False,
    yes: Yes = False,
) -> int:
    """Register a cluster: makes a ServiceAccount with its role there, and gives its token to the server."""
    from tiphys.cli.clusters import manager_account

    rights = f"in namespace {', '.join(namespace)}" if namespace else "everywhere in the cluster"
    confirmed(f"Make the account argocd-manager in `{kube_context}`, with all rights {rights}?", yes=yes)
    with connected(context) as api:
        api.userinfo()  # nothing is made in the cluster if the server will not have us
        body = manager_account(kube_context, name=name, kubeconfig=kubeconfig, namespaces=tuple(namespace or ()))
        made = api.create_cluster(body, upsert=upsert)
    say(f"Cluster {made.get('name') or body['name']} ({body['server']}) is registered.")
    return ExitCode.OK


@projects.command("list")
def list_projects(context: typer.Context, output: ListOutput = Format.TABLE) -> int:
    """All projects."""
    from tiphys.cli.replies import items
    from tiphys.cli.views.others import project_table

    return _listed(context, "projects", "metadata.name", output, lambda raw: project_table(items(raw)))


@projects.command("get")
def get_project(context: typer.Context, name: Name, output: ListOutput = Format.TABLE) -> int:
    """One project in full."""
    from tiphys.cli.views.others import project_fields

    return _shown(context, "projects", name, output, project_fields)


@repositories.command("list")
def list_repositories(context: typer.Context, output: ListOutput = Format.TABLE) -> int:
    """All repositories, and whether they answer."""
    from tiphys.cli.replies import Repository, read_items
    from tiphys.cli.views.others import repository_table

    return _listed(context, "repositories", "repo", output, lambda raw: repository_table(read_items(Repository, raw)))


@appsets.command("list")
def list_appsets(context: typer.Context, output: ListOutput = Format.TABLE) -> int:
    """All application sets."""
    from tiphys.cli.replies import items
    from tiphys.cli.views.others import appset_table

    return _listed(context, "applicationsets", "metadata.name", output, lambda raw: appset_table(items(raw)))


@appsets.command("get")
def get_appset(context: typer.Context, name: Name, output: ListOutput = Format.TABLE) -> int:
    """One application set, its conditions and what it made."""
    from tiphys.cli.views.others import appset_fields

    return _shown(context, "applicationsets", name, output, appset_fields)


def _listed(context: typer.Context, resource: str, name_field: str, output: Format, table: Any) -> int:
    from tiphys.cli.replies import items

    with connected(context) as api:
        raw = api.list_of(resource)
    if output in (Format.JSON, Format.YAML):
        show_value(raw, output.value)
    elif output is Format.NAME:
        say(*(str(_field(each, name_field)) for each in items(raw)))
    else:
        shown: Table = table(raw)
        show_table(shown)
    return ExitCode.OK


def _field(value: Any, dotted: str) -> Any:
    for step in dotted.split("."):
        value = (value or {}).get(step)
    return value or ""


def _shown(context: typer.Context, resource: str, name: str, output: Format, fields: Any) -> int:
    with connected(context) as api:
        raw = api.get_of(resource, name)
    if output in (Format.JSON, Format.YAML):
        show_value(raw, output.value)
    elif output is Format.NAME:
        say(name)
    else:
        show_fields(fields(raw))
    return ExitCode.OK
