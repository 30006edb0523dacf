"""What the controller writes into an Application, as a real API server takes it."""

from tests.integration.controller.controller_world import World, config_map, eventually, yaml


async def test_a_status_that_is_too_large_is_cut_once_and_then_left_alone(world: World) -> None:
    names = [f"{'long-' * 40}{number:05}" for number in range(6_000)]
    world.commit({"app/all.yaml": yaml(*(config_map(each) for each in names))})
    await world.kubectl("create", "configmap", names[0])
    app = await world.add_app()
    told = await world.wait_condition(app, "StatusTruncatedWarning", "of 6000 objects", within=90)
    status = await world.status(app)
    assert status["sync"]["status"] == "OutOfSync"
    assert 1_000 < len(status["resources"]) < 6_000
    assert f"holds {len(status['resources'])} of 6000" in told
    version = (await world.app(app))["metadata"]["resourceVersion"]
    # Wanted objects that somebody else makes: they are seen, and there is nothing new to tell.
    for each in names[-3:]:
        await world.kubectl("create", "configmap", each)

    async def seen() -> bool:
        view = world.controller.views.get(world.known(app))
        return view is not None and sum(each.live is not None for each in view.comparison.objects) == 4

    await eventually(seen, "the visit has seen them", within=60)
    assert (await world.app(app))["metadata"]["resourceVersion"] == version
