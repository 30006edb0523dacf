"""A45: through an application nobody sees, or deletes, what its project does not permit, whatever names it."""

import json
from typing import Any

import pytest

from adapters._pb.tiphys.live.v1 import live_pb2 as pb
from app_controller.live_service import LiveService
from gitops.model.errors import GitOpsError, InvalidRequest, NotPermitted
from tests.integration.controller.controller_world import World, a_deployment, config_map, eventually, manifest, yaml
from tests.integration.controller.test_controller_live_service import CONTEXT, at, ref, service_of

SECRET_VALUE = "not for the world"


def named(kind: str, name: str, namespace: str, group: str = "") -> Any:
    return pb.ObjectRef(group=group, version="v1", kind=kind, namespace=namespace, name=name)


async def narrowed(world: World, **spec: Any) -> None:
    """The project permits this namespace and what `spec` says, and no cluster-scoped kind."""
    destinations = [{"server": "*", "namespace": world.namespace}]
    await world.patch_project({"spec": {"destinations": destinations, "clusterResourceWhitelist": [], **spec}})

    async def known() -> bool:
        project = world.running.store.projects.get("default")
        return project is not None and project.spec.destinations[0].namespace == world.namespace

    await eventually(known, "the project's change is known")


async def items_of(service: LiveService, world: World, app: str, **only: str) -> dict[str, Any]:
    asked = pb.ListManagedResourcesRequest(application=ref(world, app), only=pb.ObjectRef(**only))
    answer = await service.ListManagedResources(asked, CONTEXT)
    assert SECRET_VALUE.encode() not in answer.items
    return {each["name"]: each for each in json.loads(answer.items)}


async def tree_of(service: LiveService, world: World, app: str) -> list[dict[str, Any]]:
    answer = await service.GetResourceTree(pb.GetResourceTreeRequest(application=ref(world, app)), CONTEXT)
    return list(json.loads(answer.tree)["nodes"])


async def compared(service: LiveService, world: World, app: str, *names: str) -> None:
    async def look() -> bool:
        return set(names) <= set(await items_of(service, world, app))

    await eventually(look, f"{app} is compared")


async def assert_out_of_reach(service: LiveService, world: World, app: str, asked: Any) -> None:
    both = {"application": ref(world, app), "object": asked}
    for call, request in (
        (service.GetLiveObject, pb.GetLiveObjectRequest(**both)),
        (service.ListEvents, pb.ListEventsRequest(**both)),
        (service.DeleteLiveObject, pb.DeleteLiveObjectRequest(**both)),
    ):
        with pytest.raises(NotPermitted):
            await call(request, CONTEXT)


async def test_A45_what_git_names_outside_the_project_is_not_shown(world: World) -> None:
    name = f"internal-{world.namespace}"
    other = {"metadata": {"name": name, "namespace": "kube-system"}, "data": {"key": SECRET_VALUE}}
    role = {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}
    there = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", **other})
    await world.kubectl("create", "-n", "kube-system", "-f", "-", stdin=there)
    api = "rbac.authorization.k8s.io/v1"
    await world.kubectl("create", "-f", "-", stdin=json.dumps(manifest("ClusterRole", name, api=api, **role)))
    await narrowed(world)
    wanted = config_map(name)
    wanted["metadata"]["namespace"] = "kube-system"
    world.commit({"app/all.yaml": yaml(config_map("a"), wanted, manifest("ClusterRole", name, api=api, rules=[]))})
    app = await world.add_app()
    service = service_of(world)
    await compared(service, world, app, "a", name)
    items = [
        *(await items_of(service, world, app, kind="ConfigMap", name=name)).values(),
        *(await items_of(service, world, app, kind="ClusterRole")).values(),
    ]
    assert [(each["kind"], each["liveState"], each["predictedLiveState"]) for each in items] == [
        ("ConfigMap", "null", "null"),
        ("ClusterRole", "null", "null"),
    ]
    assert not any(each.get("uid") for each in await tree_of(service, world, app) if each["name"] == name)
    await assert_out_of_reach(service, world, app, named("ConfigMap", name, "kube-system"))
    await assert_out_of_reach(service, world, app, named("ClusterRole", name, "", "rbac.authorization.k8s.io"))
    assert await world.get("clusterrole", name) is not None
    await world.kubectl("delete", "clusterrole", name)
    await world.kubectl("delete", "configmap", name, "-n", "kube-system")


async def test_A45_a_mark_on_an_object_elsewhere_shows_nothing_of_it(world: World) -> None:
    name = f"marked-{world.namespace}"
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    app = await world.add_app()
    service = service_of(world)
    await narrowed(world)
    mark = {"argocd.argoproj.io/tracking-id": f"{app}:/ConfigMap:kube-system/{name}"}
    elsewhere = config_map(name, annotations=mark, key=SECRET_VALUE)
    elsewhere["metadata"]["namespace"] = "kube-system"
    await world.kubectl("create", "-n", "kube-system", "-f", "-", stdin=json.dumps(elsewhere))
    await compared(service, world, app, "a")
    await world.patch_app(app, {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}})
    await world.synced(app)
    assert name not in await items_of(service, world, app)
    assert name not in [each["name"] for each in await tree_of(service, world, app)]
    await assert_out_of_reach(service, world, app, named("ConfigMap", name, "kube-system"))
    assert await world.get("configmap", name, "kube-system") is not None
    await world.kubectl("delete", "configmap", name, "-n", "kube-system")


