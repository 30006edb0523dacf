"""Deleted Applications: what goes with them, in which order, and what stays."""

from tests.integration.controller.controller_world import Raw, World, a_job, config_map, eventually, yaml

WAVE = "argocd.argoproj.io/sync-wave"
OPTIONS = "argocd.argoproj.io/sync-options"
CASCADE = {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}


async def delete(world: World, app: str) -> None:
    await world.kubectl("delete", "application.argoproj.io", app, "--wait=false")


async def test_a_cascade_goes_last_wave_first_and_spares_what_is_to_stay(world: World) -> None:
    held = config_map("last", {WAVE: "3"})
    held["metadata"]["finalizers"] = ["example.com/slow"]
    kept = config_map("kept", {OPTIONS: "Delete=false"})
    helm = config_map("of-helm", {"helm.sh/resource-policy": "keep"})
    world.commit({"app/all.yaml": yaml(config_map("first"), held, kept, helm)})
    app = await world.add_app(metadata=CASCADE)
    await world.synced(app)
    await delete(world, app)

    async def last_is_going() -> bool:
        found = await world.get("configmap", "last")
        return found is not None and "deletionTimestamp" in found["metadata"]

    await eventually(last_is_going, "the last wave is asked to go")
    assert await world.data("first") == {}
    assert "metadata" in await world.app(app)
    await world.kubectl("patch", "configmap", "last", "-p", '{"metadata": {"finalizers": null}}')
    await world.wait_gone("application.argoproj.io", app)
    assert await world.data("first") is None
    assert await world.data("kept") == {}
    assert await world.data("of-helm") == {}


async def test_what_must_be_confirmed_keeps_the_application_until_it_is(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("precious", {OPTIONS: "Delete=confirm"}), config_map("other"))})
    app = await world.add_app(metadata=CASCADE)
    await world.synced(app)
    early = {"argocd.argoproj.io/deletion-approved": "2026-01-01T00:00:00Z"}
    await world.patch_app(app, {"metadata": {"annotations": early}})
    await delete(world, app)
    assert "precious" in await world.wait_condition(app, "DeletionError", "approved")
    assert await world.data("precious") == {}
    moment = (await world.app(app))["metadata"]["deletionTimestamp"]
    await world.patch_app(app, {"metadata": {"annotations": {"argocd.argoproj.io/deletion-approved": moment}}})
    await world.wait_gone("application.argoproj.io", app)
    assert await world.data("precious") is None


async def test_an_application_deleted_while_it_syncs_leaves_nothing_behind(world: World) -> None:
    hook: Raw = a_job("migrate", hook="PreSync")
    hook["spec"]["suspend"] = True
    world.commit({"app/all.yaml": yaml(hook, config_map("a"))})
    app = await world.add_app(metadata=CASCADE)
    await world.sync(app)

    async def runs() -> bool:
        return await world.get("job", "migrate") is not None

    await eventually(runs, "the hook runs")
    await delete(world, app)
    await world.wait_gone("application.argoproj.io", app, within=15)
    assert await world.get("job", "migrate") is None
    assert await world.data("a") is None


async def test_a_hook_that_nobody_released_does_not_keep_its_application(world: World) -> None:
    world.commit({"app/all.yaml": yaml(a_job("before", hook="PreSync"), config_map("a"))})
    app = await world.add_app(metadata=CASCADE)
    await world.synced(app)
    finalizer = '{"metadata": {"finalizers": ["argocd.argoproj.io/hook-finalizer"]}}'
    await world.kubectl("patch", "job", "before", "-p", finalizer)
    await delete(world, app)
    await world.wait_gone("application.argoproj.io", app)
    await world.wait_gone("job", "before")


async def test_an_application_that_manages_itself_does_not_wait_for_itself(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    app = await world.add_app(metadata=CASCADE)
    await world.synced(app)
    mark = f"{app}:argoproj.io/Application:{world.namespace}/{app}"
    await world.patch_app(app, {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": mark}}})
    await delete(world, app)
    await world.wait_gone("application.argoproj.io", app)
    assert await world.data("a") is None


async def test_without_the_finalizer_everything_stays(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    app = await world.add_app()
    await world.synced(app)
    await delete(world, app)
    await world.wait_gone("application.argoproj.io", app)
    assert await world.data("a") == {}


async def test_a_cluster_that_is_registered_no_more_does_not_keep_the_application(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    destination = {"name": "gone", "namespace": world.namespace}
    app = await world.add_app(metadata=CASCADE, destination=destination)
    await world.wait_condition(app, "InvalidSpecError", "no cluster `gone`")
    await delete(world, app)
    await world.wait_gone("application.argoproj.io", app)
