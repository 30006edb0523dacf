"""What a test of the controller holds in its hands: Git, the cluster, the Applications, and the controller itself."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry

from adapters.clock import SystemClock
from adapters.kube.client import KubeClient
from adapters.kube.credentials import cluster_from_kubeconfig
from adapters.repo_client import RepoClient
from adapters.store.store import Store
from app_controller.controller import Controller
from app_controller.settings import Settings
from gitops.model.application import AppName
from gitops.model.errors import GitOpsError
from gitops.model.repository import IN_CLUSTER_SERVER
from tests.fixtures.control_plane import ControlPlane
from tests.fixtures.services import GitRepo

Found = TypeVar("Found")
Raw = dict[str, Any]

PATIENCE = 30.0


class Running:
    """One controller, as far as a test can tell a process: ended by `kill` at whatever it is doing."""

    controller: Controller
    store: Store
    task: asyncio.Task[None]

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})


class World:
    def __init__(
        self,
        plane: ControlPlane,
        namespace: str,
        kube: KubeClient,
        open_repo: Callable[[], Any],
        git: GitRepo,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self.plane = plane
        self.namespace = namespace
        self.kube = kube
        self.git = git
        self._open_repo = open_repo
        self._tasks = tasks
        self._running: list[Running] = []

    # --- the controller -----------------------------------------------------------------------------------

    async def start(self, **settings: Any) -> Running:
        """A controller; a second one stands for the first one's successor."""
        chosen = {"poll_interval": timedelta(milliseconds=300), "wave_pause": timedelta(milliseconds=100), **settings}
        running, ready = Running(), asyncio.Event()

        async def serve() -> None:
            async with AsyncExitStack() as stack:
                clock = SystemClock()
                cluster = cluster_from_kubeconfig(self.plane.kubeconfig)
                kube = await stack.enter_async_context(KubeClient.for_cluster(cluster))
                running.store = await stack.enter_async_context(Store.open(kube, self.namespace, clock))
                repo = await stack.enter_async_context(self._open_repo())
                made = Settings(namespace=self.namespace, tls_dir=Path("/none"), **chosen)
                running.controller = Controller(made, running.store, repo, clock, CollectorRegistry())
                ready.set()
                await running.controller.serve()

        running.task = self._tasks.create_task(serve())
        await ready.wait()
        self._running.append(running)
        return running

    @property
    def running(self) -> Running:
        return self._running[-1]

    @property
    def controller(self) -> Controller:
        return self.running.controller

    async def stop(self) -> None:
        for each in self._running:
            await each.kill()
        self._running.clear()

    # --- Applications -------------------------------------------------------------------------------------

    def app_name(self, name: str = "web") -> str:
        """Unlike that of any other test: all of them share one cluster."""
        return f"{name}-{self.namespace}"

    async def add_app(
        self,
        name: str = "web",
        *,
        path: str = "app",
        automated: Mapping[str, Any] | None = None,
        options: tuple[str, ...] = (),
        metadata: Mapping[str, Any] | None = None,
        retry: Mapping[str, Any] | None = None,
        destination: Mapping[str, Any] | None = None,
        **spec: Any,
    ) -> str:
        policy: Raw = {"syncOptions": list(options)}
        if automated is not None:
            policy["automated"] = dict(automated)
        if retry is not None:
            policy["retry"] = dict(retry)
        body = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": self.app_name(name), "namespace": self.namespace, **(metadata or {})},
            "spec": {
                "project": "default",
                "source": {"repoURL": self.git.url, "path": path, "targetRevision": "main"},
                "destination": destination or {"server": IN_CLUSTER_SERVER, "namespace": self.namespace},
                "syncPolicy": policy,
                **spec,
            },
        }
        await self.kubectl("create", "-f", "-", stdin=json.dumps(body))
        return self.app_name(name)

    async def app(self, name: str) -> Raw:
        found = await self.get("application.argoproj.io", name)
        assert found is not None, f"no application {name}"
        return found

    async def status(self, name: str) -> Raw:
        return dict((await self.app(name)).get("status") or {})

    async def patch_app(self, name: str, patch: Mapping[str, Any]) -> None:
        await self.kubectl("patch", "application.argoproj.io", name, "--type=merge", "-p", json.dumps(patch))

    async def patch_project(self, patch: Mapping[str, Any]) -> None:
        await self.kubectl("patch", "appproject", "default", "--type=merge", "-p", json.dumps(patch))

    async def sync(self, name: str, *, retry: Mapping[str, Any] | None = None, **sync: Any) -> None:
        """Ask for a sync, as the API server does."""
        operation: Raw = {"sync": sync, "initiatedBy": {"username": "dora"}}
        if retry is not None:
            operation["retry"] = dict(retry)
        await self.patch_app(name, {"operation": operation})

    async def terminate(self, name: str) -> None:
        await self.patch_app(name, {"status": {"operationState": {"phase": "Terminating"}}})

    async def synced(self, name: str, *, within: float = PATIENCE, **sync: Any) -> Raw:
        """Sync, and the operation's end."""
        before = ((await self.status(name)).get("operationState") or {}).get("startedAt")
        if before is not None:
            await asyncio.sleep(1.0)  # an operation is known by its start, in whole seconds
        await self.sync(name, **sync)
        return await self.operation_ended(name, after=before, within=within)

    async def operation_ended(self, name: str, *, after: str | None = None, within: float = PATIENCE) -> Raw:
        async def look() -> Raw | None:
            app = await self.app(name)
            state = (app.get("status") or {}).get("operationState") or {}
            ended = state.get("phase") in ("Succeeded", "Failed", "Error") and "operation" not in app
            return state if ended and state.get("startedAt") != after else None

        return await eventually(look, f"the operation of {name} ends", within=within)

    async def wait_sync(self, name: str, code: str, *, revision: str = "", within: float = PATIENCE) -> Raw:
        async def look() -> Raw | None:
            status = await self.status(name)
            sync = status.get("sync") or {}
            assert sync.get("status") == code, (sync, status.get("conditions"), status.get("operationState"))
            assert revision in ("", sync.get("revision")), sync
            return status

        return await eventually(look, f"{name} is {code}", within=within)

    async def wait_condition(self, name: str, type: str, text: str = "", *, within: float = PATIENCE) -> str:
        async def look() -> str | None:
            conditions = (await self.status(name)).get("conditions") or []
            found = [each["message"] for each in conditions if each["type"] == type and text in each["message"]]
            assert found, conditions
            return str(found[0])

        return await eventually(look, f"{name} says {type} {text}", within=within)

    async def wait_gone(self, kind: str, name: str, *, namespace: str = "", within: float = PATIENCE) -> None:
        async def look() -> bool:
            return await self.get(kind, name, namespace) is None

        await eventually(look, f"{kind} {name} is gone", within=within)

    # --- the cluster --------------------------------------------------------------------------------------

    async def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        whole = arguments if "-n" in arguments else ("-n", self.namespace, *arguments)
        return await asyncio.to_thread(self.plane.kubectl, *whole, stdin=stdin, check=check)

    async def get(self, kind: str, name: str, namespace: str = "") -> Raw | None:
        return await asyncio.to_thread(self.plane.get, kind, name, namespace or self.namespace)

    async def data(self, name: str) -> dict[str, str] | None:
        """Of a ConfigMap; None when there is none."""
        found = await self.get("configmap", name)
        return None if found is None else found.get("data") or {}

    def commit(self, files: Mapping[str, str | bytes | None]) -> str:
        return self.git.commit(files)

    def known(self, name: str) -> AppName:
        return AppName(self.namespace, name)


