"""The Kubernetes client against a real API server."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.kube.client import KubeClient
from adapters.kube.credentials import cluster_from_kubeconfig
from adapters.kube.discovery import preferred
from gitops.model.errors import AlreadyExists, ClusterRefused, ClusterUnreachable, Conflict, KindNotServed, NotFound
from gitops.model.repository import Cluster, ClusterCredentials
from gitops.model.resource import GroupKind, ResourceType
from tests.fixtures.control_plane import ControlPlane

pytestmark = pytest.mark.integration

CONFIG_MAPS = ResourceType("", "v1", "ConfigMap", "configmaps", namespaced=True)
DEPLOYMENTS = ResourceType("apps", "v1", "Deployment", "deployments", namespaced=True)
SECRETS = ResourceType("", "v1", "Secret", "secrets", namespaced=True)


def config_map(namespace: str, name: str = "settings", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data or {"colour": "blue"},
    }


@pytest.fixture
async def client(control_plane: ControlPlane) -> AsyncIterator[KubeClient]:
    async with KubeClient.for_cluster(cluster_from_kubeconfig(control_plane.kubeconfig)) as client:
        yield client


async def test_the_version_is_the_servers_git_version(client: KubeClient) -> None:
    assert (await client.version()).startswith("v1.")


async def test_discovery_tells_kinds_with_scope_verbs_and_preference(client: KubeClient) -> None:
    kinds = preferred(await client.discover())
    assert kinds[GroupKind("apps", "Deployment")].plural == "deployments"
    assert kinds[GroupKind("apps", "Deployment")].namespaced
    assert not kinds[GroupKind("", "Namespace")].namespaced
    assert kinds[GroupKind("autoscaling", "HorizontalPodAutoscaler")].version == "v2"
    assert {"list", "watch", "patch"} <= kinds[GroupKind("argoproj.io", "Application")].verbs


async def test_a_group_whose_server_is_down_hides_no_other_group(
    client: KubeClient, control_plane: ControlPlane
) -> None:
    broken = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1.broken.example.com"},
        "spec": {
            "group": "broken.example.com",
            "version": "v1",
            "groupPriorityMinimum": 1000,
            "versionPriority": 10,
            "insecureSkipTLSVerify": True,
            "service": {"namespace": "default", "name": "nobody-there"},
        },
    }
    control_plane.apply(broken)
    try:
        kinds = preferred((found := await client.discovery()).types)
        assert GroupKind("apps", "Deployment") in kinds
        assert GroupKind("argoproj.io", "Application") in kinds
        assert not any(kind.group == "broken.example.com" for kind in kinds)
        assert all(stale.startswith("broken.example.com/") for stale in found.stale)
    finally:
        control_plane.kubectl("delete", "apiservice", "v1.broken.example.com")


async def test_apply_creates_then_changes_nothing_then_changes(client: KubeClient, fresh_namespace: str) -> None:
    first = await client.apply(CONFIG_MAPS, config_map(fresh_namespace))
    again = await client.apply(CONFIG_MAPS, config_map(fresh_namespace))
    changed = await client.apply(CONFIG_MAPS, config_map(fresh_namespace, colour="red"))
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert changed["metadata"]["resourceVersion"] != first["metadata"]["resourceVersion"]
    assert changed["metadata"]["managedFields"][0]["manager"] == "argocd-controller"
    assert changed["data"] == {"colour": "red"}


async def test_a_dry_run_answers_what_would_be_and_changes_nothing(client: KubeClient, fresh_namespace: str) -> None:
    await client.apply(CONFIG_MAPS, config_map(fresh_namespace))
    predicted = await client.apply(CONFIG_MAPS, config_map(fresh_namespace, colour="red"), dry_run=True)
    live = await client.get(CONFIG_MAPS, fresh_namespace, "settings")
    assert predicted["data"] == {"colour": "red"}
    assert live is not None
    assert live["data"] == {"colour": "blue"}


async def test_an_answer_of_metadata_only_leaves_the_data_out(client: KubeClient, fresh_namespace: str) -> None:
    answer = await client.apply(CONFIG_MAPS, config_map(fresh_namespace), metadata_only=True)
    assert answer["kind"] == "PartialObjectMetadata"
    assert "data" not in answer
    assert answer["metadata"]["uid"]


async def test_fields_of_others_are_taken_over_only_by_force(client: KubeClient, fresh_namespace: str) -> None:
    await client.apply(CONFIG_MAPS, config_map(fresh_namespace), manager="somebody-else")
    with pytest.raises(Conflict, match=r"somebody-else.*\.data\.colour"):
        await client.apply(CONFIG_MAPS, config_map(fresh_namespace, colour="red"), force=False)
    forced = await client.apply(CONFIG_MAPS, config_map(fresh_namespace, colour="red"))
    assert forced["data"] == {"colour": "red"}


async def test_a_field_that_the_kind_does_not_have_is_named(client: KubeClient, fresh_namespace: str) -> None:
    odd = {**config_map(fresh_namespace), "colour": "blue"}
    with pytest.raises(ClusterRefused, match=r"apply ConfigMap .*\.colour: field not declared"):
        await client.apply(CONFIG_MAPS, odd, field_validation="Strict")


async def test_an_invalid_object_is_refused_with_its_field_path(client: KubeClient, fresh_namespace: str) -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": fresh_namespace},
        "spec": {
            "replicas": -1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "nginx"}]},
            },
        },
    }
    with pytest.raises(ClusterRefused, match=r"apply Deployment .*/web: .*spec\.replicas") as refused:
        await client.apply(DEPLOYMENTS, deployment)
    assert (refused.value.status, refused.value.api_reason) == (422, "Invalid")


async def test_a_refused_secret_is_not_quoted(client: KubeClient, fresh_namespace: str) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": "pull", "namespace": fresh_namespace},
        "stringData": {".dockerconfigjson": "hunter2-is-no-json"},
    }
    with pytest.raises(ClusterRefused) as refused:
        await client.apply(SECRETS, secret)
    assert "hunter2" not in str(refused.value)
    assert "dockerconfigjson" in str(refused.value)
    broken = {**secret, "stringData": None, "data": {".dockerconfigjson": "hunter2 no base64"}}
    with pytest.raises(ClusterRefused) as refused:
        await client.apply(SECRETS, broken)
    assert "hunter2" not in str(refused.value)


async def test_a_missing_namespace_and_a_missing_kind_are_told_apart(client: KubeClient, fresh_namespace: str) -> None:
    with pytest.raises(NotFound, match="namespace `nowhere-at-all` does not exist"):
        await client.apply(CONFIG_MAPS, config_map("nowhere-at-all"))
    widgets = ResourceType("example.com", "v1", "Widget", "widgets", namespaced=True)
    with pytest.raises(KindNotServed, match="Widget"):
        await client.list(widgets, namespace=fresh_namespace)
    assert await client.get(CONFIG_MAPS, fresh_namespace, "absent") is None


async def test_create_twice_says_that_it_exists(client: KubeClient, fresh_namespace: str) -> None:
    await client.create(CONFIG_MAPS, config_map(fresh_namespace))
    with pytest.raises(AlreadyExists):
        await client.create(CONFIG_MAPS, config_map(fresh_namespace))


async def test_replace_over_an_old_version_is_a_conflict(client: KubeClient, fresh_namespace: str) -> None:
    old = await client.create(CONFIG_MAPS, config_map(fresh_namespace))
    await client.patch(CONFIG_MAPS, fresh_namespace, "settings", {"data": {"colour": "red"}})
    with pytest.raises(Conflict):
        await client.replace(CONFIG_MAPS, old)


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        pytest.param("merge", {"data": {"colour": None, "shape": "round"}}, id="merge"),
        pytest.param(
            "json",
            [{"op": "remove", "path": "/data/colour"}, {"op": "add", "path": "/data/shape", "value": "round"}],
            id="json",
        ),
        pytest.param("strategic", {"data": {"colour": None, "shape": "round"}}, id="strategic"),
    ],
)
async def test_the_three_kinds_of_patch(client: KubeClient, fresh_namespace: str, kind: Any, patch: Any) -> None:
    await client.create(CONFIG_MAPS, config_map(fresh_namespace))
    answer = await client.patch(CONFIG_MAPS, fresh_namespace, "settings", patch, kind=kind)
    assert answer["data"] == {"shape": "round"}


async def test_delete_with_another_uid_leaves_the_object_alone(client: KubeClient, fresh_namespace: str) -> None:
    live = await client.create(CONFIG_MAPS, config_map(fresh_namespace))
    with pytest.raises(Conflict):
        await client.delete(CONFIG_MAPS, fresh_namespace, "settings", uid="11111111-2222-3333-4444-555555555555")
    with pytest.raises(Conflict):
        await client.delete(CONFIG_MAPS, fresh_namespace, "settings", resource_version="1")
    await client.delete(CONFIG_MAPS, fresh_namespace, "settings", dry_run=True)
    assert await client.get(CONFIG_MAPS, fresh_namespace, "settings") is not None
    await client.delete(CONFIG_MAPS, fresh_namespace, "settings", uid=live["metadata"]["uid"], propagation="Background")
    assert await client.get(CONFIG_MAPS, fresh_namespace, "settings") is None


async def test_lists_are_paged_and_typed(client: KubeClient, fresh_namespace: str) -> None:
    for number in range(7):
        await client.create(CONFIG_MAPS, config_map(fresh_namespace, f"page-{number}"))
    items, version = await client.list(CONFIG_MAPS, namespace=fresh_namespace, limit=3)
    # kube-controller-manager puts a certificate authority of its own into every namespace, when it gets there
    ours = [item for item in items if item["metadata"]["name"].startswith("page-")]
    assert [item["metadata"]["name"] for item in ours] == [f"page-{number}" for number in range(7)]
    assert {(item["apiVersion"], item["kind"]) for item in items} == {("v1", "ConfigMap")}
    assert version.isdigit()
    slim, _ = await client.list(CONFIG_MAPS, namespace=fresh_namespace, metadata_only=True)
    assert all("data" not in item and item["kind"] == "ConfigMap" for item in slim)


async def test_a_name_cannot_lead_to_another_object(client: KubeClient, fresh_namespace: str) -> None:
    with pytest.raises(ClusterRefused, match="cannot be a name"):
        await client.delete(CONFIG_MAPS, fresh_namespace, "../../secrets/mine")


async def test_nobody_listening_is_unreachable_and_names_the_cluster() -> None:
    async with KubeClient.for_cluster(Cluster("http://127.0.0.1:9", "far")) as client:
        with pytest.raises(ClusterUnreachable, match=r"cluster `far`.*cannot be reached"):
            await client.version()


async def test_a_certificate_nobody_vouches_for_is_not_accepted(client: KubeClient) -> None:
    async with KubeClient.for_cluster(Cluster(client.cluster.server, "stranger")) as stranger:
        with pytest.raises(ClusterUnreachable, match="certificate that is not trusted"):
            await stranger.version()


async def test_a_wrong_token_is_refused_with_advice(client: KubeClient) -> None:
    credentials = ClusterCredentials(bearer_token="wrong", ca_data=client.cluster.credentials.ca_data)
    async with KubeClient.for_cluster(Cluster(client.cluster.server, "dev", credentials)) as outsider:
        with pytest.raises(ClusterRefused, match="register the cluster again") as refused:
            await outsider.list(CONFIG_MAPS, namespace="default")
    assert refused.value.status == 401
