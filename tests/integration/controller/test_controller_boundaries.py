"""What an application may not touch: objects of other applications, and whatever lies outside its project."""

import base64
import json

from adapters._pb.tiphys.live.v1 import live_pb2 as pb
from adapters.kube.credentials import cluster_from_kubeconfig
from app_controller.live_service import LiveService
from tests.integration.controller.controller_world import (
    World,
    a_project,
    config_map,
    eventually,
    manifest,
    yaml,
)
from tests.integration.controller.faults import Network

AUTOMATED = {"prune": True, "selfHeal": True}
CASCADE = {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}
TAKE_OVER = {"syncOptions": ["FailOnSharedResource=false"]}
MARK = "argocd.argoproj.io/tracking-id"


async def owner(world: World, name: str) -> str:
    found = await world.get("configmap", name)
    assert found is not None, f"{name} is gone"
    return str(found["metadata"]["annotations"][MARK]).partition(":")[0]


async def two_that_want_the_same(world: World) -> tuple[str, str]:
    """`first` owns the ConfigMap `both`; `second`, automated, declares it too."""
    world.commit(
        {
            "one/all.yaml": yaml(config_map("both", by="one")),
            "two/all.yaml": yaml(config_map("both", by="two"), config_map("own")),
        }
    )
    first = await world.add_app("first", path="one", automated=AUTOMATED)
    await world.wait_sync(first, "Synced")
    second = await world.add_app("second", path="two", automated=AUTOMATED, metadata=CASCADE)
    return first, second


# --- objects of other applications ----------------------------------------------------------------------------


async def test_an_automated_application_leaves_the_object_of_another_alone_and_says_whose_it_is(world: World) -> None:
    first, second = await two_that_want_the_same(world)
    state = await world.operation_ended(second)
    results = {each["name"]: (each["status"], each["message"]) for each in state["syncResult"]["resources"]}
    assert state["phase"] == "Succeeded", state
    assert results["own"][0] == "Synced"
    assert results["both"][0] == "SyncSkipped"
    told = await world.wait_condition(second, "SharedResourceWarning", f"part of applications {second} and {first}")
    assert "FailOnSharedResource=false" in told
    await world.wait_sync(second, "OutOfSync")
    revision = world.commit({"two/more.yaml": yaml(config_map("more"))})
    await world.wait_sync(second, "OutOfSync", revision=revision)

    async def rest_is_synced() -> bool:
        return await world.data("more") == {}

    await eventually(rest_is_synced, "a new commit is synced but for that object")
    assert await owner(world, "both") == first
    assert await world.data("both") == {"by": "one"}
    assert not (await world.status(first)).get("conditions")


async def test_an_application_goes_without_the_objects_of_another(world: World) -> None:
    first, second = await two_that_want_the_same(world)
    await world.operation_ended(second)
    await world.kubectl("delete", "application.argoproj.io", second, "--wait=false")
    await world.wait_gone("application.argoproj.io", second)
    await world.wait_gone("configmap", "own")
    assert await owner(world, "both") == first


async def test_a_person_may_move_an_object_and_the_old_owner_neither_fights_nor_prunes(world: World) -> None:
    first, second = await two_that_want_the_same(world)
    await world.operation_ended(second)
    refused = await world.synced(second)
    assert (refused["phase"], "nothing was synced" in refused["message"]) == ("Error", True), refused
    assert await owner(world, "both") == first
    moved = await world.synced(second, **TAKE_OVER)
    assert moved["phase"] == "Succeeded", moved
    assert await owner(world, "both") == second
    await world.wait_condition(first, "SharedResourceWarning", second)
    world.commit({"one/all.yaml": yaml(config_map("another"))})
    await world.wait_sync(first, "Synced")
    assert (await owner(world, "both"), await world.data("both")) == (second, {"by": "two"})


async def test_what_a_deleted_application_left_behind_belongs_to_nobody(world: World) -> None:
    first, second = await two_that_want_the_same(world)
    await world.operation_ended(second)
    await world.kubectl("delete", "application.argoproj.io", first, "--wait=false")  # without its objects
    await world.wait_gone("application.argoproj.io", first)
    await world.patch_app(second, {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}})
    await world.wait_sync(second, "Synced")
    assert await owner(world, "both") == second


# --- outside the project --------------------------------------------------------------------------------------


