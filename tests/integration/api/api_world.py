"""The API server under test with everything around it, and the records it starts from."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import bcrypt
import httpx

from adapters.kube.client import KubeClient
from adapters.store.kinds import CONFIG_MAPS, PROJECTS, SECRETS
from adapters.store.store import Store
from api_server.server import http_server
from api_server.services import Services
from api_server.settings import Settings
from gitops.model.application import AppName
from gitops.model.repository import IN_CLUSTER_SERVER
from tests.integration.api.controller import ControllerInMemory

PASSWORD = "correct horse battery"
WEBHOOK_SECRET = "shared with the Git host"
POLICY = """
p, role:developer, applications, get, */*, allow
p, role:developer, applications, sync, dev/*, allow
p, role:devonly, applications, *, dev/*, allow
p, role:devonly, projects, get, dev, allow
g, dora, role:developer
g, dan, role:devonly
g, rita, role:readonly
"""


class Http:
    """The listening half of the API server, which a test may stop and start again."""

    def __init__(self, settings: Settings, services: Services, tasks: asyncio.TaskGroup) -> None:
        self._settings = settings
        self._services = services
        self._tasks = tasks
        self._stop: Callable[[], Awaitable[None]] | None = None

    async def start(self) -> None:
        self._services.closing.clear()
        server = http_server(self._settings, self._services)
        serving = self._tasks.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)

        async def stop() -> None:
            self._services.closing.set()
            server.should_exit = True
            await serving

        self._stop = stop

    async def stop(self) -> None:
        if self._stop is not None:
            await self._stop()
            self._stop = None


@dataclass
class World:
    """The server, its cluster, and whoever talks to it."""

    services: Services
    controller: ControllerInMemory
    url: str
    namespace: str
    clients: dict[str, httpx.AsyncClient]
    http: Http

    @property
    def store(self) -> Store:
        return self.services.store

    def name(self, app: str) -> AppName:
        return AppName(self.namespace, app)

    def client(self, **options: Any) -> httpx.AsyncClient:
        return self.clients.setdefault(
            json.dumps(options, sort_keys=True, default=str),
            httpx.AsyncClient(base_url=self.url, timeout=30, **options),
        )

    async def as_user(self, name: str) -> httpx.AsyncClient:
        """A client with the bearer token of a login."""
        if name not in self.clients:
            answer = await self.client().post("/api/v1/session", json={"username": name, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
            self.clients[name] = httpx.AsyncClient(base_url=self.url, timeout=30, headers=bearer)
        return self.clients[name]

    async def add_policy(self, lines: str) -> None:
        """More lines of policy.csv, in force when this returns."""
        patch = {"data": {"policy.csv": POLICY + lines}}
        await self.store.client.patch(CONFIG_MAPS, self.namespace, "argocd-rbac-cm", patch)
        async with asyncio.timeout(20):
            while lines not in self.store.settings().rbac.policy_csv:
                await asyncio.sleep(0.02)

    async def add_app(self, name: str, *, project: str = "dev", **spec: Any) -> dict[str, Any]:
        made = await self.store.applications.create(an_application(name, project=project, **spec))
        return dict(made)


def an_application(name: str, *, project: str = "dev", url: str = "", **spec: Any) -> dict[str, Any]:
    source = {"repoURL": url or "https://git.example.com/team/services.git", "path": "app", "targetRevision": "main"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name},
        "spec": {
            "project": project,
            "source": source,
            "destination": {"server": IN_CLUSTER_SERVER, "namespace": project},
            **spec,
        },
    }


def a_project(name: str, **spec: Any) -> dict[str, Any]:
    destinations = [{"server": IN_CLUSTER_SERVER, "namespace": name}]
    return {
        "metadata": {"name": name},
        "spec": {"sourceRepos": ["*"], "destinations": destinations, **spec},
    }


async def set_up(client: KubeClient, namespace: str) -> None:
    """argocd-cm, argocd-rbac-cm, argocd-secret and three projects."""
    users = ("dora", "dan", "rita", "nina")
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(5))
    config = {f"accounts.{name}": "login" for name in users} | {
        "accounts.ci": "apiKey",
        "url": "https://tiphys.example",
    }
    secret = {f"accounts.{name}.password": hashed for name in users} | {"admin.password": hashed}
    secret |= {"webhook.github.secret": WEBHOOK_SECRET.encode()}
    labels = {"app.kubernetes.io/part-of": "argocd"}

    def placed(name: str, **rest: Any) -> dict[str, Any]:
        return {"metadata": {"name": name, "namespace": namespace, "labels": labels}, **rest}

    await client.create(CONFIG_MAPS, {**placed("argocd-cm", data=config), "apiVersion": "v1", "kind": "ConfigMap"})
    rbac = placed("argocd-rbac-cm", data={"policy.csv": POLICY, "policy.default": ""})
    await client.create(CONFIG_MAPS, {**rbac, "apiVersion": "v1", "kind": "ConfigMap"})
    data = {key: base64.b64encode(value).decode() for key, value in secret.items()}
    await client.create(SECRETS, {**placed("argocd-secret", data=data), "apiVersion": "v1", "kind": "Secret"})
    for each in ("dev", "stage", "prod"):
        project = a_project(each)
        project["metadata"]["namespace"] = namespace
        await client.create(PROJECTS, {**project, "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject"})
