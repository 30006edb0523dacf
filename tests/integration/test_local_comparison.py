"""The promise of the local comparison, held against a real API server: "surely equal" is never wrong."""

import asyncio
import copy
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from adapters.kube import requests
from adapters.kube.client import KubeClient
from adapters.kube.credentials import cluster_from_kubeconfig
from gitops.diff.local import surely_equal
from gitops.diff.takeover import predict_takeover, taken_over
from gitops.diff.three_way import merge_patch, predict, three_way_patch
from gitops.diff.verdict import difference
from gitops.manifest.normalize import desired_for
from gitops.manifest.tracking import owner_of, stamp
from gitops.model.errors import ClusterRefused, GitOpsError
from gitops.model.resource import GroupKind, ResourceType, group_of, kind_of, name_of, version_of
from tests.fixtures.control_plane import ControlPlane
from tests.integration.comparison_objects import ALL, ROWS

pytestmark = pytest.mark.integration

Manifest = dict[str, Any]


ROUNDS = 25


class Cluster:
    """The API server as this test uses it: by manifest."""

    def __init__(self, client: KubeClient, namespace: str, types: dict[tuple[GroupKind, str], ResourceType]) -> None:
        self._client = client
        self.namespace = namespace
        self._types = types

    def desired(self, manifest: Manifest) -> Manifest:
        normal = desired_for([manifest], namespace=self.namespace, is_namespaced=lambda _: True).manifests[0]
        return dict(stamp(normal, "app", self.namespace))

    def _type(self, manifest: Manifest) -> ResourceType:
        return self._types[GroupKind(group_of(manifest), kind_of(manifest)), version_of(manifest)]

    async def apply(self, manifest: Manifest, *, dry_run: bool = False, manager: str = "argocd-controller") -> Manifest:
        return await self._client.apply(self._type(manifest), manifest, manager=manager, dry_run=dry_run)

    async def live(self, manifest: Manifest) -> Manifest:
        found = await self._client.get(self._type(manifest), self.namespace, name_of(manifest))
        assert found is not None
        return found

    async def prediction(self, desired: Manifest) -> tuple[Manifest, Manifest]:
        """The live object and what a dry run makes of it, with no controller having been in between."""
        for _ in range(50):
            live = await self.live(desired)
            predicted = await self.apply(desired, dry_run=True)
            if await self.live(desired) == live:
                return live, predicted
            await asyncio.sleep(0.1)
        raise AssertionError(f"{name_of(desired)} does not come to rest")

    async def create(self, manifest: Manifest) -> Manifest:
        return await self._client.create(self._type(manifest), manifest)

    async def patch(self, manifest: Manifest, patch: Any, kind: Any = "merge") -> Manifest:
        return await self._client.patch(self._type(manifest), self.namespace, name_of(manifest), patch, kind=kind)

    async def edit(self, manifest: Manifest, patch: Manifest) -> None:
        """What somebody does with `kubectl edit`."""
        request = requests.patch(self._type(manifest), self.namespace, name_of(manifest), patch, kind="merge")
        query = request.query.replace("fieldManager=argocd-controller", "fieldManager=kubectl-edit")
        assert query != request.query
        await self._client.transport.send(msgspec.structs.replace(request, query=query))


@pytest.fixture
async def cluster(control_plane: ControlPlane, fresh_namespace: str) -> AsyncIterator[Cluster]:
    async with KubeClient.for_cluster(cluster_from_kubeconfig(control_plane.kubeconfig)) as client:
        types = {(each.group_kind, each.version): each for each in await client.discover()}
        yield Cluster(client, fresh_namespace, types)


async def test_what_was_just_applied_is_equal_without_asking(cluster: Cluster) -> None:
    unsure = []
    for name, manifest in ALL.items():
        if name == "DoubledEnv":
            continue
        desired = cluster.desired(manifest)
        await cluster.apply(desired)
        live, predicted = await cluster.prediction(desired)
        assert not difference(live, predicted), name
        if not surely_equal(desired, live):
            unsure.append(name)
    # The API server completes a LimitRange within a list that is replaced as a whole: the dry run has to say it.
    assert unsure == ["LimitRange"]


async def test_what_server_side_apply_refuses_is_patched_and_then_equal(cluster: Cluster) -> None:
    desired = cluster.desired(ROWS["DoubledEnv"])
    await cluster.create({**desired, "spec": {**desired["spec"], "paused": True}})
    live = await cluster.live(desired)
    with pytest.raises(ClusterRefused, match="duplicate entries"):
        await cluster.apply(desired, dry_run=True)
    assert not surely_equal(desired, live)

    changed = copy.deepcopy(desired)
    changed["spec"]["replicas"] = 1
    changed["spec"]["template"]["spec"]["containers"][0]["env"][1]["value"] = "3"
    assert [each.path for each in difference(live, predict(changed, live)).changes] == [
        ".spec.replicas",
        ".spec.template.spec.containers[0].env[1].value",
    ]
    patch = three_way_patch(changed, live)
    assert patch is not None
    after = await cluster.patch(desired, patch)
    assert not difference(after, predict(changed, after))
    assert three_way_patch(changed, after) is None
    assert after["spec"]["paused"] is True

    del changed["metadata"]["labels"]["app"]
    gone = three_way_patch(changed, after)
    assert gone is not None
    assert gone["metadata"]["labels"]["app"] is None


