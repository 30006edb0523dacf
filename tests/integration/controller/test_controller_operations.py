"""Operations end, and end once: after crashes, terminations, failures, newer commits and closed windows."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest

from app_controller.reconcile import attempt
from gitops.model.errors import ClusterRefused
from tests.integration.controller.controller_world import Raw, World, a_job, config_map, eventually, manifest, yaml
from tests.integration.controller.faults import CrashPoint, births

WAVE = "argocd.argoproj.io/sync-wave"


def a_slow_hook(name: str, phase: str = "PreSync") -> Raw:
    """It runs until somebody lets it."""
    job = a_job(name, hook=phase)
    job["spec"]["suspend"] = True
    return job


def never_healthy(name: str = "storage", wave: int = 0) -> Raw:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "nobody-makes-it",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    return manifest("PersistentVolumeClaim", name, annotations={WAVE: str(wave)}, spec=spec)


async def test_an_operation_survives_a_crash_at_any_of_its_writes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each write is once the last that the first controller made; its successor brings the operation to its end."""
    await world.stop()
    paths = {f"app-{number}/all.yaml": _hooked(number) for number in range(30)}
    world.commit(paths)
    async with births(world.kube, world.namespace) as seen:
        for number in range(1, 30):
            with monkeypatch.context() as patch:
                crash = CrashPoint(patch, after=number)
                app = await world.add_app(f"web-{number}", path=f"app-{number}")
                await world.sync(app)
                first = await world.start()
                ended = asyncio.ensure_future(world.operation_ended(app, within=40))
                await asyncio.wait(
                    {ended, asyncio.ensure_future(crash.reached.wait())}, return_when=asyncio.FIRST_COMPLETED
                )
                whole = not crash.reached.is_set()
                await first.kill()
                ended.cancel()
            if whole:
                break
            second = await world.start()
            state = await world.operation_ended(app, within=40)
            assert state["phase"] == "Succeeded", (number, crash.writes, state)
            await world.wait_sync(app, "Synced")
            await second.kill()
            status = await world.status(app)
            assert len(status["history"]) == 1, (number, crash.writes, status["history"])
            assert await world.data(f"config-{number}") == {"a": "1"}
            made = {name: len(uids) for name, uids in seen.uids.items() if name.endswith(f"-{number}")}
            assert made == {f"before-{number}": 1, f"after-{number}": 1}, (number, crash.writes, made)
        else:
            raise AssertionError("an operation has more writes than the test reckons with")
        assert number > 8, crash.writes


def _hooked(number: int) -> str:
    return yaml(
        a_job(f"before-{number}", hook="PreSync"),
        config_map(f"config-{number}", a="1"),
        config_map(f"later-{number}", {WAVE: "1"}),
        a_job(f"after-{number}", hook="PostSync", policy="HookSucceeded"),
    )


async def test_a_hook_that_runs_is_deleted_when_its_operation_is_terminated(world: World) -> None:
    world.commit({"app/all.yaml": yaml(a_slow_hook("migrate"), config_map("a"))})
    app = await world.add_app()
    await world.sync(app)
    await _message(world, app, "waiting for completion of hook batch/Job/migrate")
    state, took = await _terminated(world, app)
    assert (state["phase"], state["message"]) == ("Failed", "Operation terminated")
    assert took < 5
    await world.wait_gone("job", "migrate")
    assert await world.data("a") is None


async def test_waiting_for_health_can_be_terminated(world: World) -> None:
    world.commit({"app/all.yaml": yaml(never_healthy(), config_map("a", {WAVE: "1"}))})
    app = await world.add_app()
    await world.sync(app)
    await _message(world, app, "waiting for healthy state of /PersistentVolumeClaim/storage")
    state, took = await _terminated(world, app)
    assert (state["phase"], took < 5) == ("Failed", True)
    assert await world.data("a") is None


async def test_waiting_for_another_try_can_be_terminated(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("Not_A_Name"))})
    app = await world.add_app()
    await world.sync(app, retry={"limit": 5, "backoff": {"duration": "1m"}})
    await _message(world, app, "Retrying: attempt 2")
    state, took = await _terminated(world, app)
    assert (state["phase"], state["message"], took < 5) == ("Failed", "Operation terminated", True)


