"""Trouble stays where it is: clusters, repositories, objects and Applications that do not play along."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adapters.kube.credentials import cluster_from_kubeconfig
from tests.integration.controller.controller_world import Raw, World, a_job, config_map, eventually, yaml
from tests.integration.controller.faults import Network

REFRESH = "argocd.argoproj.io/refresh"


@asynccontextmanager
async def another_cluster(world: World, name: str = "far") -> AsyncIterator[Network]:
    """The same cluster by another way, registered under another name."""
    network = Network(cluster_from_kubeconfig(world.plane.kubeconfig))
    await network.start()
    await world.kubectl(
        "create", "-f", "-", stdin=json.dumps(network.registration(world.namespace, name=name), default=str)
    )
    try:
        yield network
    finally:
        network.heal()
        await network.cut()


async def test_drift_goes_back_at_once_several_times(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a", colour="red"))})
    app = await world.add_app(automated={"selfHeal": True})
    await world.wait_sync(app, "Synced")
    for number in range(3):
        await world.kubectl("patch", "configmap", "a", "-p", json.dumps({"data": {"colour": f"other {number}"}}))
        begun = time.monotonic()

        async def is_back() -> bool:
            return await world.data("a") == {"colour": "red"}

        await eventually(is_back, "the drift is healed", within=5)
        assert time.monotonic() - begun < 3
        await world.wait_sync(app, "Synced")
    state = (await world.status(app))["operationState"]
    assert state["operation"]["sync"]["autoHealAttemptsCount"] == 3


async def test_a_cluster_that_goes_silent_is_unknown_and_others_do_not_notice(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a")), "near/all.yaml": yaml(config_map("b", colour="red"))})
    async with another_cluster(world) as network:
        destination = {"name": "far", "namespace": world.namespace}
        far = await world.add_app("far", automated={}, destination=destination)
        near = await world.add_app("near", path="near", automated={"selfHeal": True})
        await world.wait_sync(far, "Synced")
        await world.wait_sync(near, "Synced")
        network.swallow()
        assert "does not answer" in await world.wait_condition(far, "ComparisonError", within=40)
        status = await world.status(far)
        assert (status["sync"]["status"], status["health"]["status"]) == ("Unknown", "Unknown")
        await world.kubectl("patch", "configmap", "b", "-p", '{"data": {"colour": "blue"}}')

        async def healed() -> bool:
            return await world.data("b") == {"colour": "red"}

        await eventually(healed, "the other application is healed", within=5)
        # A termination is heard, though every visit to the cluster hangs.
        await world.sync(far)

        await world.terminate(far)
        asked = time.monotonic()
        await world.operation_ended(far, within=15)
        assert time.monotonic() - asked < 7
        network.heal()
        await world.wait_sync(far, "Synced", within=40)


async def test_an_operation_goes_on_when_the_clusters_credentials_are_rotated(world: World) -> None:
    hook = a_job("wait", hook="Sync")
    hook["spec"]["suspend"] = True
    world.commit({"app/all.yaml": yaml(hook, config_map("a"))})
    async with another_cluster(world) as network:
        app = await world.add_app(destination={"name": "far", "namespace": world.namespace})
        await world.sync(app)

        async def waits() -> bool:
            return "completion of hook" in (await world.status(app))["operationState"]["message"]

        await eventually(waits, "the hook runs")
        before = world.controller.clusters.opened(network.server)
        rotated = network.registration(world.namespace, name="far", server_name="kubernetes")
        await world.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(rotated))

        async def reopened() -> bool:
            found = world.controller.clusters.opened(network.server)
            return found is not None and found is not before

        await eventually(reopened, "the cluster is opened anew")
        await world.kubectl("patch", "job", "wait", "-p", '{"spec": {"suspend": false}}')
        state = await world.operation_ended(app, within=40)
        assert state["phase"] == "Succeeded", state


async def test_a_label_on_a_cluster_opens_nothing_anew(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    async with another_cluster(world) as network:
        app = await world.add_app(automated={}, destination={"name": "far", "namespace": world.namespace})
        await world.wait_sync(app, "Synced")
        before = world.controller.clusters.opened(network.server)
        name = network.registration(world.namespace, name="far")["metadata"]["name"]
        await world.kubectl("label", "secret", name, "tier=test")

        async def seen() -> bool:
            found = world.controller.clusters.opened(network.server)
            return found is before and found is not None and found.cluster.labels.get("tier") == "test"

        await eventually(seen, "the label is known")


async def test_a_kind_that_cannot_be_listed_concerns_only_who_uses_it(world: World) -> None:
    job = a_job("of-batch")
    world.commit({"app/all.yaml": yaml(config_map("a")), "batch/all.yaml": yaml(job)})
    user = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "limited"}}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": world.namespace},
        "rules": [
            {"apiGroups": [""], "resources": ["*"], "verbs": ["*"]},
            {"nonResourceURLs": ["*"], "verbs": ["get"]},
        ],
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": world.namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": world.namespace},
        "subjects": [{"kind": "ServiceAccount", "name": "limited", "namespace": world.namespace}],
    }
    await world.kubectl("create", "-f", "-", stdin=yaml(user, role, binding))
    token = (await world.kubectl("create", "token", "limited")).strip()
    network = Network(cluster_from_kubeconfig(world.plane.kubeconfig))
    await network.start()
    secret = network.registration(
        world.namespace, name="limited", bearer_token=token, cert_data=b"", key_data=b"", username="", password=""
    )
    await world.kubectl("create", "-f", "-", stdin=json.dumps(secret))
    destination = {"name": "limited", "namespace": world.namespace}
    try:
        good = await world.add_app("good", automated={}, destination=destination)
        bad = await world.add_app("bad", path="batch", automated={}, destination=destination)
        await world.wait_sync(good, "Synced")
        assert "jobs.batch is forbidden" in await world.wait_condition(bad, "ComparisonError")
        assert (await world.status(bad))["sync"]["status"] == "Unknown"
    finally:
        await network.cut()
        await world.kubectl("delete", "clusterrole,clusterrolebinding", world.namespace)


async def test_repositories_that_hang_do_not_keep_other_applications_waiting(world: World) -> None:
    await world.stop()
    release = asyncio.Event()

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    await world.start(workers=2)
    for number in range(4):
        source = {"repoURL": f"http://127.0.0.1:{port}/{number}.git", "path": "app", "targetRevision": "main"}
        await world.add_app(f"hanging-{number}", source=source)
    await asyncio.sleep(0.5)
    good = await world.add_app("good", automated={})
    await world.wait_sync(good, "Synced", within=12)
    await world.stop()
    release.set()
    server.close()


@pytest.mark.parametrize("depth", ["normal", "hard"])
async def test_a_refresh_is_over_also_when_it_fails(world: World, depth: str) -> None:
    app = await world.add_app(path="not-there")
    await world.wait_condition(app, "ComparisonError", "not-there")
    before = (await world.status(app))["reconciledAt"]
    await asyncio.sleep(1.1)
    await world.patch_app(app, {"metadata": {"annotations": {REFRESH: depth}}})

    async def over() -> bool:
        found = await world.app(app)
        assert REFRESH not in (found["metadata"].get("annotations") or {})
        return bool(found["status"]["reconciledAt"] > before)

    await eventually(over, "the refresh is over")


async def test_children_that_copied_a_label_are_no_objects_of_git(world: World) -> None:
    settings = config_map("argocd-cm")
    settings["data"] = {"application.resourceTrackingMethod": "label"}
    settings["metadata"]["labels"] = {"app.kubernetes.io/part-of": "argocd"}
    await world.kubectl("create", "-f", "-", stdin=yaml(settings))
    app = world.app_name()
    labels = {"app.kubernetes.io/instance": app}
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "main", "image": "registry.local/web:1"}]},
        },
    }
    chart = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    world.commit({"app/all.yaml": yaml(chart)})
    await world.add_app(automated={"prune": True, "selfHeal": True})
    await world.wait_sync(app, "Synced")

    async def has_pod() -> str:
        return await world.kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.uid}")

    pod = await eventually(has_pod, "there is a pod")
    await world.patch_app(app, {"metadata": {"annotations": {REFRESH: "normal"}}})
    await asyncio.sleep(1)
    status = await world.wait_sync(app, "Synced")
    assert [each["kind"] for each in status["resources"]] == ["Deployment"]
    assert await has_pod() == pod


async def test_a_status_that_was_about_another_source_is_not_left_behind(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a")), "more/all.yaml": yaml(config_map("b"))})
    app = await world.add_app()
    first = await world.wait_sync(app, "OutOfSync")
    assert first["sourceType"] == "Directory"
    sources: list[Raw] = [
        {"repoURL": world.git.url, "path": each, "targetRevision": "main"} for each in ("app", "more")
    ]
    await world.patch_app(app, {"spec": {"source": None, "sources": sources}})

    async def told() -> Any:
        status = await world.status(app)
        return status if len(status["sync"].get("revisions", ())) == 2 else None

    status = await eventually(told, "both sources are compared")
    assert "revision" not in status["sync"]
    assert "sourceType" not in status
    assert status["sourceTypes"] == ["Directory", "Directory"]
    assert "source" not in status["sync"]["comparedTo"]
