"""What a sync says of each object, in the words tools know, and what it makes of objects that are not quite right."""

from typing import Any

from tests.integration.controller.controller_world import (
    Raw,
    World,
    a_deployment,
    a_job,
    a_project,
    config_map,
    eventually,
    manifest,
    yaml,
)

OPTIONS = "argocd.argoproj.io/sync-options"
WAVE = "argocd.argoproj.io/sync-wave"


def messages(state: Raw) -> dict[str, str]:
    return {each["name"]: each.get("message", "") for each in state["syncResult"]["resources"]}


def a_definition(group: str) -> Raw:
    fields = {"size": {"type": "integer"}, "parts": {"type": "array", "items": {"type": "object", "properties": {}}}}
    spec = {"type": "object", "properties": fields}
    schema = {"type": "object", "properties": {"spec": spec}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    whole = {
        "group": group,
        "scope": "Namespaced",
        "names": {"kind": "Widget", "plural": "widgets"},
        "versions": [version],
    }
    return manifest("CustomResourceDefinition", f"widgets.{group}", api="apiextensions.k8s.io/v1", spec=whole)


async def test_results_are_in_the_words_of_kubectl(world: World) -> None:
    other = f"{world.namespace}-new"
    explicit = config_map("explicit", {OPTIONS: "ServerSideApply=true"})
    objects = [a_deployment("web", replicas=0), config_map("a", colour="red"), config_map("same"), explicit]
    world.commit({"app/all.yaml": yaml(*objects)})
    destination = {"server": "https://kubernetes.default.svc", "namespace": other}
    app = await world.add_app(options=("CreateNamespace=true",), destination=destination)
    state = await world.synced(app)
    assert state["phase"] == "Succeeded", state
    assert messages(state) == {
        other: f"namespace/{other} created",
        "web": "deployment.apps/web created",
        "a": "configmap/a created",
        "same": "configmap/same created",
        "explicit": "configmap/explicit serverside-applied",
    }
    rows = {each["name"]: each for each in state["syncResult"]["resources"]}
    assert rows[other]["syncPhase"] == "PreSync"
    assert (rows["web"]["images"], rows["a"].get("images")) == (["registry.local/web:1"], None)
    assert (rows["a"]["group"], rows[other]["namespace"]) == ("", "")
    await world.wait_sync(app, "Synced")
    objects[1] = config_map("a", colour="blue")
    world.commit({"app/all.yaml": yaml(*objects[:3])})
    await world.wait_sync(app, "OutOfSync")
    dry = await world.synced(app, dryRun=True, prune=True)
    assert messages(dry)["a"] == "configmap/a configured (dry run)"
    state = await world.synced(app, prune=True)
    assert messages(state) == {
        "web": "deployment.apps/web unchanged",
        "a": "configmap/a configured",
        "same": "configmap/same unchanged",
        "explicit": "pruned",
    }


async def test_an_automated_sync_says_what_it_is_about(world: World) -> None:
    metadata = {"labels": {"team": "around"}}
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    app = await world.add_app(automated={})
    await world.wait_sync(app, "Synced")
    state = await world.operation_ended(app)
    spec = (await world.app(app))["spec"]
    assert state["operation"]["sync"]["source"] == spec["source"]
    assert state["syncResult"]["source"] == spec["source"]
    policy = {"managedNamespaceMetadata": metadata, "syncOptions": ["CreateNamespace=true"]}
    await world.patch_app(app, {"spec": {"syncPolicy": {**policy, "automated": None}}})
    state = await world.synced(app)
    assert state["syncResult"]["managedNamespaceMetadata"] == metadata


async def test_an_invalid_object_keeps_no_other_from_being_applied_however_often_it_is_tried(world: World) -> None:
    late = config_map("late", {WAVE: "1"})
    world.commit({"app/all.yaml": yaml(config_map("Not_A_Name"), config_map("a", v="1"), late)})
    app = await world.add_app()
    state = await world.synced(app)
    assert (state["phase"], await world.data("a")) == ("Failed", {"v": "1"})
    assert "Not_A_Name" in state["message"]
    world.commit({"app/all.yaml": yaml(config_map("Not_A_Name"), config_map("a", v="2"), config_map("b"), late)})
    await world.wait_sync(app, "OutOfSync")
    state = await world.synced(app)
    assert (state["phase"], await world.data("a"), await world.data("b")) == ("Failed", {"v": "2"}, {})
    assert await world.data("late") is None  # a wave that has failed is the last


async def test_what_the_project_does_not_allow_keeps_the_whole_sync_from_beginning(world: World) -> None:
    refused: Any = {"group": "batch", "kind": "Job"}
    world.plane.apply(a_project("default", world.namespace, namespaceResourceBlacklist=[refused]))
    world.commit({"app/all.yaml": yaml(config_map("a"), a_job("work"))})
    app = await world.add_app()
    await world.wait_sync(app, "OutOfSync")
    state = await world.synced(app)
    assert state["phase"] == "Failed"
    assert "one or more synchronization tasks are not valid" in state["message"]
    assert "does not allow namespaced batch/Job" in state["message"]
    assert await world.data("a") is None


async def test_a_field_the_schema_does_not_know_is_left_out_and_told(world: World) -> None:
    group = f"{world.namespace}.example"
    spec = {"size": 3, "sise": 4, "colour": {"deep": 1}, "parts": [{"bolt": 1}]}
    widget = manifest("Widget", "w", api=f"{group}/v1", spec=spec)
    wrong = a_deployment("web", replicas=0)
    wrong["spec"]["replcas"] = 2
    wrong["spec"]["template"]["spec"]["containers"][0]["imag"] = "typo"
    world.commit({"app/all.yaml": yaml(a_definition(group), widget, wrong)})
    app = await world.add_app(automated={"selfHeal": True})
    try:
        await world.wait_sync(app, "Synced")
        found = await world.get(f"widgets.{group}", "w")
        assert found is not None
        assert found["spec"] == {"size": 3, "parts": [{}]}
        state = (await world.status(app))["operationState"]
        assert ".spec.sise" in messages(state)["w"]
        assert messages(state)["w"].startswith(f"widget.{group}/w created")
        assert ".spec.replcas" in messages(state)["web"]
        assert "imag" in await world.wait_condition(app, "UnknownFieldWarning", "Deployment")
        await world.patch_app(app, {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}})
        await world.wait_condition(app, "UnknownFieldWarning", "Widget")
        status = await world.wait_sync(app, "Synced")
        assert status["operationState"]["startedAt"] == state["startedAt"]  # nothing was healed
    finally:
        await world.patch_app(app, {"spec": {"syncPolicy": {"automated": None}}})
        await world.kubectl("delete", "crd", f"widgets.{group}", "--wait=false")


