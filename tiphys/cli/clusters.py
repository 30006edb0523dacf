"""`cluster add`: an account for Tiphys in a cluster, and the registration that carries its token.

Objects and names are those Argo CD makes, so that a cluster it has registered is simply taken over.
"""

import asyncio
import base64
import json
import os
from pathlib import Path
from typing import Any

from adapters.kube.client import KubeClient
from adapters.kube.credentials import cluster_from_kubeconfig, secret_config
from gitops.model.errors import GitOpsError
from gitops.model.repository import Cluster, ClusterCredentials
from gitops.model.resource import Manifest, ResourceType
from tiphys.cli.errors import CliError, TimedOut, Unreachable, Usage

ACCOUNT = "argocd-manager"
ACCOUNT_NAMESPACE = "kube-system"
TOKEN_SECRET = f"{ACCOUNT}-long-lived-token"
FIELD_MANAGER = "tiphys-cli"
# The token controller fills the Secret within a second where it works at all.
TOKEN_WAIT = 15.0
TOKEN_PAUSE = 0.2

SERVICE_ACCOUNT = ResourceType("", "v1", "ServiceAccount", "serviceaccounts", True)
SECRET = ResourceType("", "v1", "Secret", "secrets", True)
RBAC = "rbac.authorization.k8s.io"
ROLES = {
    kind: ResourceType(RBAC, "v1", kind, f"{kind.lower()}s", namespaced)
    for kind, namespaced in (
        ("ClusterRole", False),
        ("ClusterRoleBinding", False),
        ("Role", True),
        ("RoleBinding", True),
    )
}
EVERYTHING = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
EVERY_PATH = {"nonResourceURLs": ["*"], "verbs": ["*"]}


def manager_account(context: str, *, name: str, kubeconfig: str, namespaces: tuple[str, ...]) -> dict[str, Any]:
    """Makes the account in the cluster of a kubeconfig's context; returns the body for POST /api/v1/clusters."""
    try:
        cluster = cluster_from_kubeconfig(_kubeconfig(kubeconfig, context), context)
        token = asyncio.run(_made(cluster, namespaces))
    except GitOpsError as error:
        if error.reason == "ClusterUnreachable":
            raise Unreachable(f"the cluster of `{context}` does not answer: {error}") from error
        if error.reason == "InvalidSpec":
            raise Usage(str(error), "`kubectl config get-contexts` lists the contexts there are") from error
        raise CliError(str(error), "you need the rights of a cluster administrator there") from error
    return registration(cluster, name or context, token, namespaces)


def account_objects(namespaces: tuple[str, ...]) -> list[tuple[ResourceType, Manifest]]:
    """All that is applied, in order: the account, its rights everywhere or in some namespaces, its token."""
    rights = [each for namespace in namespaces for each in _rights(namespace)] if namespaces else _rights("")
    annotations = {"kubernetes.io/service-account.name": ACCOUNT}
    token = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {"name": TOKEN_SECRET, "namespace": ACCOUNT_NAMESPACE, "annotations": annotations},
    }
    return [(SERVICE_ACCOUNT, _object("v1", "ServiceAccount", ACCOUNT, ACCOUNT_NAMESPACE)), *rights, (SECRET, token)]


def registration(cluster: Cluster, name: str, token: str, namespaces: tuple[str, ...]) -> dict[str, Any]:
    """The body Argo CD's API takes; of the user's own credentials only how to verify the server goes along."""
    own = cluster.credentials
    credentials = ClusterCredentials(
        bearer_token=token,
        ca_data=b"" if own.insecure else own.ca_data,
        insecure=own.insecure,
        server_name=own.server_name,
        proxy_url=own.proxy_url,
    )
    config = json.loads(secret_config(credentials))
    return {"server": cluster.server, "name": name, "config": config, "namespaces": list(namespaces)}


def _rights(namespace: str) -> list[tuple[ResourceType, Manifest]]:
    role_kind, binding_kind = ("Role", "RoleBinding") if namespace else ("ClusterRole", "ClusterRoleBinding")
    version = f"{RBAC}/v1"
    rules = [EVERYTHING] if namespace else [EVERYTHING, EVERY_PATH]
    role = {**_object(version, role_kind, f"{ACCOUNT}-role", namespace), "rules": rules}
    binding = {
        **_object(version, binding_kind, f"{ACCOUNT}-role-binding", namespace),
        "roleRef": {"apiGroup": RBAC, "kind": role_kind, "name": f"{ACCOUNT}-role"},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": ACCOUNT_NAMESPACE}],
    }
    return [(ROLES[role_kind], role), (ROLES[binding_kind], binding)]


def _object(version: str, kind: str, name: str, namespace: str) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


async def _made(cluster: Cluster, namespaces: tuple[str, ...]) -> str:
    async with KubeClient.for_cluster(cluster, connections=1) as kube:
        for kind, manifest in account_objects(namespaces):
            await kube.apply(kind, manifest, manager=FIELD_MANAGER)
        try:
            async with asyncio.timeout(TOKEN_WAIT):
                return await _token(kube)
        except TimeoutError as error:
            raise TimedOut(
                f"the cluster put no token into Secret {ACCOUNT_NAMESPACE}/{TOKEN_SECRET} within {TOKEN_WAIT:.0f} s",
                "its controller manager fills it: is it running?",
            ) from error


async def _token(kube: KubeClient) -> str:
    while True:
        secret = await kube.get(SECRET, ACCOUNT_NAMESPACE, TOKEN_SECRET)
        if token := ((secret or {}).get("data") or {}).get("token"):
            return base64.b64decode(token).decode()
        await asyncio.sleep(TOKEN_PAUSE)


def _kubeconfig(given: str, context: str) -> Path:
    """The file that was named, else the first of KUBECONFIG that knows the context, else kubectl's default."""
    if given:
        return Path(given)
    listed = [Path(each) for each in os.environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    existing = [each for each in listed if each.exists()]
    return next((each for each in existing if _knows(each, context)), None) or next(
        iter(existing), Path("~/.kube/config").expanduser()
    )


def _knows(path: Path, context: str) -> bool:
    try:
        cluster_from_kubeconfig(path, context)
    except GitOpsError:
        return False
    return True
