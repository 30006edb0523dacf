"""API servers that hang or restart, for real: their processes are stopped, gone on with, and killed."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from adapters._pb.tiphys.live.v1 import live_pb2 as pb
from adapters.clock import SystemClock
from adapters.kube.credentials import cluster_from_kubeconfig
from adapters.store.clusters import secret_of
from app_controller.live_service import LiveService
from gitops.model.repository import Cluster
from tests.fixtures.control_plane import ControlPlane, Freezable
from tests.fixtures.services import GitRepo
from tests.integration.controller.controller_world import Raw, World, config_map, eventually, opened_world, yaml
from tests.integration.repo.serving import ServerProcess

REFRESH = "argocd.argoproj.io/refresh"
WITHIN = 15.0
_numbers = count(1)


async def registered(world: World, plane: ControlPlane, name: str = "prod") -> None:
    """The other control plane as a cluster of this world, with a namespace for it."""
    known = cluster_from_kubeconfig(plane.kubeconfig)
    secret = secret_of(Cluster(server_of(plane), name, known.credentials), world.namespace)
    await world.kubectl("create", "-f", "-", stdin=json.dumps(secret, default=str))
    await asyncio.to_thread(plane.kubectl, "create", "namespace", world.namespace)


async def connection(world: World, name: str) -> Raw:
    running = world.running
    service = LiveService(
        running.store, running.controller.clusters, running.controller.views, running.controller.revisions
    )
    answer = await service.ListClusterStates(pb.ListClusterStatesRequest(), None)
    return next(dict(each["connectionState"]) for each in json.loads(answer.states) if each["name"] == name)


async def wait_connection(world: World, name: str, status: str, *, within: float = WITHIN) -> Raw:
    async def look() -> Raw | None:
        found = await connection(world, name)
        return found if found["status"] == status else None

    return await eventually(look, f"cluster {name} is {status}", within=within)


async def test_a_frozen_cluster_is_told_by_its_applications_and_nothing_else_changes(
    world: World, freezable: Freezable
) -> None:
    world.commit(
        {"app/all.yaml": yaml(config_map("a"), config_map("b")), "near/all.yaml": yaml(config_map("n", c="1"))}
    )
    await registered(world, freezable.plane)
    healing = {"prune": True, "selfHeal": True}
    far = await world.add_app("far", automated=healing, destination={"name": "prod", "namespace": world.namespace})
    near = await world.add_app("near", path="near", automated={"selfHeal": True})
    await world.wait_sync(far, "Synced")
    await world.wait_sync(near, "Synced")
    assert (await connection(world, "prod"))["status"] == "Successful"
    before = await world.status(far)
    freezable.freeze()
    frozen = SystemClock().now()
    begun = time.monotonic()
    await asyncio.sleep(2)
    # Who asks to look again is not told what was seen before.
    await world.patch_app(far, {"metadata": {"annotations": {REFRESH: "hard"}}})
    message = await world.wait_condition(far, "ComparisonError", "does not answer since", within=WITHIN)
    assert time.monotonic() - begun < WITHIN
    status = await world.status(far)
    assert (status["sync"]["status"], status["health"]["status"]) == ("Unknown", "Unknown")
    assert status["resources"] == before["resources"]
    since = datetime.fromisoformat(message.partition("since ")[2].partition(",")[0])
    assert timedelta(seconds=-2) < since - frozen < timedelta(seconds=10)
    told = await wait_connection(world, "prod", "Failed")
    assert "does not answer since" in told["message"]
    # Git drops an object meanwhile: nothing is begun, let alone pruned.
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    await world.kubectl("patch", "configmap", "n", "-p", '{"data": {"c": "drifted"}}')

    async def healed() -> bool:
        return await world.data("n") == {"c": "1"}

    await eventually(healed, "the other cluster's drift is healed", within=5)
    await world.patch_app(far, {"metadata": {"annotations": {REFRESH: "hard"}}})
    await asyncio.sleep(4)
    app = await world.app(far)
    assert app["status"]["sync"]["status"] == "Unknown"
    assert "operation" not in app
    assert app["status"]["operationState"] == before["operationState"]
    freezable.thaw()
    await world.wait_sync(far, "Synced")
    await wait_connection(world, "prod", "Successful")
    left = json.loads(await asyncio.to_thread(far_maps, freezable.plane, world.namespace))["items"]
    assert {each["metadata"]["name"] for each in left} >= {"a"}


def far_maps(plane: ControlPlane, namespace: str) -> str:
    return plane.kubectl("-n", namespace, "get", "configmaps", "-o", "json")


async def test_an_api_server_that_restarts_within_the_grace_is_no_news(world: World, freezable: Freezable) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    await registered(world, freezable.plane)
    app = await world.add_app(automated={}, destination={"name": "prod", "namespace": world.namespace})
    await world.wait_sync(app, "Synced")
    seen: set[str] = set()
    live = world.controller.clusters.opened(server_of(freezable.plane))
    assert live is not None
    freezable.freeze()

    async def noticed() -> bool:
        return live.reachability.error is not None

    await eventually(noticed, "the silence is noticed", within=8, every=0.02)
    await world.patch_app(app, {"metadata": {"annotations": {REFRESH: "hard"}}})
    freezable.thaw()

    async def over() -> bool:
        found = await world.app(app)
        seen.add(found["status"]["sync"]["status"])
        return REFRESH not in (found["metadata"].get("annotations") or {})

    await eventually(over, "the refresh is over", within=20)
    assert seen == {"Synced"}


def server_of(plane: ControlPlane) -> str:
    known = cluster_from_kubeconfig(plane.kubeconfig)
    return known.credentials.address or known.server


async def test_a_killed_api_server_is_told_and_its_return_too(world: World, freezable: Freezable) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    await registered(world, freezable.plane)
    app = await world.add_app(automated={}, destination={"name": "prod", "namespace": world.namespace})
    await world.wait_sync(app, "Synced")
    start: Callable[[], None] = freezable.kill()
    await world.wait_condition(app, "ComparisonError", "does not answer since", within=WITHIN)
    start()
    await world.wait_sync(app, "Synced", within=60)


async def test_every_registered_cluster_says_how_it_is_also_the_ones_that_nothing_is_delivered_to(
    world: World, freezable: Freezable
) -> None:
    await registered(world, freezable.plane)
    await wait_connection(world, "in-cluster", "Successful")
    await wait_connection(world, "prod", "Successful")
    freezable.freeze()
    told = await wait_connection(world, "prod", "Failed", within=20)
    assert "does not answer since" in told["message"]
    freezable.thaw()
    await wait_connection(world, "prod", "Successful", within=20)


async def test_events_that_are_refused_stop_nothing(world: World) -> None:
    """By admission, as a webhook of a policy engine does."""
    name = f"no-events-{world.namespace}"
    match = {
        "resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["events"]}
        ],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}},
    }
    policy: Raw = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"matchConstraints": match, "validations": [{"expression": "false", "message": "no events here"}]},
    }
    binding: Raw = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    await world.kubectl("create", "-f", "-", stdin=yaml(policy, binding))
    try:

        async def refused() -> bool:
            event: Any = {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"generateName": "probe-"},
                "involvedObject": {"namespace": world.namespace},
                "reason": "Probe",
                "type": "Normal",
            }
            await world.kubectl("create", "-f", "-", stdin=json.dumps(event), check=False)
            listed = json.loads(await world.kubectl("get", "events", "-o", "json"))["items"]
            await world.kubectl("delete", "events", "--all", check=False)
            return not listed

        await eventually(refused, "events are refused")
        world.commit({"app/all.yaml": yaml(config_map("a", n="1"))})
        app = await world.add_app(automated={})
        await world.wait_sync(app, "Synced")
        revision = world.commit({"app/all.yaml": yaml(config_map("a", n="2"))})
        await world.wait_sync(app, "Synced", revision=revision)
        assert not world.running.task.done()
    finally:
        await world.kubectl("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", name)


@pytest.fixture
async def frozen_home(
    freezable: Freezable, repo_process: ServerProcess, tls: Path, git_repo: Callable[..., GitRepo]
) -> AsyncIterator[World]:
    """A world whose management cluster, which it delivers to as well, can be stopped."""
    namespace = f"home-{os.getpid()}-{next(_numbers)}"
    freezable.plane.kubectl("create", "namespace", namespace)
    async with opened_world(freezable.plane, namespace, repo_process.address, tls, git_repo("home")) as made:
        await made.start(poll_interval=timedelta(hours=1))
        yield made


async def test_a_management_cluster_that_is_away_ends_nothing_and_all_goes_on_when_it_is_back(
    frozen_home: World, freezable: Freezable
) -> None:
    world = frozen_home
    world.commit({"app/all.yaml": yaml(config_map("a", n="1"))})
    app = await world.add_app(automated={})
    await world.wait_sync(app, "Synced")
    revision = world.commit({"app/all.yaml": yaml(config_map("a", n="2"))})
    start = freezable.kill()
    # Events, states and results are to be written, and cannot be.
    assert world.controller.revisions.announce(world.git.url)
    told = world.running.store.applications.get(world.known(app))
    assert told is not None
    for number in range(3):
        world.controller._announcer.tell(told, "OperationStarted", f"number {number}")
    await asyncio.sleep(8)  # long enough for visits to come further and further apart
    assert not world.running.task.done()
    start()
    await world.wait_sync(app, "Synced", revision=revision, within=60)
    assert await world.data("a") == {"n": "2"}
    assert not world.running.task.done()


async def test_a_management_cluster_that_hangs_is_noticed_and_ends_nothing(
    frozen_home: World, freezable: Freezable
) -> None:
    world = frozen_home
    world.commit({"app/all.yaml": yaml(config_map("a", n="1"))})
    app = await world.add_app(automated={})
    await world.wait_sync(app, "Synced")
    revision = world.commit({"app/all.yaml": yaml(config_map("a", n="2"))})
    freezable.freeze()
    assert world.controller.revisions.announce(world.git.url)

    async def stale() -> bool:
        return all(each.error is not None for each in world.running.store.mirrors)

    await eventually(stale, "every view of our records says that it may be old", within=WITHIN)
    assert (await connection(world, "in-cluster"))["status"] == "Failed"
    freezable.thaw()
    await world.wait_sync(app, "Synced", revision=revision, within=40)
    assert not world.running.task.done()
