"""Operations against a real API server: order, hooks, pruning, and what a dry run leaves alone."""

import asyncio

from tests.integration.controller.controller_world import World, a_deployment, a_job, config_map, eventually, yaml


async def test_a_sync_applies_prunes_and_keeps(world: World) -> None:
    keep = {"argocd.argoproj.io/sync-options": "Prune=false"}
    world.commit({"app/all.yaml": yaml(config_map("a", colour="red"), config_map("b"), config_map("c", keep))})
    app = await world.add_app()
    await world.wait_sync(app, "OutOfSync")
    state = await world.synced(app)
    assert (state["phase"], state["message"]) == ("Succeeded", "successfully synced (all tasks run)")
    await world.wait_sync(app, "Synced")
    world.commit({"app/all.yaml": yaml(config_map("a", colour="blue"))})
    await world.wait_sync(app, "OutOfSync")
    state = await world.synced(app, prune=True)
    results = {each["name"]: (each["status"], each["message"]) for each in state["syncResult"]["resources"]}
    assert results["b"] == ("Pruned", "pruned")
    assert results["c"] == ("PruneSkipped", "ignored (no prune)")
    assert await world.data("a") == {"colour": "blue"}
    await world.wait_gone("configmap", "b")
    assert await world.data("c") == {}


async def test_a_dry_run_changes_nothing(world: World) -> None:
    client_side = {"argocd.argoproj.io/sync-options": "ServerSideApply=false"}
    world.commit({"app/all.yaml": yaml(config_map("plain", a="1"), config_map("old-way", client_side, a="1"))})
    app = await world.add_app()
    await world.wait_sync(app, "OutOfSync")
    state = await world.synced(app, dryRun=True)
    assert state["phase"] == "Succeeded", state
    assert await world.data("plain") is None
    assert await world.data("old-way") is None
    assert "history" not in await world.status(app)
