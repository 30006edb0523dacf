"""What the API server asks the controller for: trees, diffs, single objects, and their deletion."""

import json
from typing import Any

import pytest

from adapters._pb.tiphys.live.v1 import live_pb2 as pb
from app_controller.live_service import LiveService
from gitops.model.errors import NotFound, NotPermitted
from tests.integration.controller.controller_world import (
    World,
    a_deployment,
    a_job,
    config_map,
    eventually,
    manifest,
    yaml,
)

CONTEXT = None  # nothing of the call is used but the request


def service_of(world: World) -> LiveService:
    controller = world.controller
    return LiveService(world.running.store, controller.clusters, controller.views, controller.revisions)


def ref(world: World, app: str) -> Any:
    return pb.ApplicationRef(namespace=world.namespace, name=app)


def at(world: World, kind: str, name: str, group: str = "") -> Any:
    return pb.ObjectRef(group=group, version="v1", kind=kind, namespace=world.namespace, name=name)


async def test_a_tree_reaches_down_to_the_pods_and_grows_while_one_looks(world: World) -> None:
    world.commit({"app/all.yaml": yaml(a_deployment("web"))})
    app = await world.add_app()
    await world.wait_sync(app, "OutOfSync")
    service = service_of(world)
    trees = service.WatchResourceTree(pb.WatchResourceTreeRequest(application=ref(world, app)), CONTEXT)
    first = json.loads((await anext(trees)).tree)
    assert [each["kind"] for each in first["nodes"]] in ([], ["Deployment"])
    await world.sync(app)
    kinds: set[str] = set()
    while "Pod" not in kinds:
        kinds = {each["kind"] for each in json.loads((await anext(trees)).tree)["nodes"]}
    assert {"Deployment", "ReplicaSet"} <= kinds
    await trees.aclose()
    assert not world.controller.views.watched


async def test_differences_are_told_and_secrets_are_not(world: World) -> None:
    secret = manifest("Secret", "keys", stringData={"password": "hunter2hunter2"})
    world.commit({"app/all.yaml": yaml(config_map("a", colour="red"), secret)})
    app = await world.add_app()
    await world.synced(app)
    await world.wait_sync(app, "Synced")
    await world.kubectl("patch", "configmap", "a", "-p", '{"data": {"colour": "blue"}}')
    await world.wait_sync(app, "OutOfSync")
    service = service_of(world)
    answer = await service.ListManagedResources(pb.ListManagedResourcesRequest(application=ref(world, app)), CONTEXT)
    items = {each["name"]: each for each in json.loads(answer.items)}
    assert (items["a"]["modified"], items["keys"]["modified"]) == (True, False)
    assert json.loads(items["a"]["liveState"])["data"] == {"colour": "blue"}
    assert json.loads(items["a"]["predictedLiveState"])["data"] == {"colour": "red"}
    one = await service.GetLiveObject(
        pb.GetLiveObjectRequest(application=ref(world, app), object=at(world, "Secret", "keys")), CONTEXT
    )
    for text in (answer.items, one.manifest):
        assert b"hunter2" not in text
        assert b"aHVudGVyMmh1bnRlcjI" not in text


async def test_only_what_belongs_to_an_application_can_be_reached_through_it(world: World) -> None:
    await world.kubectl("create", "configmap", "foreign")
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    app = await world.add_app()
    await world.synced(app)
    service = service_of(world)
    for name in ("foreign",):
        asked = {"application": ref(world, app), "object": at(world, "ConfigMap", name)}
        with pytest.raises(NotPermitted):
            await service.GetLiveObject(pb.GetLiveObjectRequest(**asked), CONTEXT)
        with pytest.raises(NotPermitted):
            await service.DeleteLiveObject(pb.DeleteLiveObjectRequest(**asked), CONTEXT)
    with pytest.raises(NotFound):
        await service.GetLiveObject(
            pb.GetLiveObjectRequest(application=ref(world, "nobody"), object=at(world, "ConfigMap", "a")), CONTEXT
        )
    assert await world.data("foreign") == {}


async def test_deleting_asks_the_project_as_every_other_write_does(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    app = await world.add_app()
    await world.synced(app)
    service = service_of(world)
    asked = pb.DeleteLiveObjectRequest(application=ref(world, app), object=at(world, "ConfigMap", "a"))
    await world.patch_project({"spec": {"destinations": [{"server": "*", "namespace": "elsewhere"}]}})

    async def refused() -> bool:
        project = world.running.store.projects.get("default")
        return project is not None and project.spec.destinations[0].namespace == "elsewhere"

    await eventually(refused, "the project's change is known")
    with pytest.raises(NotPermitted):
        await service.DeleteLiveObject(asked, CONTEXT)
    await world.patch_project({"spec": {"destinations": [{"server": "*", "namespace": "*"}]}})

    async def allowed() -> bool:
        return not await refused()

    await eventually(allowed, "the project's change is known")
    await service.DeleteLiveObject(asked, CONTEXT)
    await world.wait_gone("configmap", "a")
    await world.wait_sync(app, "OutOfSync")


async def test_a_hook_that_is_there_is_drawn_with_its_pods(world: World) -> None:
    world.commit({"app/all.yaml": yaml(a_job("migrate", hook="PreSync"), config_map("a"))})
    app = await world.add_app()
    await world.synced(app)
    job = await world.get("job", "migrate")
    assert job is not None
    pod = manifest("Pod", "migrate-x1", spec={"containers": [{"name": "work", "image": "registry.local/migrate:7"}]})
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "migrate", "uid": job["metadata"]["uid"]}
    pod["metadata"]["ownerReferences"] = [owner]
    await world.kubectl("apply", "-f", "-", stdin=yaml(pod))

    async def drawn() -> bool:
        trees = service_of(world).WatchResourceTree(pb.WatchResourceTreeRequest(application=ref(world, app)), CONTEXT)
        nodes = json.loads((await anext(trees)).tree)["nodes"]
        await trees.aclose()
        return {("Job", "migrate"), ("Pod", "migrate-x1")} <= {(each["kind"], each["name"]) for each in nodes}

    await eventually(drawn, "the hook and its pod are in the tree")
