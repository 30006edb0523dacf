"""Registers a cluster the way `tiphys cluster add` does it.

In the target: a ServiceAccount with a role that may do everything, and a token that does not expire.
In the management cluster: Argo CD's cluster Secret, with that token.
"""

import asyncio
import base64
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
}


def account_objects() -> list[dict[str, Any]]:
    """What is made in the target cluster, in this order."""
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": SYSTEM}},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": ROLE},
            "rules": [
                {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
                {"nonResourceURLs": ["*"], "verbs": ["*"]},
            ],
        },
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": BINDING},
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": ROLE},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": SYSTEM}],
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/service-account-token",
            "metadata": {
                "name": TOKEN_SECRET,
                "namespace": SYSTEM,
                "annotations": {"kubernetes.io/service-account.name": ACCOUNT},
            },
        },
    ]


async def manager_credentials(client: KubeClient, *, patience: float = 30.0) -> ClusterCredentials:
    """Makes the account in the target cluster, and returns its token and the cluster's CA."""
    for manifest in account_objects():
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


async def register_cluster(
    target_kubeconfig: Path, context: str, name: str, mgmt_kubeconfig: Path, namespace: str, mgmt_context: str = ""
) -> Cluster:
    """Makes the account in the target and the cluster Secret in mgmt; doing it again renews both."""
    target = cluster_from_kubeconfig(target_kubeconfig, context)
    async with KubeClient.for_cluster(target) as client:
        credentials = await manager_credentials(client)
    registered = msgspec.structs.replace(target, name=name, credentials=credentials)
    async with KubeClient.for_cluster(cluster_from_kubeconfig(mgmt_kubeconfig, mgmt_context)) as mgmt:
        await mgmt.apply(SECRETS, secret_of(registered, namespace), manager=MANAGER)
    return registered