async def test_client_side_apply_tolerates_what_others_added_to_a_map_that_is_one_piece(world: World) -> None:
    """`ServerSideApply=false` is compared as it is written: also in maps that server-side apply replaces."""
    selector = {"app": "web"}
    spec = {"selector": selector, "ports": [{"port": 80}]}
    client = manifest("Service", "client", annotations={OPTIONS: "ServerSideApply=false"}, spec=spec)
    server = manifest("Service", "server", annotations={OPTIONS: "ServerSideApply=true"}, spec=spec)
    world.commit({"app/all.yaml": yaml(client, server)})
    app = await world.add_app()
    await world.synced(app)
    await world.wait_sync(app, "Synced")
    for name in ("client", "server"):
        await world.kubectl("patch", "service", name, "-p", '{"spec": {"selector": {"added": "by-others"}}}')
    status = await world.wait_sync(app, "OutOfSync")
    codes = {each["name"]: each["status"] for each in status["resources"]}
    assert codes == {"client": "Synced", "server": "OutOfSync"}
    state = await world.synced(app)
    assert state["phase"] == "Succeeded"
    live = await world.get("service", "client")
    assert live is not None
    assert live["spec"]["selector"] == {**selector, "added": "by-others"}
    await world.wait_sync(app, "Synced")


async def test_what_argo_rollouts_puts_into_a_selector_is_neither_drift_nor_undone(world: World) -> None:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    world.commit({"app/all.yaml": yaml(manifest("Service", "stable", spec=spec))})
    app = await world.add_app(automated={"selfHeal": True})
    await world.wait_sync(app, "Synced")
    started = (await world.operation_ended(app))["startedAt"]
    turned = '{"spec": {"selector": {"rollouts-pod-template-hash": "6b7f"}}}'
    await world.kubectl("patch", "service", "stable", "-p", turned)
    await world.patch_app(app, {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}})

    async def refreshed() -> bool:
        return "argocd.argoproj.io/refresh" not in ((await world.app(app))["metadata"].get("annotations") or {})

    await eventually(refreshed, "the refresh is over")
    status = await world.wait_sync(app, "Synced")
    assert status["operationState"]["startedAt"] == started
    spec["ports"] = [{"port": 81}]
    world.commit({"app/all.yaml": yaml(manifest("Service", "stable", spec=spec))})

    async def delivered() -> Raw | None:
        found = await world.get("service", "stable")
        return found if found is not None and found["spec"]["ports"][0]["port"] == 81 else None

    live = await eventually(delivered, "the new port is delivered")
    assert live["spec"]["selector"] == {"app": "web", "rollouts-pod-template-hash": "6b7f"}


async def test_no_operation_ends_before_it_began_however_soon_it_follows_another(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    app = await world.add_app()
    ended = [await world.synced(app)]
    for _ in range(3):
        await world.sync(app)
        ended.append(await world.operation_ended(app, after=ended[-1]["startedAt"]))
    assert all(each["startedAt"] <= each["finishedAt"] for each in ended), ended
    starts = [each["startedAt"] for each in ended]
    assert starts == sorted(set(starts))
