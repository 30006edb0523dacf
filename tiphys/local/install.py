"""Puts into the management cluster what Tiphys needs there: CRDs, settings, users, projects, the sample.

What exists is left as it is, so a namespace that Argo CD already uses stays exactly as its team made it.
"""

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml

from adapters.kube.client import KubeClient
from adapters.store.kinds import APPSETS, ARGOCD_SECRET, CONFIG_MAPS, PROJECTS, SECRETS
from adapters.store.secrets import hashed_name, secret_manifest, texts_of
from gitops.model.resource import Manifest, ResourceType, conditions_of, kind_of, name_of, namespace_of
from tiphys.local import settings_objects
from tiphys.local.errors import NotStarted
from tiphys.local.installation import Installation
from tiphys.local.layout import PROJECT

MANAGER = "tiphys"
OURS = "tiphys.io/installed"  # marks the CRDs we brought, and so may bring up to date
SAMPLE_REPOSITORY = "https://git.example.com/platform/gitops-repo.git"
WEBHOOK_SECRET = "webhook.github.secret"  # noqa: S105 (a key)
SERVER_KEY = "server.secretkey"

CRDS = ResourceType(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)
NAMESPACES = ResourceType("", "v1", "Namespace", "namespaces", namespaced=False)
KINDS: Mapping[str, ResourceType] = {
    type.kind: type for type in (CRDS, NAMESPACES, CONFIG_MAPS, SECRETS, PROJECTS, APPSETS)
}


class Installed(msgspec.Struct, frozen=True):
    """What the rest of the set-up has to know of what was found or made."""

    webhook_secret: str
    users: Mapping[str, str]  # those who still have the password we gave them


async def install(client: KubeClient, installation: Installation, now: datetime) -> Installed:
    await _apply_crds(client)
    namespace = installation.namespace
    objects = [
        settings_objects.namespace(namespace),
        settings_objects.config(namespace, installation.url, installation.users),
        settings_objects.rbac_config(namespace),
        settings_objects.default_project(namespace),
    ]
    for manifest in objects:
        await create_if_absent(client, manifest)
    if installation.owns_clusters:
        await client.patch(CONFIG_MAPS, namespace, "argocd-cm", {"data": {"url": installation.url}})
    return await _ensure_secrets(client, installation, now)


async def apply_sample(client: KubeClient, namespace: str, repository_url: str, environments: Iterable[str]) -> None:
    """The sample's repository, and the projects and application sets of those environments there are."""
    values: dict[str, str | bytes | None] = {"url": repository_url, "type": "git", "name": "gitops"}
    repository = secret_manifest(hashed_name("repo", repository_url), "repository", values, namespace=namespace)
    await create_if_absent(client, repository)
    for manifest in sample_objects(PROJECT / "examples" / "gitops-repo" / "argocd", repository_url, environments):
        await create_if_absent(client, manifest)


def sample_objects(folder: Path, repository_url: str, environments: Iterable[str]) -> list[dict[str, Any]]:
    """Projects before the sets that use them; the repository of the examples becomes ours."""
    wanted = set(environments)
    files = [*sorted((folder / "projects").glob("*.yaml")), *sorted((folder / "applicationsets").glob("*.yaml"))]
    return [
        yaml.safe_load(file.read_text().replace(SAMPLE_REPOSITORY, repository_url))
        for file in files
        if file.stem in wanted
    ]


async def create_if_absent(client: KubeClient, manifest: Manifest) -> bool:
    """True when it was made by this call."""
    type = KINDS[kind_of(manifest)]
    if await client.get(type, namespace_of(manifest), name_of(manifest)) is not None:
        return False
    await client.apply(type, manifest, manager=MANAGER)
    return True


async def _apply_crds(client: KubeClient) -> None:
    crds = [yaml.safe_load(file.read_text()) for file in sorted((PROJECT / "charts/tiphys/crds").glob("*.yaml"))]
    for crd in crds:
        existing = await client.get(CRDS, "", name_of(crd))
        if existing is None or OURS in (existing["metadata"].get("labels") or {}):
            crd["metadata"]["labels"] = {**crd["metadata"]["labels"], OURS: "true"}
            await client.apply(CRDS, crd, manager=MANAGER)
    for crd in crds:
        await _until_served(client, name_of(crd))


async def _until_served(client: KubeClient, name: str) -> None:
    for _ in range(200):
        crd = await client.get(CRDS, "", name) or {}
        if any(each.type == "Established" and each.status == "True" for each in conditions_of(crd)):
            return
        await asyncio.sleep(0.1)
    raise NotStarted(f"the management cluster does not serve {name}; see `kubectl describe crd {name}`")


async def _ensure_secrets(client: KubeClient, installation: Installation, now: datetime) -> Installed:
    namespace = installation.namespace
    keys = {SERVER_KEY: secrets.token_urlsafe(32), WEBHOOK_SECRET: secrets.token_urlsafe(24)}
    existing = await client.get(SECRETS, namespace, ARGOCD_SECRET)
    if existing is None:
        values = {**keys, **settings_objects.credentials(installation.users, now)}
        await client.apply(SECRETS, settings_objects.secret(ARGOCD_SECRET, namespace, values), manager=MANAGER)
        admin = {"password": installation.users["admin"]}
        initial = settings_objects.secret("argocd-initial-admin-secret", namespace, admin)
        await client.apply(SECRETS, initial, manager=MANAGER)
        return Installed(keys[WEBHOOK_SECRET], installation.users)
    known = texts_of(existing)
    missing = {key: value for key, value in keys.items() if not known.get(key)}
    if missing:
        await client.patch(SECRETS, namespace, ARGOCD_SECRET, {"data": settings_objects.encoded(missing)})
    unchanged = settings_objects.with_unchanged_password(known, installation.users)
    return Installed({**known, **missing}[WEBHOOK_SECRET], unchanged)
