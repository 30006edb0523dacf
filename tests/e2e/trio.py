"""The running trio as its users meet it: REST, kubectl, git, and nothing from the inside."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.fixtures.control_plane import freeze

Found = TypeVar("Found")

PATIENCE = 60.0  # seconds; how long a test waits before it calls a thing not done


def eventually(look: Callable[[], Found | None], what: str, *, within: float = PATIENCE, every: float = 0.05) -> Found:
    """The first true answer; an AssertionError naming `what` when there is none in time."""
    deadline = time.monotonic() + within
    last: object = None
    while True:
        try:
            found = look()
            if found:
                return found
            last = found
        except (AssertionError, KeyError, IndexError, httpx.TransportError) as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what} (last seen: {last!r})")
        time.sleep(every)


def stays(look: Callable[[], bool], what: str, *, seconds: float) -> None:
    """Holds now and all through the given time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert look(), f"did not stay: {what}"
        time.sleep(0.1)


class Rest:
    """One user's session at the API server."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=70)
        answer = self._client.post("/api/v1/session", json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["token"]
        self._client.headers["Authorization"] = f"Bearer {self.token}"
        self._client.cookies.clear()

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        if method != "GET":
            options.setdefault("json", {})
        return self._client.request(method, path, **options)

    def get(self, path: str, **params: str) -> Any:
        answer = self.call("GET", path, params=params)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def app(self, name: str, **params: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/api/v1/applications/{name}", **params)
        return found

    def sync(self, name: str, **body: Any) -> httpx.Response:
        return self.call("POST", f"/api/v1/applications/{name}/sync", json={"name": name, **body})

    def close(self) -> None:
        self._client.close()


class Trio:
    def __init__(self, status: Mapping[str, Any], read_status: Callable[[], Mapping[str, Any]], kubectl: Path) -> None:
        self.status = status
        self._read_status = read_status
        self._kubectl = kubectl
        self.url: str = status["url"]
        self.worktree = Path(status["repo"]["worktree"])
        self._sessions: dict[str, Rest] = {}

    # --- people -------------------------------------------------------------------------------------

    def as_user(self, name: str) -> Rest:
        if name not in self._sessions:
            self._sessions[name] = Rest(self.url, name, self.password(name))
        return self._sessions[name]

    def password(self, name: str) -> str:
        password: str = self.status["users"][name]
        return password

    @property
    def admin(self) -> Rest:
        return self.as_user("admin")

    def close(self) -> None:
        for session in self._sessions.values():
            session.close()

    # --- clusters -----------------------------------------------------------------------------------

    def kubectl(self, cluster: str, *args: str, check: bool = True, stdin: str | None = None) -> str:
        done = subprocess.run(
            [str(self._kubectl), "--kubeconfig", self.status["kubeconfigs"][cluster], *args],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr}"
        return done.stdout

    def live(self, cluster: str, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        text = self.kubectl(cluster, "-n", namespace, "get", kind, name, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text.strip() else None

    def wait_app(
        self, name: str, *, sync: str = "", health: str = "", revision: str = "", within: float = PATIENCE
    ) -> Any:
        def look() -> Any:
            app = self.admin.app(name)
            status = app.get("status", {})
            found = (
                status.get("sync", {}).get("status"),
                status.get("health", {}).get("status"),
                status.get("sync", {}).get("revision"),
            )
            wanted = (sync or found[0], health or found[1], revision or found[2])
            assert found == wanted, (
                found,
                status.get("conditions"),
                (status.get("operationState") or {}).get("message"),
            )
            return app

        return eventually(look, f"{name} {sync} {health} {revision}".strip(), within=within)

    def wait_app_exists(self, name: str) -> None:
        eventually(lambda: self.admin.call("GET", f"/api/v1/applications/{name}").status_code == 200, f"{name} exists")

    def wait_operation(self, name: str, *, within: float = PATIENCE) -> dict[str, Any]:
        """The operation state once it has ended and no other is asked for."""

        def look() -> Any:
            app = self.admin.app(name)
            state = app.get("status", {}).get("operationState", {})
            assert "operation" not in app
            assert state.get("finishedAt")
            return state

        state: dict[str, Any] = eventually(look, f"operation of {name} ended", within=within)
        return state

    # --- git ----------------------------------------------------------------------------------------

    def git(self, *args: str) -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.worktree, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"git {' '.join(args)}: {done.stderr}"
        return done.stdout.strip()

    def push(self, message: str, changes: Mapping[str, str | None]) -> str:
        """Commit file contents (None removes the file or directory) and push; the new commit."""
        for path, content in changes.items():
            target = self.worktree / path
            if content is None:
                self.git("rm", "-rq", path)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(content)
                self.git("add", path)
        self.git("commit", "-qm", message)
        self.git("push", "-q", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    def read(self, path: str) -> str:
        return (self.worktree / path).read_text()

    # --- processes ----------------------------------------------------------------------------------

    def pid(self, process: str) -> int:
        pid: int = self._read_status()["pids"][process]
        return pid

    def api_server_pid(self, cluster: str) -> int:
        """The kube-apiserver that a kubeconfig leads to, found by the port it listens on."""
        server = self.kubectl(cluster, "config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")
        port = server.rsplit(":", 1)[1]
        for proc in Path("/proc").glob("[0-9]*"):
            try:
                command = (proc / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if command[0].endswith(b"kube-apiserver") and f"--secure-port={port}".encode() in command:
                return int(proc.name)
        raise AssertionError(f"no kube-apiserver listens on {port}")

    def kill(self, process: str) -> int:
        """SIGKILL, as a crash or the kernel would; the supervisor starts it again."""
        pid = self.pid(process)
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_restarted(self, process: str, old: int) -> int:
        return eventually(
            lambda: pid if (pid := self._read_status()["pids"].get(process)) and pid != old else None,
            f"{process} started again",
        )

    def metric(self, service: str, name: str, **labels: str) -> float:
        """The sum of all series of a metric that carry these labels."""
        text = httpx.get(self._read_status()["metrics"][service], timeout=10).text
        return sum(
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if line.startswith(name + "{") or line.startswith(name + " ")
            if all(f'{label}="{value}"' in line for label, value in labels.items())
        )


@contextmanager
def stopped(pids: Sequence[int]) -> Iterator[None]:
    """The processes hang (SIGSTOP) inside the block."""
    for pid in pids:
        freeze(pid)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
