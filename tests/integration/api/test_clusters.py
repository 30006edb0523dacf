"""Registering clusters by REST, as `tiphys cluster add` does."""

from typing import Any

import pytest

from adapters.store.clusters import Clusters
from tests.integration.api.api_world import World

PATH = "/api/v1/clusters"
SERVER = "https://k8s.example.com:6443"
ESCAPED = "https%3A%2F%2Fk8s.example.com%3A6443"


def a_cluster(**changes: Any) -> dict[str, Any]:
    config = {"bearerToken": "canary-0123456789", "tlsClientConfig": {"insecure": True}}
    return {"server": SERVER, "name": "far", "config": config, "namespaces": [], "connectionState": {}, **changes}


def token_of(clusters: Clusters) -> str:
    found = clusters.get(SERVER)
    assert found
    return found.credentials.bearer_token


async def test_a_cluster_is_registered_once_shown_without_credentials_and_forgotten(world: World) -> None:
    admin = await world.as_user("admin")
    made = await admin.post(PATH, json=a_cluster())
    assert made.status_code == 200, made.text
    assert "canary" not in made.text
    assert token_of(world.store.clusters) == "canary-0123456789"
    assert (await admin.post(PATH, json=a_cluster())).status_code == 200  # the same again
    assert len(world.store.clusters.all()) == 2
    other = a_cluster(name="near")
    assert (await admin.post(PATH, json=other)).status_code == 400
    assert (await admin.post(f"{PATH}?upsert=true", json=other)).json()["name"] == "near"
    assert (await admin.get(f"{PATH}/{ESCAPED}")).json()["name"] == "near"
    assert (await admin.delete(f"{PATH}/{ESCAPED}")).status_code == 200
    assert (await admin.delete(f"{PATH}/{ESCAPED}")).status_code in (200, 404)  # the watch may not have told yet


async def test_A49_a_right_on_one_clusters_project_is_none_on_anothers(world: World) -> None:
    admin = await world.as_user("admin")
    policy = "p, dan, clusters, *, dev/*, allow"
    await world.store.settings.patch_config({"policy.csv": policy}, name="argocd-rbac-cm")
    dan = await world.as_user("dan")
    assert (await admin.post(PATH, json=a_cluster(project="prod"))).status_code == 200
    taken = await dan.post(f"{PATH}?upsert=true", json=a_cluster(project="dev", name="mine"))
    assert taken.status_code == 403
    assert (await dan.post(PATH, json=a_cluster(project="prod"))).status_code == 403
    assert (await dan.get(f"{PATH}/{ESCAPED}")).status_code == 403
    assert (await dan.delete(f"{PATH}/{ESCAPED}")).status_code == 403
    own = a_cluster(server="https://dev.example.com", project="dev")
    assert (await dan.post(PATH, json=own)).status_code == 200


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"server": "k8s.example.com"}, "body server"),
        ({"server": "javascript:alert(1)"}, "body server"),
        ({"server": "https://u:p@k8s.example.com"}, "body server"),
        ({"server": ""}, "body server"),
        ({"config": {"execProviderConfig": {"command": "/bin/sh"}}}, "not allowed"),
        ({"config": {"bearerToken": "canary-0123456789", "tlsClientConfig": "x"}}, "body config"),
        ({"config": "canary-0123456789"}, "body config"),
    ],
)
async def test_a_registration_that_cannot_work_is_refused_without_quoting_credentials(
    world: World, change: dict[str, Any], told: str
) -> None:
    answer = await (await world.as_user("admin")).post(PATH, json=a_cluster(**change))
    assert answer.status_code == 400, answer.text
    assert told in answer.json()["message"]
    assert "canary" not in answer.text
    assert len(world.store.clusters.all()) == 1