async def test_a_termination_is_heard_by_the_successor_of_a_crashed_controller(world: World) -> None:
    world.commit({"app/all.yaml": yaml(a_slow_hook("migrate"))})
    app = await world.add_app()
    await world.sync(app)
    await _message(world, app, "waiting for completion")
    await world.running.kill()
    await world.terminate(app)
    await world.start()
    state = await world.operation_ended(app, within=10)
    assert state["message"] == "Operation terminated"
    await world.wait_gone("job", "migrate")


async def test_the_next_try_is_waited_for_across_a_crash_and_counted(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("Not_A_Name"))})
    app = await world.add_app()
    await world.sync(app, retry={"limit": 2, "backoff": {"duration": "6s", "factor": 1}})
    await _message(world, app, "Retrying: attempt 2")
    await world.running.kill()
    begun = time.monotonic()
    await world.start()
    await _message(world, app, "Retrying: attempt 3")
    assert time.monotonic() - begun > 2
    state = await world.operation_ended(app)
    assert (state["phase"], state["retryCount"]) == ("Failed", 2)


async def test_a_fix_is_not_kept_waiting_by_the_retries_of_what_it_fixes(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("Not_A_Name"))})
    slow = {"limit": 5, "backoff": {"duration": "10m"}}
    app = await world.add_app(automated={}, retry=slow)
    await _message(world, app, "Retrying: attempt 2")
    fixed = world.commit({"app/all.yaml": yaml(config_map("a-name"))})
    await world.wait_sync(app, "Synced", revision=fixed, within=8)


async def test_a_fix_does_not_wait_for_the_health_of_what_it_fixes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "HEALTHY_WITHIN_WHEN_OUTDATED", timedelta(seconds=2))
    monkeypatch.setattr(attempt, "LOOK_UP_EVERY", timedelta(milliseconds=200))
    world.commit({"app/all.yaml": yaml(never_healthy(), config_map("a", {WAVE: "1"}))})
    app = await world.add_app(automated={"prune": True})
    await _message(world, app, "waiting for healthy state")
    fixed = world.commit({"app/all.yaml": yaml(config_map("a", {WAVE: "1"}))})
    await world.wait_sync(app, "Synced", revision=fixed, within=10)
    assert await world.data("a") == {}


async def test_an_operation_waits_while_a_window_forbids_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "LOOK_AT_WINDOWS_EVERY", timedelta(milliseconds=200))
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    app = await world.add_app()
    closed = {"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"]}
    await world.patch_project({"spec": {"syncWindows": [closed]}})
    await world.sync(app)
    await _message(world, app, "Sync operation blocked by sync window")
    assert await world.data("a") is None
    await world.patch_project({"spec": {"syncWindows": []}})
    assert (await world.operation_ended(app))["phase"] == "Succeeded"
    await world.patch_project({"spec": {"syncWindows": [closed]}})
    world.commit({"app/all.yaml": yaml(config_map("a", a="1"))})
    await world.wait_sync(app, "OutOfSync")
    await world.sync(app)
    await _message(world, app, "Sync operation blocked by sync window")
    state, took = await _terminated(world, app)
    assert (state["phase"], took < 5) == ("Failed", True)
    assert await world.data("a") == {}


async def test_permission_taken_away_in_between_holds_for_the_next_write(world: World) -> None:
    later = config_map("late", {WAVE: "2"})
    world.commit({"app/all.yaml": yaml(a_slow_hook("wait", "Sync"), later)})
    app = await world.add_app()
    await world.sync(app)
    await _message(world, app, "waiting for completion of hook")
    await world.patch_project({"spec": {"namespaceResourceBlacklist": [{"group": "", "kind": "ConfigMap"}]}})
    await asyncio.sleep(0.5)
    await world.kubectl("patch", "job", "wait", "-p", '{"spec": {"suspend": false}}')
    state = await world.operation_ended(app, within=40)
    assert state["phase"] == "Failed"
    assert "does not allow namespaced ConfigMap" in state["message"]
    assert await world.data("late") is None


