"""`cluster add`: makes the account in a cluster, and registers it at the server or in the management cluster."""

import asyncio
import json
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from adapters.kube.credentials import cluster_from_kubeconfig, secret_config
from gitops.model.errors import ClusterUnreachable, GitOpsError, InvalidSpec
from gitops.model.repository import Cluster
from tiphys.cli.errors import CliError, TimedOut, Unreachable, Usage
from tiphys.local.cluster_add import register_cluster, with_manager_account
from tiphys.local.errors import NotStarted

T = TypeVar("T")


@dataclass(frozen=True)
class Target:
    """The cluster to register, as the command line names it."""

    context: str
    name: str
    kubeconfig: str = ""
    namespaces: tuple[str, ...] = ()


@dataclass(frozen=True)
class Management:
    """The cluster that holds Tiphys' records, and where in it."""

    kubeconfig: Path
    context: str
    namespace: str


def registration(target: Target) -> dict[str, Any]:
    """Makes the account; returns the body for `POST /api/v1/clusters`."""
    return _told(target, lambda: body_of(asyncio.run(_with_account(target))))


def registered_in(management: Management, target: Target) -> Cluster:
    """Makes the account, and writes the registration straight into the management cluster."""
    return _told(
        target,
        lambda: asyncio.run(
            register_cluster(
                _kubeconfig(target),
                target.context,
                target.name,
                management.kubeconfig,
                management.namespace,
                management.context,
                target.namespaces,
            )
        ),
    )


def body_of(cluster: Cluster) -> dict[str, Any]:
    config = json.loads(secret_config(cluster.credentials))
    return {"server": cluster.server, "name": cluster.name, "config": config, "namespaces": list(cluster.namespaces)}


def _with_account(target: Target) -> Coroutine[Any, Any, Cluster]:
    known = cluster_from_kubeconfig(_kubeconfig(target), target.context)
    return with_manager_account(known, target.name, target.namespaces)


def _told(target: Target, work: Callable[[], T]) -> T:
    try:
        return work()
    except InvalidSpec as error:
        raise Usage(str(error), "`kubectl config get-contexts` lists the contexts there are") from error
    except ClusterUnreachable as error:
        raise Unreachable(f"the cluster of `{target.context}` does not answer: {error}") from error
    except NotStarted as error:
        raise TimedOut(str(error)) from error
    except GitOpsError as error:
        raise CliError(str(error), "you need the rights of a cluster administrator there") from error


def _kubeconfig(target: Target) -> Path:
    """The file that was named, else the first of KUBECONFIG that knows the context, else kubectl's default."""
    if target.kubeconfig:
        return Path(target.kubeconfig).expanduser()
    listed = [Path(each) for each in os.environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    existing = [each for each in listed if each.exists()]
    knowing = next((each for each in existing if _knows(each, target.context)), None)
    return knowing or next(iter(existing), Path("~/.kube/config").expanduser())


def _knows(path: Path, context: str) -> bool:
    try:
        cluster_from_kubeconfig(path, context)
    except GitOpsError:
        return False
    return True