async def test_nothing_outside_the_project_is_read_or_tried(world: World) -> None:
    """Neither what Git names nor what carries a mark: not in a comparison, a tree, a status, not by a dry run."""
    outside = f"{world.namespace}-outside"
    await world.kubectl("create", "namespace", outside)
    project = a_project(
        "team",
        world.namespace,
        destinations=[{"server": "*", "namespace": world.namespace}],
        clusterResourceWhitelist=[],
    )
    await world.kubectl("apply", "-f", "-", stdin=json.dumps(project))
    app = world.app_name()
    marked = config_map("marked", {MARK: f"{app}:/ConfigMap:{outside}/marked"}, secret="outside-marked")
    for each in (config_map("named", secret="outside-named"), marked):
        await world.kubectl("apply", "-n", outside, "-f", "-", stdin=json.dumps(each))
    role = manifest("ClusterRole", outside, api="rbac.authorization.k8s.io/v1", rules=[])
    await world.kubectl("create", "-f", "-", stdin=json.dumps(role))
    before = await world.get("configmap", "named", outside)
    named = config_map("named", wanted="x")
    named["metadata"]["namespace"] = outside
    world.commit({"app/all.yaml": yaml(named, {**role, "rules": [{"verbs": ["*"]}]}, config_map("own"))})
    await world.add_app(project="team")
    status = await world.wait_sync(app, "OutOfSync")
    warnings = [each["message"] for each in status["conditions"] if each["type"] == "ExcludedResourceWarning"]
    assert len(warnings) == 2, status["conditions"]
    assert {each["name"]: each["status"] for each in status["resources"]} == {
        "named": "OutOfSync",
        outside: "OutOfSync",
        "own": "OutOfSync",
    }
    service = LiveService(
        world.running.store, world.controller.clusters, world.controller.views, world.controller.revisions
    )
    ref = pb.ApplicationRef(namespace=world.namespace, name=app)
    tree = await service.GetResourceTree(pb.GetResourceTreeRequest(application=ref), None)
    diffs = await service.ListManagedResources(pb.ListManagedResourcesRequest(application=ref), None)
    for text in (tree.tree, diffs.items, json.dumps(status).encode()):
        assert b"outside-" not in text.replace(outside.encode(), b"")
    live = {each["name"]: each["liveState"] for each in json.loads(diffs.items)}
    assert live == {"named": "null", outside: "null", "own": "null"}
    view = world.controller.views.get(world.known(app))
    assert view is not None
    assert all(each.predicted is each.desired for each in view.comparison.objects)
    state = await world.synced(app)
    assert state["phase"] == "Failed", state
    assert await world.get("configmap", "named", outside) == before
    await world.kubectl("delete", "clusterrole", outside, "--wait=false")
    await world.kubectl("delete", "namespace", outside, "--wait=false")


# --- clusters of other projects -------------------------------------------------------------------------------


async def test_a_cluster_of_another_project_is_neither_used_nor_written_to(world: World) -> None:
    network = Network(cluster_from_kubeconfig(world.plane.kubeconfig))
    await network.start()
    registration = network.registration(world.namespace, name="far")
    await world.kubectl("create", "-f", "-", stdin=json.dumps(registration, default=str))
    try:
        world.commit({"app/all.yaml": yaml(config_map("a"))})
        destination = {"name": "far", "namespace": world.namespace}
        app = await world.add_app(destination=destination, automated={"selfHeal": True})
        await world.wait_sync(app, "Synced")
        scoped = {"data": {"project": base64.b64encode(b"other").decode()}}
        await world.kubectl("patch", "secret", registration["metadata"]["name"], "-p", json.dumps(scoped))
        await world.wait_condition(app, "InvalidSpecError", "registered for another project")
        await world.kubectl("delete", "configmap", "a")
        refused = await world.synced(app)
        assert refused["phase"] == "Error", refused
        assert await world.data("a") is None
    finally:
        await network.cut()


async def test_a_project_that_only_permits_its_own_clusters_gets_no_other(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    await world.patch_project({"spec": {"permitOnlyProjectScopedClusters": True}})
    app = await world.add_app()
    await world.wait_condition(app, "InvalidSpecError", "permitOnlyProjectScopedClusters")
    assert (await world.synced(app))["phase"] == "Error"
    assert await world.data("a") is None
