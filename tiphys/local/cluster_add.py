"""Registers a cluster the way `tiphys cluster add` does it.

In the target: a ServiceAccount with a role that may do everything, and a token that does not expire.
In the management cluster: Argo CD's cluster Secret, with that token.
"""

import asyncio
import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from adapters.kube.client import KubeClient
from adapters.kube.credentials import cluster_from_kubeconfig
from adapters.store.clusters import secret_of
from adapters.store.kinds import SECRETS
from gitops.model.repository import Cluster, ClusterCredentials
from gitops.model.resource import ResourceType
from tiphys.local.errors import NotStarted
from tiphys.local.install import MANAGER

ACCOUNT = "argocd-manager"
TOKEN_SECRET = "argocd-manager-long-lived-token"  # noqa: S105 (a name)
ROLE = "argocd-manager-role"
BINDING = "argocd-manager-role-binding"
SYSTEM = "kube-system"

_RBAC = "rbac.authorization.k8s.io"
KINDS = {
    "ServiceAccount": ResourceType("", "v1", "ServiceAccount", "serviceaccounts", namespaced=True),
    "Secret": SECRETS,
    "ClusterRole": ResourceType(_RBAC, "v1", "ClusterRole", "clusterroles", namespaced=False),
    "ClusterRoleBinding": ResourceType(_RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    "Role": ResourceType(_RBAC, "v1", "Role", "roles", namespaced=True),
    "RoleBinding": ResourceType(_RBAC, "v1", "RoleBinding", "rolebindings", namespaced=True),
}
EVERYTHING = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
EVERY_PATH = {"nonResourceURLs": ["*"], "verbs": ["*"]}


def account_objects(namespaces: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What is made in the target cluster, in this order; with namespaces, the account has no right elsewhere."""
    rights = [each for namespace in namespaces or ("",) for each in _rights(namespace)]
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": SYSTEM}}
    token = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {
            "name": TOKEN_SECRET,
            "namespace": SYSTEM,
            "annotations": {"kubernetes.io/service-account.name": ACCOUNT},
        },
    }
    return [account, *rights, token]


def _rights(namespace: str) -> list[dict[str, Any]]:
    """A role that may do everything and its binding: in one namespace, or (none named) in the whole cluster."""
    prefix, where = ("", {"namespace": namespace}) if namespace else ("Cluster", {})
    role = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": f"{prefix}Role",
        "metadata": {"name": ROLE, **where},
        "rules": [EVERYTHING] if namespace else [EVERYTHING, EVERY_PATH],
    }
    binding = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": f"{prefix}RoleBinding",
        "metadata": {"name": BINDING, **where},
        "roleRef": {"apiGroup": _RBAC, "kind": f"{prefix}Role", "name": ROLE},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": SYSTEM}],
    }
    return [role, binding]


async def manager_credentials(
    client: KubeClient, *, namespaces: Sequence[str] = (), patience: float = 30.0
) -> ClusterCredentials:
    """Makes the account in the target cluster, and returns its token and the cluster's CA."""
    for manifest in account_objects(namespaces):
        await client.apply(KINDS[manifest["kind"]], manifest, manager=MANAGER)
    deadline = asyncio.get_running_loop().time() + patience
    while asyncio.get_running_loop().time() < deadline:
        secret = await client.get(SECRETS, SYSTEM, TOKEN_SECRET) or {}
        data = secret.get("data") or {}
        if data.get("token"):
            return ClusterCredentials(
                bearer_token=base64.b64decode(data["token"]).decode(),
                # A public CA is not in the token Secret; what the kubeconfig trusts is what we trust.
                ca_data=client.cluster.credentials.ca_data or base64.b64decode(data.get("ca.crt", "")),
                server_name=client.cluster.credentials.server_name,
                insecure=client.cluster.credentials.insecure,
                proxy_url=client.cluster.credentials.proxy_url,
            )
        await asyncio.sleep(0.1)
    raise NotStarted(
        f"{client.cluster.server} gave {ACCOUNT} no token within {patience:g} s; "
        "is its kube-controller-manager running?"
    )


async def with_manager_account(target: Cluster, name: str, namespaces: Sequence[str] = ()) -> Cluster:
    """Makes the account in a cluster we may administer; returns the cluster as Tiphys is to know it."""
    async with KubeClient.for_cluster(target) as client:
        credentials = await manager_credentials(client, namespaces=namespaces)
    return msgspec.structs.replace(target, name=name, credentials=credentials, namespaces=tuple(namespaces))


async def register_cluster(
    target_kubeconfig: Path,
    context: str,
    name: str,
    mgmt_kubeconfig: Path,
    namespace: str,
    mgmt_context: str = "",
    namespaces: Sequence[str] = (),
) -> Cluster:
    """Makes the account in the target and the cluster Secret in mgmt; doing it again renews both."""
    registered = await with_manager_account(cluster_from_kubeconfig(target_kubeconfig, context), name, namespaces)
    async with KubeClient.for_cluster(cluster_from_kubeconfig(mgmt_kubeconfig, mgmt_context)) as mgmt:
        await mgmt.apply(SECRETS, secret_of(registered, namespace), manager=MANAGER)
    return registered
