"""Our records in a real cluster: read-your-writes, one operation at a time, other people's changes."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from adapters.clock import SystemClock
from adapters.kube.client import KubeClient
from adapters.kube.credentials import cluster_from_kubeconfig
from adapters.store.feed import ADDED, DELETED, Changed, Feed
from adapters.store.store import Store
from gitops.model.application import AppName
from gitops.model.errors import Conflict, InvalidSpec, NotFound
from gitops.model.operation import Operation, SyncOperation
from gitops.model.repository import IN_CLUSTER_SERVER, Cluster, ClusterCredentials
from tests.fixtures.control_plane import ControlPlane

pytestmark = pytest.mark.integration


def an_application(name: str = "around-api-dev", **spec: Any) -> dict[str, Any]:
    source = {"repoURL": "https://git.example.com/team/services.git", "path": "around-api", "targetRevision": "main"}
    destination = {"server": IN_CLUSTER_SERVER, "namespace": "dev"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name},
        "spec": {"project": "default", "source": source, "destination": destination, **spec},
    }


@pytest.fixture
async def client(control_plane: ControlPlane) -> AsyncIterator[KubeClient]:
    async with KubeClient.for_cluster(cluster_from_kubeconfig(control_plane.kubeconfig)) as client:
        yield client


@pytest.fixture
async def store(client: KubeClient, fresh_namespace: str) -> AsyncIterator[Store]:
    async with Store.open(client, fresh_namespace, SystemClock()) as store:
        yield store


async def next_change(feed: Feed) -> Changed:
    async with asyncio.timeout(10):
        change = await anext(feed)
    assert isinstance(change, Changed)
    return change


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)


async def test_what_was_written_is_read_at_once(store: Store) -> None:
    name = AppName(store.namespace, "around-api-dev")
    created = await store.applications.create(an_application())
    app = store.applications.get(name)
    assert app is not None
    assert app.metadata.uid == created["metadata"]["uid"]
    await store.applications.write_status(name, {"sync": {"status": "OutOfSync", "comparedTo": {"destination": {}}}})
    app = store.applications.get(name)
    assert app is not None
    assert app.status.sync.status == "OutOfSync"
    encoded = store.applications.encoded(name)
    assert encoded is not None
    assert orjson.loads(encoded) == store.applications.raw(name)
    assert b"managedFields" not in encoded
    assert int(store.applications.resource_version) >= int(app.metadata.resource_version)


async def test_a_change_is_told_once_whoever_made_it(store: Store, control_plane: ControlPlane) -> None:
    name = AppName(store.namespace, "around-api-dev")
    with store.applications.changes() as feed:
        await store.applications.create(an_application())
        assert (await next_change(feed)).kind == ADDED
        control_plane.kubectl(
            "-n", store.namespace, "annotate", "application", name.name, "argocd.argoproj.io/refresh=hard"
        )
        change = await next_change(feed)
        assert change.raw["metadata"]["annotations"] == {"argocd.argoproj.io/refresh": "hard"}
        await store.applications.remove_annotations(name, "argocd.argoproj.io/refresh")
        assert not (await next_change(feed)).raw["metadata"].get("annotations")
        await store.applications.delete(name)
        gone = await next_change(feed)
        assert (gone.kind, gone.name) == (DELETED, name)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await anext(feed)
    assert store.applications.get(name) is None


async def test_of_two_operations_only_one_is_started(store: Store, client: KubeClient) -> None:
    await store.applications.create(an_application())
    name = AppName(store.namespace, "around-api-dev")
    operation = Operation(sync=SyncOperation(revision="abc"))
    async with Store.open(client, store.namespace, SystemClock()) as other:
        outcomes: list[str] = []

        async def start(by: Store) -> None:
            try:
                await by.applications.start_operation(name, operation)
                outcomes.append("started")
            except Conflict:
                outcomes.append("refused")

        async with asyncio.TaskGroup() as tasks:
            for by in (store, other, store, other):
                tasks.create_task(start(by))
    assert sorted(outcomes) == ["refused", "refused", "refused", "started"]
    app = store.applications.get(name)
    assert app is not None
    assert app.operation is not None
    assert app.operation.sync == SyncOperation(revision="abc")


async def test_an_operation_starts_although_the_status_has_moved_on(store: Store, control_plane: ControlPlane) -> None:
    name = AppName(store.namespace, "around-api-dev")
    created = await store.applications.create(an_application())
    # The mirror is made to lag: it holds the version of the creation only.
    await store.client.patch(store.applications.type, name.namespace, name.name, {"status": {"sourceType": "Helm"}})
    assert store.applications.raw(name) is not None
    await store.applications.start_operation(name, {"sync": {"revision": "abc"}})
    raw = store.applications.raw(name)
    assert raw is not None
    assert raw["operation"] == {"sync": {"revision": "abc"}}
    assert raw["status"]["sourceType"] == "Helm"
    assert raw["metadata"]["uid"] == created["metadata"]["uid"]


async def test_a_patch_over_an_old_version_is_a_conflict(store: Store) -> None:
    created = await store.applications.create(an_application())
    name = AppName(store.namespace, "around-api-dev")
    await store.applications.patch(name, {"spec": {"project": "dev"}})
    with pytest.raises(Conflict):
        await store.applications.patch(
            name, {"spec": {"project": "prod"}}, resource_version=created["metadata"]["resourceVersion"]
        )
    with pytest.raises(NotFound):
        await store.applications.start_operation(AppName(store.namespace, "absent"), Operation())


async def test_a_malformed_application_is_told_by_field_and_hides_no_other(store: Store) -> None:
    await store.applications.create(an_application("fine"))
    broken = an_application("broken", syncPolicy={"retry": {"limit": 3, "backoff": {"factor": 2}}})
    broken["status"] = {"history": [{"id": 0, "revision": "x", "deployedAt": "2026-01-01T00:00:00Z"}]}
    await store.applications.create(broken)
    raw = store.applications.raw(AppName(store.namespace, "broken"))
    assert raw is not None
    assert [app.metadata.name for app in store.applications.all()] == ["broken", "fine"]
    # What the schema lets through and we cannot read is taken in as it came from an older or newer writer.
    odd = json.loads(json.dumps(raw))
    odd["metadata"]["resourceVersion"] = str(int(odd["metadata"]["resourceVersion"]) + 1)
    odd["spec"]["source"]["helm"] = {"valueFiles": "values.yaml"}
    store.applications._record(odd)
    with pytest.raises(InvalidSpec, match=r"Application `broken`: .*\$\.spec\.source\.helm\.valueFiles"):
        store.applications.get(AppName(store.namespace, "broken"))
    assert [app.metadata.name for app in store.applications.all()] == ["fine"]
    assert list(store.applications.unreadable()) == [AppName(store.namespace, "broken")]


async def test_a_registered_cluster_is_found_by_server_and_by_name(store: Store, client: KubeClient) -> None:
    assert [cluster.server for cluster in store.clusters.all()] == [IN_CLUSTER_SERVER]
    home = store.clusters.find(name="in-cluster")
    async with KubeClient.for_cluster(home) as again:
        assert await again.version() == await client.version()
    credentials = ClusterCredentials(bearer_token="s3cret", ca_data=b"-----BEGIN CERTIFICATE-----")
    dev = Cluster("https://127.0.0.1:6444", "dev", credentials, labels={"env": "dev"})
    await store.clusters.put(dev)
    found = store.clusters.find(server="https://127.0.0.1:6444/")
    assert (found.name, found.credentials) == ("dev", credentials)
    assert found.labels["env"] == "dev"
    assert "s3cret" not in repr(found)
    await store.clusters.put(Cluster("https://127.0.0.1:6444", "development", credentials))
    assert store.clusters.by_name("dev") is None
    assert store.clusters.find(name="development").credentials == credentials
    await store.clusters.delete("https://127.0.0.1:6444")
    await until(lambda: store.clusters.get("https://127.0.0.1:6444") is None)


async def test_a_broken_cluster_secret_is_told_and_hides_no_other(store: Store, control_plane: ControlPlane) -> None:
    label = {"argocd.argoproj.io/secret-type": "cluster"}
    for name, config in (("bad", "{not json"), ("good", "{}")):
        data = {"server": f"https://{name}.example.com", "name": name, "config": config}
        metadata = {"name": f"cluster-{name}", "namespace": store.namespace, "labels": label}
        control_plane.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
    await until(lambda: store.clusters.get("https://good.example.com") and store.clusters.unreadable())
    assert "is not JSON" in str(store.clusters.unreadable()["cluster-bad"])


async def test_settings_follow_their_sources_and_keep_the_last_good_value(
    store: Store, control_plane: ControlPlane
) -> None:
    def configure(name: str, **data: str) -> None:
        metadata = {"name": name, "namespace": store.namespace}
        control_plane.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": metadata,
                "data": {k.replace("__", "."): v for k, v in data.items()},
            }
        )

    before = store.settings()
    assert before.tracking_method == "annotation"
    with store.settings.changes() as feed:
        configure("argocd-cm", application__resourceTrackingMethod="label", url="https://tiphys.example.com")
        await next_change(feed)
    good = store.settings()
    assert (good.tracking_method, good.url) == ("label", "https://tiphys.example.com")
    assert good.digest != before.digest
    configure("argocd-cm", application__resourceTrackingMethod="magic", url="https://other.example.com")
    await until(lambda: store.settings().url == "https://other.example.com")
    assert store.settings().tracking_method == "label"
    assert "resourceTrackingMethod" in store.settings().problems[0]
    configure("argocd-rbac-cm", policy__csv="g, ann, role:admin", policy__default="role:readonly")
    await until(lambda: store.settings().rbac.default_role == "role:readonly")
    assert store.settings() is store.settings(), "nothing changed, so nothing is parsed again"


async def test_accounts_come_from_config_and_secret(store: Store, control_plane: ControlPlane) -> None:
    secret = {"admin.password": "$2b$10$hash", "server.secretkey": "key", "webhook.github.secret": "hook"}
    metadata = {"name": "argocd-secret", "namespace": store.namespace}
    control_plane.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": secret})
    await until(lambda: store.settings().server_secret_key == "key")
    await store.settings.patch_secret({"admin.password": "$2b$10$other", "webhook.github.secret": None})
    settings = store.settings()
    assert settings.accounts["admin"].password_hash == "$2b$10$other"
    assert settings.webhook_secrets == {}
    assert "other" not in repr(settings.accounts["admin"])
    assert "key" not in repr(settings)


async def test_a_repository_gets_the_credentials_meant_for_it(store: Store, control_plane: ControlPlane) -> None:
    def register(name: str, kind: str, **data: str) -> None:
        labels = {"argocd.argoproj.io/secret-type": kind}
        metadata = {"name": name, "namespace": store.namespace, "labels": labels}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        control_plane.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded})

    register("creds-1", "repo-creds", url="https://git.example.com/team", username="team", password="p1")
    register("repo-1", "repository", url="https://git.example.com/team/services", type="git")
    await until(lambda: store.repositories.all() and store.repositories.templates())
    found = store.repositories.for_url("https://git.example.com/team/services.git")
    assert (found.credentials.username, found.credentials.password) == ("team", "p1")
    assert store.repositories.for_url("https://elsewhere.example.com/x").credentials.username == ""


async def test_an_event_is_shown_on_the_application(store: Store, control_plane: ControlPlane) -> None:
    await store.applications.create(an_application())
    app = store.applications.get(AppName(store.namespace, "around-api-dev"))
    assert app is not None
    await store.emit_event(app, "OperationStarted", "ann started a sync of " + "x" * 2000)
    told = json.loads(control_plane.kubectl("-n", store.namespace, "get", "events", "-o", "json"))["items"]
    assert [(event["reason"], event["involvedObject"]["uid"]) for event in told] == [
        ("OperationStarted", app.metadata.uid)
    ]


async def test_an_error_inside_the_block_comes_out_as_it_is(client: KubeClient, fresh_namespace: str) -> None:
    with pytest.raises(NotFound, match="mine"):
        async with Store.open(client, fresh_namespace, SystemClock()):
            raise NotFound("mine")