async def test_fields_of_client_side_apply_are_taken_over_and_then_removed(
    cluster: Cluster, control_plane: ControlPlane
) -> None:
    manifest = cluster.desired({**ROWS["ConfigMap"], "data": {"kept": "1", "dropped": "2"}})
    control_plane.kubectl("-n", cluster.namespace, "apply", "-f", "-", stdin=json.dumps(manifest))
    desired = {**manifest, "data": {"kept": "1"}}
    live = await cluster.live(desired)
    assert not surely_equal(desired, live)
    answer = await cluster.apply(desired, dry_run=True)
    assert "dropped" in answer["data"]
    predicted = predict_takeover(desired, live, answer)
    assert [each.path for each in difference(live, predicted).changes] == [".data.dropped"]

    entries = taken_over(live)
    version = live["metadata"]["resourceVersion"]
    await cluster.patch(
        desired,
        [
            {"op": "replace", "path": "/metadata/managedFields", "value": entries},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        ],
        kind="json",
    )
    after = await cluster.apply(desired)
    assert not difference(after, predicted)
    assert surely_equal(desired, await cluster.live(desired))
    assert owner_of(after) == "app"


@pytest.mark.parametrize("name", [name for name in ALL if name != "DoubledEnv"])
async def test_equal_without_asking_is_never_wrong(cluster: Cluster, name: str) -> None:
    """Random edits on both sides: whenever the local answer is True, the dry run changes nothing."""
    chance = random.Random(name)
    original = cluster.desired(ALL[name])
    await cluster.apply(original)
    for _ in range(ROUNDS):
        if chance.random() < 0.4:
            await _disturb(cluster, original, chance)
        live = await cluster.live(original)
        desired = _edited(original, chance) if chance.random() < 0.8 else original
        verdict = surely_equal(desired, live)
        try:
            predicted = await cluster.apply(desired, dry_run=True)
        except GitOpsError:
            assert not verdict, desired
            continue
        if await cluster.live(original) != live:
            continue  # a controller was faster
        if verdict:
            assert not difference(live, predicted), (desired, difference(live, predicted))


async def _disturb(cluster: Cluster, desired: Manifest, chance: random.Random) -> None:
    """Somebody else changes the live object, or somebody else applies a part of it, or we heal it."""
    live = await cluster.live(desired)
    stripped = {key: value for key, value in live.items() if key != "status"}
    kind = chance.choice(["edit", "edit", "co-own", "heal"])
    try:
        if kind == "edit":
            edited = _edited(stripped, chance)
            await cluster.edit(desired, merge_patch(stripped, edited))
        elif kind == "co-own":
            await cluster.apply(_edited(desired, chance), manager="somebody-else")
        else:
            await cluster.apply(desired)
    except GitOpsError:
        return


def _edited(manifest: Manifest, chance: random.Random) -> Manifest:
    """A copy with one to three random changes below spec, data, metadata and the like."""
    edited = copy.deepcopy(manifest)
    for _ in range(chance.randint(1, 3)):
        if places := list(_places(edited, ())):
            container, step = chance.choice(places)
            _change(container, step, chance)
    return edited


_UNTOUCHED = {"apiVersion", "kind", "name", "namespace", "managedFields", "resourceVersion", "uid", "generation"}


def _places(value: Any, path: tuple[Any, ...]) -> Any:
    if isinstance(value, dict):
        for key, item in value.items():
            if len(path) <= 1 and key in _UNTOUCHED:
                continue
            yield value, key
            yield from _places(item, (*path, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield value, position
            yield from _places(item, (*path, position))


def _change(container: Any, step: Any, chance: random.Random) -> None:
    value = container[step]
    choice = chance.random()
    if choice < 0.25:
        del container[step]
    elif isinstance(value, bool):
        container[step] = not value
    elif isinstance(value, int):
        container[step] = chance.choice([value + 1, str(value), 0])
    elif isinstance(value, str):
        container[step] = chance.choice([value + "x", "", value, "TCP", "1000m"])
    elif isinstance(value, list):
        container[step] = chance.choice([[], list(reversed(value)), value + value[:1], value])
    elif isinstance(value, dict):
        extra = chance.choice(["extra", "protocol", "labels", "value", "args"])
        container[step] = chance.choice([{}, {**value, extra: "TCP"}, {**value, extra: []}])
