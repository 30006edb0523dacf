"""Hooks of a sync: each runs once, is seen by people while it is there, and goes with its application."""

import asyncio
from typing import Any

import pytest

from tests.integration.controller.controller_world import Raw, World, a_job, config_map, eventually, manifest, yaml
from tests.integration.controller.faults import CrashPoint, births

CASCADE = {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}


def generated(prefix: str, **how: Any) -> Raw:
    job = a_job("", **how)
    del job["metadata"]["name"]
    job["metadata"]["generateName"] = prefix
    return job


async def jobs_of(world: World, prefix: str) -> list[Raw]:
    found = await world.kubectl("get", "jobs", "-o", "name")
    names = [line.partition("/")[2] for line in found.splitlines()]
    return [job for name in names if name.startswith(prefix) and (job := await world.get("job", name)) is not None]


async def test_a_hook_with_a_generated_name_goes_with_its_application(world: World) -> None:
    world.commit({"app/all.yaml": yaml(generated("migrate-", hook="PreSync"), config_map("a"))})
    app = await world.add_app(metadata=CASCADE)
    assert (await world.synced(app))["phase"] == "Succeeded"
    (job,) = await jobs_of(world, "migrate-")
    mark = job["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"]
    assert mark == f"{app}:batch/Job:{world.namespace}/{job['metadata']['name']}"
    await world.kubectl("delete", "application.argoproj.io", app, "--wait=false")
    await world.wait_gone("application.argoproj.io", app)
    await world.wait_gone("job", job["metadata"]["name"])


async def test_two_hooks_with_one_generated_name_both_run(world: World) -> None:
    hook = generated("work-", hook="PreSync")
    world.commit({"app/all.yaml": yaml(hook, hook, config_map("a"))})
    app = await world.add_app()
    state = await world.synced(app)
    assert state["phase"] == "Succeeded", state
    assert len(await jobs_of(world, "work-")) == 2


async def test_a_hook_with_a_generated_name_runs_once_whatever_crashes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.stop()
    world.commit({f"app-{n}/all.yaml": yaml(generated(f"work-{n}-", hook="PreSync")) for n in range(10)})
    async with births(world.kube, world.namespace) as seen:
        for number in range(1, 10):  # all that concerns the hook, and more
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
            await second.kill()
            made = {name: uids for name, uids in seen.uids.items() if name.startswith(f"work-{number}-")}
            assert [len(uids) for uids in made.values()] == [1], (number, crash.writes, made)


async def test_two_syncs_in_one_second_run_the_hook_twice(world: World) -> None:
    world.commit({"app/all.yaml": yaml(a_job("migrate", hook="PreSync"), config_map("a"))})
    app = await world.add_app()
    async with births(world.kube, world.namespace) as seen:
        await world.sync(app)
        first = await world.operation_ended(app)
        await world.sync(app)
        second = await world.operation_ended(app, after=first["startedAt"])
        assert (first["phase"], second["phase"]) == ("Succeeded", "Succeeded")
        assert first["startedAt"] < second["startedAt"] <= second["finishedAt"]

        async def ran_twice() -> bool:
            return len(seen.uids["migrate"]) == 2

        await eventually(ran_twice, "the hook has run twice")


async def test_a_hook_that_is_there_is_shown_with_its_pods_and_counts_for_nothing(world: World) -> None:
    """As Argo CD has it: in `status.resources` without a sync status, and in the images."""
    hook = a_job("migrate", hook="PreSync", annotations={"argocd.argoproj.io/sync-wave": "-2"})
    world.commit({"app/all.yaml": yaml(hook, config_map("a"))})
    app = await world.add_app()
    await world.synced(app)
    job = await world.get("job", "migrate")
    assert job is not None
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "migrate", "uid": job["metadata"]["uid"]}
    pod = manifest("Pod", "migrate-x1", spec={"containers": [{"name": "work", "image": "registry.local/migrate:7"}]})
    pod["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
    await world.kubectl("apply", "-f", "-", stdin=yaml(pod))
    await world.patch_app(app, {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}})

    async def shown() -> Raw | None:
        status = await world.status(app)
        assert "registry.local/migrate:7" in (status.get("summary") or {}).get("images", []), status.get("summary")
        return status

    status = await eventually(shown, "the hook's pod is seen")
    assert status["sync"]["status"] == "Synced"
    (row,) = [each for each in status["resources"] if each["kind"] == "Job"]
    assert (row["hook"], row.get("status"), row["syncWave"], row.get("requiresPruning")) == (True, None, -2, None)
