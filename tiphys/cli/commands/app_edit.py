"""`tiphys app create` and `tiphys app set`: the specification of an application."""

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from tiphys.cli.commands.app import group
from tiphys.cli.commands.options import AppName, connected
from tiphys.cli.errors import Usage
from tiphys.cli.exit_codes import ExitCode
from tiphys.cli.output import say
from tiphys.cli.refs import app_ref
from tiphys.cli.specs import SpecFlags, edited_spec, new_application


class SyncPolicy(str, Enum):
    MANUAL = "manual"
    AUTO = "auto"


Repo = Annotated[str, typer.Option("--repo", help="URL of the Git or Helm repository.")]
SourcePath = Annotated[str, typer.Option("--path", help="Folder in the repository.")]
Chart = Annotated[str, typer.Option("--helm-chart", help="Chart of a Helm repository, instead of --path.")]
Revision = Annotated[str, typer.Option("--revision", help="Branch, tag, commit, or chart version.")]
Values = Annotated[
    list[str] | None, typer.Option("--values", help="Helm value file, relative to the path; repeatable.")
]
DestName = Annotated[str, typer.Option("--dest-name", help="Cluster to deploy to, by name.")]
DestServer = Annotated[str, typer.Option("--dest-server", help="Cluster to deploy to, by address.")]
DestNamespace = Annotated[str, typer.Option("--dest-namespace", help="Namespace to deploy to.")]
Project = Annotated[str, typer.Option("--project", help="Project it belongs to.")]
Policy = Annotated[SyncPolicy | None, typer.Option("--sync-policy", help="Whether new commits sync by themselves.")]
AutoPrune = Annotated[bool | None, typer.Option("--auto-prune/--no-auto-prune", help="Delete what Git no longer has.")]
SelfHeal = Annotated[bool | None, typer.Option("--self-heal/--no-self-heal", help="Drift goes back by itself.")]
SyncOptions = Annotated[list[str] | None, typer.Option("--sync-option", help="e.g. CreateNamespace=true; repeatable.")]
Validate = Annotated[bool, typer.Option("--validate/--no-validate", help="Have the server check source and target.")]


@group.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Not needed with -f.")] = "",
    file: Annotated[str, typer.Option("-f", "--file", help="Application(s) as YAML or JSON; - is stdin.")] = "",
    repo: Repo = "",
    path: SourcePath = "",
    helm_chart: Chart = "",
    revision: Revision = "",
    values: Values = None,
    dest_name: DestName = "",
    dest_server: DestServer = "",
    dest_namespace: DestNamespace = "",
    project: Project = "",
    sync_policy: Policy = None,
    auto_prune: AutoPrune = None,
    self_heal: SelfHeal = None,
    sync_option: SyncOptions = None,
    upsert: Annotated[bool, typer.Option("--upsert", help="Change it if it exists.")] = False,
    validate: Validate = True,
) -> int:
    """Create an application from a file or from flags."""
    flags = SpecFlags(
        repo=repo, path=path, chart=helm_chart, revision=revision, values=tuple(values or ()),
        dest_name=dest_name, dest_server=dest_server, dest_namespace=dest_namespace, project=project,
        automated=None if sync_policy is None else sync_policy is SyncPolicy.AUTO,
        prune=auto_prune, self_heal=self_heal, sync_options=tuple(sync_option or ()),
    )  # fmt: skip
    if file and (name or flags != SpecFlags()):
        raise Usage("give either -f or a name and flags", "`tiphys app set` changes single fields afterwards")
    bodies = _from_file(file) if file else [new_application(name, flags)]
    with connected(context) as api:
        for body in bodies:
            made = api.create_app(body, upsert=upsert, validate=validate)
            say(f"{made['metadata']['name']}: {'applied' if upsert else 'created'}")
    return ExitCode.OK


@group.command("set")
def set_spec(
    context: typer.Context,
    name: AppName,
    repo: Repo = "",
    path: SourcePath = "",
    helm_chart: Chart = "",
    revision: Revision = "",
    values: Values = None,
    dest_name: DestName = "",
    dest_server: DestServer = "",
    dest_namespace: DestNamespace = "",
    project: Project = "",
    sync_policy: Policy = None,
    auto_prune: AutoPrune = None,
    self_heal: SelfHeal = None,
    sync_option: SyncOptions = None,
) -> int:
    """Change single fields of an application.

    What is not named stays as it is.
    """
    flags = SpecFlags(
        repo=repo, path=path, chart=helm_chart, revision=revision, values=tuple(values or ()),
        dest_name=dest_name, dest_server=dest_server, dest_namespace=dest_namespace, project=project,
        automated=None if sync_policy is None else sync_policy is SyncPolicy.AUTO,
        prune=auto_prune, self_heal=self_heal, sync_options=tuple(sync_option or ()),
    )  # fmt: skip
    if flags == SpecFlags():
        raise Usage("nothing to change", "`tiphys app set --help` lists what can be set")
    ref = app_ref(name)
    with connected(context) as api:
        spec = api.get_app(ref).get("spec") or {}
        api.put_spec(ref, edited_spec(spec, flags))
    say(f"{ref}: changed")
    return ExitCode.OK


def _from_file(name: str) -> list[Any]:
    """Every Application in the file; anything else in it is refused before the server is asked."""
    import yaml

    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text()
        documents = [each for each in yaml.safe_load_all(text) if each is not None]
    except OSError as error:
        raise Usage(f"{name} cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise Usage(f"{name} is not YAML: {' '.join(str(error).split())}") from error
    wrong = next((each for each in documents if not isinstance(each, dict) or each.get("kind") != "Application"), None)
    if wrong is not None or not documents:
        kind = wrong.get("kind") if isinstance(wrong, dict) else type(wrong).__name__ if documents else "nothing"
        raise Usage(f"{name} has to hold Applications, but holds {kind}", "kind: Application, argoproj.io/v1alpha1")
    return documents