@asynccontextmanager
async def opened_world(
    plane: ControlPlane, namespace: str, repo_address: str, tls: Path, git: GitRepo
) -> AsyncIterator[World]:
    async with (
        KubeClient.for_cluster(cluster_from_kubeconfig(plane.kubeconfig)) as kube,
        asyncio.TaskGroup() as tasks,
    ):
        world = World(
            plane, namespace, kube, lambda: RepoClient.connect(repo_address, tls / "app_controller"), git, tasks
        )
        await asyncio.to_thread(plane.apply, a_project("default", namespace))
        yield world
        await world.stop()
    await asyncio.sleep(0.3)  # TLS connections take a moment to close


async def eventually(
    look: Callable[[], Awaitable[Found | None]], what: str, *, within: float = PATIENCE, every: float = 0.1
) -> Found:
    """The first true answer; an AssertionError naming `what` when there is none in time."""
    deadline = time.monotonic() + within
    last: object = None
    while True:
        try:
            found = await look()
            if found:
                return found
            last = found
        except (AssertionError, GitOpsError, KeyError) as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what} (last seen: {last!r})")
        await asyncio.sleep(every)


# --- manifests ------------------------------------------------------------------------------------------------


def a_project(name: str, namespace: str, **spec: Any) -> Raw:
    everything = [{"group": "*", "kind": "*"}]
    whole = {
        "sourceRepos": ["*"],
        "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": everything,
        **spec,
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": name, "namespace": namespace},
        "spec": whole,
    }


def manifest(
    kind: str, name: str, *, api: str = "v1", annotations: Mapping[str, str] | None = None, **rest: Any
) -> Raw:
    metadata: Raw = {"name": name}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


def config_map(name: str, annotations: Mapping[str, str] | None = None, **data: str) -> Raw:
    return manifest("ConfigMap", name, annotations=annotations, data=data)


def a_job(name: str, *, hook: str = "", policy: str = "", annotations: Mapping[str, str] | None = None) -> Raw:
    marks = dict(annotations or {})
    if hook:
        marks["argocd.argoproj.io/hook"] = hook
    if policy:
        marks["argocd.argoproj.io/hook-delete-policy"] = policy
    container = {"name": "work", "image": "registry.local/work:1"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return manifest("Job", name, api="batch/v1", annotations=marks, spec={"template": template, "backoffLimit": 0})


def a_deployment(name: str, *, replicas: int = 1, env: list[Raw] | None = None, **annotations: str) -> Raw:
    container: Raw = {"name": "main", "image": "registry.local/web:1"}
    if env:
        container["env"] = env
    labels = {"app": name}
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    return manifest("Deployment", name, api="apps/v1", annotations=annotations, spec=spec)


def yaml(*manifests: Mapping[str, Any]) -> str:
    return "\n---\n".join(json.dumps(each) for each in manifests)
