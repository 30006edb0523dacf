"""Clusters, projects, repositories and application sets."""

from typing import Annotated, Any

import typer

from tiphys.cli.columns import Table
from tiphys.cli.commands.options import ListOutput, connected, new_group
from tiphys.cli.exit_codes import ExitCode
from tiphys.cli.output import Format, say, show_fields, show_table, show_value

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
