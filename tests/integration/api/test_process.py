"""`python -m api_server` on a fresh installation: first password, one login, a clean end."""

import asyncio
import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.fixtures.control_plane import ControlPlane
from tests.integration.api.controller import ControllerInMemory, serving
from tiphys.local.ports import free_ports


class Running(NamedTuple):
    process: "subprocess.Popen[bytes]"
    url: str
    metrics: str
    log: Path

    def memory_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def environment(control_plane: ControlPlane, namespace: str, tls: Path, port: int, metrics: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "TIPHYS_NAMESPACE": namespace,
        "TIPHYS_KUBECONFIG": str(control_plane.kubeconfig),
        "TIPHYS_TLS_DIR": str(tls / "api_server"),
        "API_SERVER_PORT": str(port),
        "API_SERVER_METRICS_PORT": str(metrics),
        # Nobody is there: the server starts and serves all the same.
        "API_SERVER_REPO_SERVER": "127.0.0.1:1",
        "API_SERVER_CONTROLLER": "127.0.0.1:1",
    }


@pytest.fixture
def running(control_plane: ControlPlane, fresh_namespace: str, tls: Path, tmp_path: Path) -> Iterator[Running]:
    port, metrics = free_ports(2)
    log = tmp_path / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "api_server"],
            env=environment(control_plane, fresh_namespace, tls, port, metrics),
            stdout=sink,
            stderr=sink,
        )
    made = Running(process, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics}", log)
    try:
        deadline = time.monotonic() + 30
        while not _answers(made.url):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield made
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz?full=true").status_code == 200
    except httpx.HTTPError:
        return False


def test_A31_a_fresh_installation_makes_its_key_and_first_password_and_ends_within_its_time(
    running: Running, control_plane: ControlPlane, fresh_namespace: str
) -> None:
    secret = control_plane.get("secret", "argocd-initial-admin-secret", fresh_namespace)
    assert secret
    password = base64.b64decode(secret["data"]["password"]).decode()
    assert len(password) >= 16
    settings = control_plane.get("secret", "argocd-secret", fresh_namespace)
    assert settings
    assert len(base64.b64decode(base64.b64decode(settings["data"]["server.secretkey"]))) == 32
    assert password not in running.log.read_text()

    login = httpx.post(f"{running.url}/api/v1/session", json={"username": "admin", "password": password})
    bearer = {"Authorization": f"Bearer {login.json()['token']}"}
    assert httpx.get(f"{running.url}/api/v1/applications", headers=bearer).json()["items"] == []
    clusters = httpx.get(f"{running.url}/api/v1/clusters", headers=bearer).json()["items"]
    assert clusters[0]["connectionState"]["status"] == "Unknown"
    assert "cannot be reached" in clusters[0]["connectionState"]["message"]
    counted = httpx.get(f"{running.metrics}/metrics").text
    assert 'argocd_login_request_total{status="success"} 1.0' in counted
    assert 'tiphys_api_request_seconds_count{method="GET",route="/api/v1/applications",status="200"} 1.0' in counted
    assert login.json()["token"] not in running.log.read_text()
    assert running.memory_mib() < 150

    stream = f"{running.url}/api/v1/stream/applications"
    with httpx.stream("GET", stream, headers={**bearer, "Accept": "text/event-stream"}) as open_stream:
        lines = open_stream.iter_lines()
        assert next(lines).startswith(":")
        begun = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        list(lines)  # ends, and not by a broken connection
    assert running.process.wait(10) == 0, running.log.read_text()
    assert time.monotonic() - begun < 5
    assert "Traceback" not in running.log.read_text()


def test_two_starts_keep_the_same_key_and_password(
    running: Running, control_plane: ControlPlane, fresh_namespace: str, tls: Path
) -> None:
    before = control_plane.get("secret", "argocd-secret", fresh_namespace)
    assert before
    port, metrics = free_ports(2)
    second = subprocess.Popen(
        [sys.executable, "-m", "api_server"],
        env=environment(control_plane, fresh_namespace, tls, port, metrics),
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while not _answers(f"http://127.0.0.1:{port}"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        second.terminate()
        assert second.wait(10) == 0
    after = control_plane.get("secret", "argocd-secret", fresh_namespace)
    assert after
    assert after["data"] == before["data"]


async def test_once_it_listens_it_lets_every_repository_be_asked(
    control_plane: ControlPlane, fresh_namespace: str, tls: Path
) -> None:
    """What was pushed before it listened was announced to nobody."""
    port, metrics = free_ports(2)
    controller = ControllerInMemory()
    async with serving(controller, tls) as address:
        env = environment(control_plane, fresh_namespace, tls, port, metrics) | {"API_SERVER_CONTROLLER": address}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "api_server", env=env, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(60):
                while not controller.pushes:
                    await asyncio.sleep(0.05)
            assert await asyncio.to_thread(_answers, f"http://127.0.0.1:{port}")
            assert controller.pushes == [("", "", "")]
        finally:
            process.terminate()
            assert await process.wait() == 0


def test_a_setting_that_is_missing_is_named(tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, "-m", "api_server"], env={"PATH": ""}, capture_output=True, text=True)
    assert ran.returncode == 2
    assert "TIPHYS_TLS_DIR: this is required" in ran.stderr
