"""Processes die in the middle of their work; the work is done all the same, once."""

import pytest

from tests.e2e.test_delivery import image_of, set_tag
from tests.e2e.trio import Trio, eventually

pytestmark = pytest.mark.e2e

JOB = """apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations:
    argocd.argoproj.io/hook: PreSync
    argocd.argoproj.io/hook-delete-policy: BeforeHookCreation
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: migrate, image: example.local/migrate:1}]
"""
WAVES = """apiVersion: v1
kind: ConfigMap
metadata:
  name: wave-%(wave)s
  annotations:
    argocd.argoproj.io/sync-wave: "%(wave)s"
data:
  text: "%(text)s"
"""


def waves(text: str) -> dict[str, str | None]:
    """A PreSync hook and three waves with their pauses: long enough to be interrupted."""
    files: dict[str, str | None] = {"deployments/dev/slow/migrate.yaml": JOB}
    for wave in ("1", "2", "3"):
        files[f"deployments/dev/slow/wave-{wave}.yaml"] = WAVES % {"wave": wave, "text": text}
    return files


def text_of(trio: Trio, wave: str) -> str:
    found = trio.live("dev", "configmap", "slow", f"wave-{wave}")
    return found["data"]["text"] if found else ""


@pytest.fixture(scope="module")
def slow(trio: Trio) -> str:
    trio.push("a slow service", waves("first"))
    eventually(lambda: trio.admin.call("GET", "/api/v1/applications/slow-dev").status_code == 200, "slow-dev")
    trio.wait_app("slow-dev", sync="Synced", health="Healthy", within=90)
    trio.wait_operation("slow-dev")
    return "slow-dev"


@pytest.mark.parametrize("process", ["app_controller", "repo_server", "api_server"])
def test_a_sync_survives_the_death_of_a_process_and_ends_once(trio: Trio, slow: str, process: str) -> None:
    before = trio.admin.app(slow)["status"]["history"]
    trio.push(f"text {process}", waves(f"while {process} dies"))
    eventually(lambda: text_of(trio, "1") == f"while {process} dies", "the first wave")
    job = trio.live("dev", "job", "slow", "migrate")
    old = trio.kill(process)
    trio.wait_restarted(process, old)
    eventually(lambda: text_of(trio, "3") == f"while {process} dies", "the last wave")
    state = trio.wait_operation(slow)
    assert state["phase"] == "Succeeded", state["message"]
    after = trio.wait_app(slow, sync="Synced", health="Healthy")["status"]["history"]
    assert [each["id"] for each in after if each["id"] > before[-1]["id"]] == [before[-1]["id"] + 1]
    survivor = trio.live("dev", "job", "slow", "migrate")
    assert job is not None
    assert survivor is not None
    assert survivor["metadata"]["uid"] == job["metadata"]["uid"]  # the hook ran once


def test_without_the_cache_everything_goes_on(trio: Trio) -> None:
    trio.wait_app("around-api-dev", sync="Synced")
    old = trio.kill("valkey")
    revision = set_tag(trio, "dev", "1.29.1-alpine")
    eventually(lambda: image_of(trio, "dev").endswith(":1.29.1-alpine"), "the new image in dev")
    trio.wait_app("around-api-dev", sync="Synced", health="Healthy", revision=revision)
    assert trio.admin.get("/api/v1/session/userinfo")["loggedIn"] is True
    trio.wait_restarted("valkey", old)


def test_a_terminated_operation_ends_at_once(trio: Trio, slow: str) -> None:
    trio.wait_operation(slow)
    trio.push("to be stopped", waves("stopped"))
    eventually(lambda: text_of(trio, "1") == "stopped", "the first wave")
    answer = trio.admin.call("DELETE", f"/api/v1/applications/{slow}/operation")
    assert answer.status_code == 200, answer.text
    state = trio.wait_operation(slow, within=5)
    assert (state["phase"], state["message"]) == ("Failed", "Operation terminated")
    trio.push("on again", waves("on again"))
    eventually(lambda: text_of(trio, "3") == "on again", "the next commit is not held up")