async def test_A45_owners_in_another_objects_metadata_do_not_lend_it(world: World) -> None:
    """A cluster-scoped object that names ours as its owner is drawn below it, unless the project has no say in it."""
    name = f"below-{world.namespace}"
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    app = await world.add_app()
    await world.synced(app)
    await narrowed(world)
    service = service_of(world)
    owner = (await world.get("configmap", "a") or {})["metadata"]["uid"]
    below = manifest("ClusterRole", name, api="rbac.authorization.k8s.io/v1", rules=[])
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": owner}
    below["metadata"]["ownerReferences"] = [reference]
    # Kubernetes' collector would delete it: a namespaced owner of a cluster-scoped object counts as gone.
    below["metadata"]["finalizers"] = ["tests.tiphys.dev/keep"]
    await world.kubectl("create", "-f", "-", stdin=json.dumps(below))
    try:
        live = world.controller.clusters.all_open()[0]

        async def seen() -> bool:
            return any(each["metadata"]["name"] == name for each in live.mirror.children({"metadata": {"uid": owner}}))

        await eventually(seen, "the mirror knows the object")
        assert name not in [each["name"] for each in await tree_of(service, world, app)]
        await assert_out_of_reach(service, world, app, named("ClusterRole", name, "", "rbac.authorization.k8s.io"))
    finally:
        await world.kubectl("patch", "clusterrole", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        await world.kubectl("delete", "clusterrole", name, "--ignore-not-found")


async def test_an_object_is_reached_under_its_own_name_alone(world: World) -> None:
    """Policies are written about namespaces: a cluster-scoped object must not pass for one of a namespace."""
    role = f"evil-{world.namespace}"
    cluster_role = manifest("ClusterRole", role, api="rbac.authorization.k8s.io/v1", rules=[])
    world.commit({"app/all.yaml": yaml(config_map("a"), cluster_role)})
    app = await world.add_app()
    await world.synced(app)
    service = service_of(world)
    for wrong in (
        named("ClusterRole", role, world.namespace, "rbac.authorization.k8s.io"),
        named("ConfigMap", "a", ""),
    ):
        with pytest.raises(InvalidRequest):
            await service.DeleteLiveObject(
                pb.DeleteLiveObjectRequest(application=ref(world, app), object=wrong), CONTEXT
            )
    right = named("ClusterRole", role, "", "rbac.authorization.k8s.io")
    right.uid = "00000000-0000-0000-0000-000000000000"
    with pytest.raises(GitOpsError, match="made anew"):
        await service.DeleteLiveObject(pb.DeleteLiveObjectRequest(application=ref(world, app), object=right), CONTEXT)
    assert await world.get("clusterrole", role) is not None
    assert await world.get("configmap", "a") is not None
    right.uid = ""
    await service.DeleteLiveObject(pb.DeleteLiveObjectRequest(application=ref(world, app), object=right), CONTEXT)
    await world.wait_gone("clusterrole", role)


async def test_differences_are_told_of_the_objects_asked_for_alone(world: World) -> None:
    secret = manifest("Secret", "a", stringData={"password": SECRET_VALUE})
    world.commit({"app/all.yaml": yaml(config_map("a"), config_map("b"), secret)})
    app = await world.add_app()
    service = service_of(world)
    await compared(service, world, app, "a", "b")
    assert set(await items_of(service, world, app, name="b")) == {"b"}
    assert (await items_of(service, world, app, name="a", kind="Secret"))["a"]["kind"] == "Secret"
    assert set(await items_of(service, world, app, namespace=world.namespace, kind="ConfigMap")) == {"a", "b"}
    assert set(await items_of(service, world, app, version="v9", name="a")) == {"a"}
    assert await items_of(service, world, app, group="apps") == {}
    assert await items_of(service, world, app, namespace="elsewhere") == {}


async def test_events_are_found_by_uid_alone_as_argo_cds_clients_ask_for_them(world: World) -> None:
    world.commit({"app/all.yaml": yaml(a_deployment("web"))})
    app = await world.add_app()
    await world.synced(app)
    service = service_of(world)
    uid = (await world.get("deployment", "web") or {})["metadata"]["uid"]

    async def told() -> list[Any]:
        asked = pb.ObjectRef(uid=uid, name="web", namespace=world.namespace)
        answer = await service.ListEvents(pb.ListEventsRequest(application=ref(world, app), object=asked), CONTEXT)
        return list(json.loads(answer.events)["items"])

    assert {each["involvedObject"]["uid"] for each in await eventually(told, "an event is told")} == {uid}
    for wrong in (pb.ObjectRef(uid=uid, name="other"), pb.ObjectRef(uid="no-such-uid"), pb.ObjectRef()):
        with pytest.raises(NotPermitted):
            await service.ListEvents(pb.ListEventsRequest(application=ref(world, app), object=wrong), CONTEXT)


async def test_what_is_not_there_and_what_is_not_ours_answer_alike(world: World) -> None:
    await world.kubectl("create", "configmap", "foreign")
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    app = await world.add_app()
    await world.synced(app)
    service = service_of(world)
    told = set()
    for name in ("foreign", "nowhere"):
        with pytest.raises(NotPermitted) as refused:
            await service.GetLiveObject(
                pb.GetLiveObjectRequest(application=ref(world, app), object=at(world, "ConfigMap", name)), CONTEXT
            )
        told.add(str(refused.value).replace(name, "NAME"))
    assert len(told) == 1
