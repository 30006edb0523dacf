"""A repo server process, and what to ask it."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from adapters.repo_client import CachePolicy, RefSource, RenderContext, Rendered, RepoClient
from gitops.model.repository import Repository
from tests.fixtures.services import GitRepo
from tiphys.local.ports import free_ports

CONTEXT = RenderContext(
    app_name="shop-dev",
    app_namespace="argocd",
    project="dev",
    namespace="shop",
    kube_version="v1.34.4",
    api_versions=("apps/v1", "apps/v1/Deployment", "v1"),
)


class ServerProcess:
    """Started on first use of its address; `settings` are environment variables."""

    def __init__(
        self, folder: Path, tools: Path, tls: Path, command: Sequence[str] | None = None, **settings: str
    ) -> None:
        self._command = command or [sys.executable, "-m", "repo_server"]
        port, metrics = free_ports(2)
        self.address = f"127.0.0.1:{port}"
        self.tls = tls
        self.state = folder / "state"
        self._metrics_url = f"http://127.0.0.1:{metrics}"
        self.log = folder / "log"
        self.environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "TIPHYS_TLS_DIR": str(tls / "repo_server"),
            "TIPHYS_LOG_FORMAT": "text",
            "REPO_SERVER_LISTEN": self.address,
            "REPO_SERVER_METRICS_PORT": str(metrics),
            "REPO_SERVER_STATE_DIR": str(self.state),
            "REPO_SERVER_TOOLS_DIR": str(tools),
            "REPO_SERVER_ALLOW_LOCAL_URLS": "true",
            **settings,
        }

    def start(self) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self._command, env=self.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                self.fetch("/healthz")
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def stop(self) -> float:
        """Seconds that SIGTERM took."""
        begun = time.monotonic()
        self.process.terminate()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()
        return time.monotonic() - begun

    def fetch(self, path: str) -> str:
        with urllib.request.urlopen(self._metrics_url + path, timeout=5) as answer:
            return str(answer.read().decode())

    def metric(self, name: str, **labels: str) -> float:
        """Sum of the samples with this name and these labels."""
        total = 0.0
        for line in self.fetch("/metrics").splitlines():
            sample, _, value = line.rpartition(" ")
            found = sample.partition("{")
            if found[0] == name and all(f'{key}="{each}"' in found[2] for key, each in labels.items()):
                total += float(value)
        return total


class Asker:
    """Asks one server about sources of one repository."""

    def __init__(self, client: RepoClient, server: ServerProcess, repo: GitRepo) -> None:
        self.client = client
        self.server = server
        self.repo = repo
        self.repository = Repository(url=repo.url)

    async def render(
        self,
        path: str,
        *,
        known: str = "",
        policy: CachePolicy = CachePolicy.FRESH_REFS,
        refs: tuple[RefSource, ...] = (),
        context: RenderContext = CONTEXT,
        **source: Any,
    ) -> Rendered:
        whole = {"repoURL": self.repo.url, "targetRevision": "main", "path": path, **source}
        return await self.client.manifests(
            self.repository, whole, revision="", context=context, refs=refs, policy=policy, known_render_key=known
        )

    async def objects(self, path: str, **source: Any) -> list[dict[str, Any]]:
        answer = await self.render(path, **source)
        found: list[dict[str, Any]] = orjson.loads(answer.manifests)
        return found

    async def names(self, path: str, **source: Any) -> list[str]:
        return [f"{each['kind']}/{each['metadata']['name']}" for each in await self.objects(path, **source)]

    async def error(self, path: str, **source: Any) -> Exception:
        try:
            answer = await self.render(path, **source)
        except Exception as error:
            text = str(error)
            assert str(self.server.state) not in text
            assert "/root" not in text
            return error
        raise AssertionError(f"rendered: {answer}")


def config_map(name: str, **data: str) -> str:
    lines = "".join(f"  {key}: {value!r}\n" for key, value in data.items())
    return (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n{lines}"
        if data
        else (f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n")
    )
