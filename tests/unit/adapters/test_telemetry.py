"""Logs that hold no secret; metrics and health over HTTP."""

import json
import logging
from collections.abc import Iterator

import aiohttp
import pytest
import structlog
from prometheus_client import Counter

from adapters.telemetry import new_registry, scrubbed, serve_metrics, set_up_logging


@pytest.fixture
def quiet_afterwards() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.usefixtures("quiet_afterwards")
@pytest.mark.parametrize("format", ["json", "text"])
def test_no_secret_reaches_the_log(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("info", format)
    log = structlog.get_logger().bind(application="argocd/web")
    log.info("login", password="hunter2", header="Bearer hunter2hunter2", nested={"token": "hunter2", "n": 1})
    try:
        raise ValueError("cannot fetch https://ann:hunter2@git.example.com/x")
    except ValueError:
        log.exception("fetch failed")
    logging.getLogger("library").warning("jwt %s", "eyJhbGciOiJI.eyJzdWIiOiJo.hunter2")
    written = capsys.readouterr().err
    assert "hunter2" not in written
    assert "argocd/web" in written
    assert "git.example.com" in written
    assert written.count("library") == 1


@pytest.mark.usefixtures("quiet_afterwards")
def test_json_logs_are_one_object_a_line_and_keep_to_the_level(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("warning")
    structlog.get_logger().info("not told")
    structlog.get_logger().warning("told", app="a")
    logging.getLogger("library").info("not told either")
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["level"], told["app"]) == ("told", "warning", "a")


def test_private_keys_are_blanked_wherever_they_are() -> None:
    text = "before -----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- after"
    assert scrubbed([text]) == ["before … after"]


async def test_metrics_and_health_are_served() -> None:
    registry = new_registry()
    Counter("syncs", "What was synced", registry=registry).inc()
    state = [True, ""]
    async with (
        serve_metrics(0, registry, lambda: (bool(state[0]), str(state[1]))) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        async with session.get("/metrics") as answer:
            text = await answer.text()
        assert "syncs_total 1.0" in text
        assert "process_resident_memory_bytes" in text
        async with session.get("/healthz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok\n")
        state[:] = [False, "cluster dev is silent"]
        async with session.get("/healthz") as answer:
            assert (answer.status, await answer.text()) == (503, "cluster dev is silent\n")
