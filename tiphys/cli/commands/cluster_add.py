"""`tiphys cluster add`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tiphys.cli import config
from tiphys.cli.api import Api
from tiphys.cli.commands.app_act import confirmed
from tiphys.cli.commands.options import Yes, connected, wanted
from tiphys.cli.commands.others import clusters
from tiphys.cli.errors import NotFound, NotLoggedIn, ServerError
from tiphys.cli.exit_codes import ExitCode
from tiphys.cli.local_setup import running_status
from tiphys.cli.output import say

if TYPE_CHECKING:
    from tiphys.cli.clusters import Management


@clusters.command("add")
def add_cluster(
    context: typer.Context,
    kube_context: Annotated[str, typer.Argument(metavar="CONTEXT", help="Context of your kubeconfig.")],
    name: Annotated[str, typer.Option("--name", help="Name of the cluster; default: the context's.")] = "",
    kubeconfig: Annotated[str, typer.Option("--kubeconfig", help="Default: KUBECONFIG, else ~/.kube/config.")] = "",
    namespace: Annotated[list[str] | None, typer.Option("--namespace", help="Manage only this; repeatable.")] = None,
    mgmt_context: Annotated[str, typer.Option("--mgmt-context", help="Register in this cluster, not by REST.")] = "",
    mgmt_kubeconfig: Annotated[str, typer.Option("--mgmt-kubeconfig", help="Where --mgmt-context is.")] = "",
    mgmt_namespace: Annotated[str, typer.Option("--mgmt-namespace", help="Where its records are.")] = "argocd",
    upsert: Annotated[bool, typer.Option("--upsert", help="Replace it if the server knows it.")] = False,
    yes: Yes = False,
) -> int:
    """Register a cluster of your kubeconfig.

    Makes the ServiceAccount argocd-manager there, with its role, and gives its token to Tiphys: to the server,
    or with --mgmt-context (and in the local set-up) straight into the management cluster.
    """
    from tiphys.cli.clusters import Management, Target, registered_in, registration

    target = Target(kube_context, name or kube_context, kubeconfig, tuple(namespace or ()))
    rights = f"in namespace {', '.join(target.namespaces)}" if target.namespaces else "everywhere in the cluster"
    confirmed(f"Make the account argocd-manager in `{kube_context}`, with all rights {rights}?", yes=yes)
    management = _local_management(context)
    if mgmt_context or mgmt_kubeconfig:
        management = Management(Path(mgmt_kubeconfig or "~/.kube/config").expanduser(), mgmt_context, mgmt_namespace)
    if management is not None:
        server = registered_in(management, target).server
    else:
        with connected(context) as api:
            api.userinfo()  # nothing is made in the cluster if the server will not have us
            body = registration(target)
            server = _posted(api, body, upsert=upsert)
    say(f"Cluster {target.name} ({server}) is registered.")
    return ExitCode.OK


def _local_management(context: typer.Context) -> "Management | None":
    """The local set-up's management cluster, if it is the local set-up we would talk to."""
    from tiphys.cli.clusters import Management

    state = running_status()
    if state is None:
        return None
    try:
        server = config.chosen_login(config.load(config.config_path(os.environ)), wanted(context)).server
    except NotLoggedIn:
        server = state["url"]
    return Management(Path(state["kubeconfigs"]["mgmt"]), "", state["namespace"]) if server == state["url"] else None


def _posted(api: Api, body: Any, *, upsert: bool) -> str:
    try:
        api.create_cluster(body, upsert=upsert)
    except (NotFound, ServerError) as error:
        advice = "register it in the management cluster itself: --mgmt-context CONTEXT"
        raise type(error)(f"the server does not register clusters over REST ({error.message})", advice) from error
    return str(body["server"])