async def test_a_state_that_never_ends_gets_an_end(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    app = await world.add_app()
    await world.wait_sync(app, "OutOfSync")
    forged = {"phase": "Running", "message": "?", "operation": {"sync": {}}, "startedAt": "2026-01-01T00:00:00Z"}
    await world.patch_app(app, {"status": {"operationState": forged}})
    await world.patch_app(app, {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}})
    state = await world.operation_ended(app)
    assert (state["phase"], "removed" in state["message"]) == ("Failed", True)
    assert (await world.synced(app))["phase"] == "Succeeded"


async def test_an_operation_put_in_the_place_of_another_is_not_lost(world: World) -> None:
    world.commit({"app/all.yaml": yaml(a_slow_hook("wait", "Sync"), config_map("a"))})
    app = await world.add_app()
    await world.sync(app)
    await _message(world, app, "waiting for completion of hook")
    await world.patch_app(app, {"operation": None})
    await world.patch_app(app, {"operation": {"sync": {"resources": [{"kind": "ConfigMap", "name": "a"}]}}})
    await world.terminate(app)

    async def second() -> bool:
        state = (await world.status(app))["operationState"]
        return bool(state["operation"]["sync"].get("resources")) and state["phase"] == "Succeeded"

    await eventually(second, "the second operation is carried out too")


async def test_events_tell_what_happened(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    app = await world.add_app(automated={})
    await world.wait_sync(app, "Synced")

    async def told() -> set[str]:
        listing = await world.kubectl(
            "get",
            "events",
            "--field-selector",
            f"involvedObject.name={app}",
            "-o",
            "jsonpath={range .items[*]}{.reason}: {.message}{'\\n'}{end}",
        )
        lines = set(listing.splitlines())
        revision = world.git.git("rev-parse", "HEAD")
        assert {
            f"OperationStarted: Initiated automated sync to '{revision}'",
            f"OperationCompleted: Sync operation to {revision} succeeded",
            "ResourceUpdated: Updated sync status: OutOfSync -> Synced",
            "ResourceUpdated: Updated health status: Missing -> Healthy",
        } <= lines, lines
        return lines

    await eventually(told, "the events are there")


async def test_a_retry_that_cannot_be_read_is_no_reason_to_go_on_for_ever(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("Not_A_Name"))})
    app = await world.add_app()
    await world.sync(app, retry={"limit": -1, "backoff": {"duration": "soon"}})
    state = await world.operation_ended(app, within=10)
    assert state["phase"] == "Failed"
    assert "soon" in state["message"]


async def test_an_operation_whose_record_is_refused_ends_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    app = await world.add_app()
    await world.wait_sync(app, "OutOfSync")
    applications = world.running.store.applications
    patch, refused = applications.patch, 0

    async def refusing(name: Any, changes: Any, **how: Any) -> Any:
        nonlocal refused
        if "syncResult" in changes.get("status", {}).get("operationState", {}) and changes.get("operation", "") is None:
            result = changes["status"]["operationState"]["syncResult"]
            if result and result.get("resources"):
                refused += 1
                raise ClusterRefused("status.operationState: Invalid value", status=422)
        return await patch(name, changes, **how)

    monkeypatch.setattr(applications, "patch", refusing)
    await world.sync(app)
    state = await world.operation_ended(app, within=15)
    assert (state["phase"], "Invalid value" in state["message"], refused) == ("Error", True, 1)


async def _message(world: World, app: str, text: str) -> None:
    async def look() -> bool:
        message = ((await world.status(app)).get("operationState") or {}).get("message", "")
        assert text in message, message
        return True

    await eventually(look, f"the operation says: {text}")


async def _terminated(world: World, app: str) -> tuple[Raw, float]:
    begun = time.monotonic()
    await world.terminate(app)
    state = await world.operation_ended(app, within=15)
    return state, time.monotonic() - begun
