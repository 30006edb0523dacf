"""Applications by REST: read, written, refused, watched."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.fixtures.services import GitRepo
from tests.integration.api.api_world import WEBHOOK_SECRET, World, an_application
from tests.integration.repo.serving import ServerProcess

PATH = "/api/v1/applications"


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)


async def test_what_is_created_is_listed_as_stored(world: World, a_repo: GitRepo) -> None:
    admin = await world.as_user("admin")
    made = await admin.post(PATH, json=an_application("web-dev", url=a_repo.url))
    assert made.status_code == 200, made.text
    listed = (await admin.get(PATH)).json()
    assert listed["items"] == [made.json()]
    assert int(listed["metadata"]["resourceVersion"]) >= int(made.json()["metadata"]["resourceVersion"])
    assert "managedFields" not in made.text
    assert (await admin.get(f"{PATH}/web-dev")).json() == made.json()


async def test_creating_the_same_again_is_fine_and_another_needs_upsert(world: World, a_repo: GitRepo) -> None:
    admin = await world.as_user("admin")
    app = an_application("web-dev", url=a_repo.url)
    first = await admin.post(PATH, json=app)
    again = await admin.post(PATH, json=app)
    assert again.json() == first.json()
    other = {**app, "spec": {**app["spec"], "syncPolicy": {"automated": {"prune": True}}}}
    refused = await admin.post(PATH, json=other)
    assert refused.status_code == 400
    assert "upsert" in refused.json()["message"]
    changed = await admin.post(f"{PATH}?upsert=true", json=other)
    assert changed.json()["spec"]["syncPolicy"] == {"automated": {"prune": True}}


async def test_A50_an_operation_or_status_cannot_be_slipped_in(world: World, a_repo: GitRepo) -> None:
    admin = await world.as_user("admin")
    app = an_application("web-dev", url=a_repo.url)
    app |= {"operation": {"sync": {"prune": True}}, "status": {"sync": {"status": "Synced"}}}
    made = (await admin.post(PATH, json=app)).json()
    assert "operation" not in made
    assert "status" not in made
    patch = json.dumps({"operation": {"sync": {}}, "metadata": {"labels": {"a": "b"}, "uid": "x", "name": "y"}})
    patched = (await admin.patch(f"{PATH}/web-dev", json={"patch": patch, "patchType": "merge"})).json()
    assert patched["metadata"]["labels"] == {"a": "b"}
    assert "operation" not in patched
    assert patched["metadata"]["uid"] == made["metadata"]["uid"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"project": "nowhere"}, "is not allowed in project"),
        ({"destination": {"server": "https://kubernetes.default.svc", "namespace": "kube-system"}}, "do not match any"),
        ({"destination": {"namespace": "dev"}}, "names no cluster"),
        ({"source": {"path": "app"}}, "repoURL is required"),
        ({"source": {"repoURL": "https://git.example.com/x.git"}}, "path or spec.source.chart is required"),
        ({"source": None}, "are required"),
        ({"destination": "dev"}, "destination"),
    ],
)
async def test_an_application_nobody_could_work_with_is_refused_with_the_reason(
    world: World, change: dict[str, Any], told: str
) -> None:
    admin = await world.as_user("admin")
    app = an_application("web-dev")
    answer = await admin.post(PATH, json={**app, "spec": {**app["spec"], **change}})
    assert answer.status_code == 400
    assert told in answer.json()["message"]
    assert world.store.applications.raw(world.name("web-dev")) is None


async def test_A52_a_cluster_one_may_not_use_answers_like_one_that_does_not_exist(world: World) -> None:
    dan = await world.as_user("dan")
    told = set()
    for server in ("https://kubernetes.default.svc", "https://guess.example"):
        destination = {"server": server, "namespace": "elsewhere"}
        answer = await dan.post(PATH, json=an_application("web-dev", destination=destination))
        told.add((answer.status_code, answer.json()["message"].replace(server, "SERVER")))
    assert len(told) == 1


@pytest.mark.parametrize(
    ("path", "revision", "told"),
    [("nowhere", "main", "nowhere"), ("broken", "main", "bad.yaml"), ("app", "no-branch", "no-branch")],
)
async def test_a_source_that_does_not_render_is_refused_unless_asked_not_to_look(
    world: World, a_repo: GitRepo, path: str, revision: str, told: str
) -> None:
    admin = await world.as_user("admin")
    source = {"repoURL": a_repo.url, "path": path, "targetRevision": revision}
    answer = await admin.post(PATH, json=an_application("web-dev", source=source))
    assert answer.status_code == 400
    assert told in answer.json()["message"]
    assert (await admin.post(f"{PATH}?validate=false", json=an_application("web-dev", source=source))).is_success


async def test_what_was_just_pushed_is_seen_though_nobody_announced_it(world: World, a_repo: GitRepo) -> None:
    admin = await world.as_user("admin")
    source = {"repoURL": a_repo.url, "path": "app", "targetRevision": "main"}
    assert (await admin.post(PATH, json=an_application("web-dev", source=source))).is_success
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: more\n"
    pushed = a_repo.commit({"more/all.yaml": manifest})
    answer = await admin.post(PATH, json=an_application("more-dev", source={**source, "path": "more"}))
    assert answer.is_success, answer.text
    assert (await admin.get(f"{PATH}/web-dev/manifests")).json()["revision"] == pushed


async def test_manifests_of_any_revision_with_secrets_masked(world: World, a_repo: GitRepo) -> None:
    first = a_repo.git("rev-parse", "HEAD").strip()
    await world.add_app("web-dev", url=a_repo.url)
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  colour: red\n"
    a_repo.commit({"app/config.yaml": manifest})
    admin = await world.as_user("admin")
    now = (await admin.get(f"{PATH}/web-dev/manifests?noCache=true")).json()
    then = (await admin.get(f"{PATH}/web-dev/manifests", params={"revision": first})).json()
    assert "red" in "".join(now["manifests"])
    assert "blue" in "".join(then["manifests"])
    assert now["skippedFiles"] == then["skippedFiles"] == []
    a_repo.commit({"app/values.yaml": "colour: red\n"})
    skipped = (await admin.get(f"{PATH}/web-dev/manifests?noCache=true")).json()["skippedFiles"]
    assert skipped == [{"path": "app/values.yaml", "reason": "holds no manifest"}]
    assert then["revision"] == first
    assert "hunter2hunter2" not in str(now)
    assert "aHVudGVyMmh1bnRlcjI" not in str(now)
    author = (await admin.get(f"{PATH}/web-dev/revisions/{first}/metadata")).json()
    assert author["message"]
    assert author["author"]


async def test_a_sync_is_put_on_record_once_and_can_be_stopped(world: World) -> None:
    await world.add_app("web-dev")
    admin = await world.as_user("admin")
    asked = {"revision": "main", "prune": True, "resources": [{"kind": "ConfigMap", "name": "settings"}]}
    asked |= {"strategy": {"hook": {"force": True}}, "syncOptions": {"items": ["CreateNamespace=true"]}}
    started = await admin.post(f"{PATH}/web-dev/sync", json={"name": "web-dev", **asked})
    assert started.status_code == 200, started.text
    operation = started.json()["operation"]
    assert operation["initiatedBy"] == {"username": "admin"}
    assert operation["sync"]["resources"] == [{"kind": "ConfigMap", "name": "settings"}]
    assert operation["sync"]["syncStrategy"] == {"hook": {"force": True}}
    assert operation["sync"]["syncOptions"] == ["CreateNamespace=true"]
    again = await admin.post(f"{PATH}/web-dev/sync", json={})
    assert again.status_code == 409
    assert "already in progress" in again.json()["message"]
    running = {"operationState": {"phase": "Running", "startedAt": "2026-11-23T12:00:00Z", "operation": {}}}
    await world.store.applications.write_status(world.name("web-dev"), running)
    stopped = await admin.delete(f"{PATH}/web-dev/operation")
    assert stopped.status_code == 200, stopped.text
    stored = world.store.applications.raw(world.name("web-dev"))
    assert stored
    assert stored["status"]["operationState"]["phase"] == "Terminating"
    events = (await admin.get(f"{PATH}/web-dev/events")).json()["items"]
    assert any(each["reason"] == "OperationStarted" and "admin" in each["message"] for each in events)


async def test_many_syncs_at_once_start_one_operation(world: World) -> None:
    await world.add_app("web-dev")
    admin = await world.as_user("admin")
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(admin.post(f"{PATH}/web-dev/sync", json={})) for _ in range(8)]
    assert sorted(each.result().status_code for each in calls) == [200] + [409] * 7


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"dryrun": True}, "dryrun: there is no such field"),
        ({"resources": [{"kind": "Pod"}]}, "resources[0].name"),
        ({"prune": "perhaps"}, "body prune"),
        ("[]", "body"),
    ],
)
async def test_a_misspelt_sync_is_no_sync(world: World, body: Any, told: str) -> None:
    await world.add_app("web-dev")
    admin = await world.as_user("admin")
    answer = await admin.post(f"{PATH}/web-dev/sync", json=body)
    assert answer.status_code == 400
    assert told in answer.json()["message"]
    stored = world.store.applications.raw(world.name("web-dev"))
    assert stored
    assert "operation" not in stored


async def test_a_closed_window_forbids_the_sync(world: World) -> None:
    window = {"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"]}
    await world.store.projects.patch("prod", {"spec": {"syncWindows": [window]}})
    await world.add_app("web-prod", project="prod")
    admin = await world.as_user("admin")
    answer = await admin.post(f"{PATH}/web-prod/sync", json={})
    assert answer.status_code == 403
    assert "cannot sync: blocked by sync window" in answer.json()["message"]
    told = (await admin.get(f"{PATH}/web-prod/syncwindows")).json()
    assert told["canSync"] is False
    assert len(told["activeWindows"]) == 1


async def test_rollback_goes_to_an_entry_of_the_history(world: World) -> None:
    await world.add_app("web-prod", project="prod")
    source = {"repoURL": "https://git.example.com/team/services.git", "path": "app"}
    history = [
        {"id": number, "revision": str(number) * 40, "deployedAt": "2026-11-23T12:00:00Z", "source": source}
        for number in range(3)
    ]
    await world.store.applications.write_status(world.name("web-prod"), {"history": history})
    admin = await world.as_user("admin")
    unknown = await admin.post(f"{PATH}/web-prod/rollback", json={"id": 9})
    assert unknown.status_code == 404
    assert "it has: 0, 1, 2" in unknown.json()["message"]
    started = await admin.post(f"{PATH}/web-prod/rollback", json={"id": 0, "prune": True})
    assert started.json()["operation"]["sync"]["revision"] == "0" * 40


async def test_deleting_cascades_unless_told_not_to(world: World) -> None:
    admin = await world.as_user("admin")
    for query, finalizers in (
        ("", ["resources-finalizer.argocd.argoproj.io"]),
        ("?propagationPolicy=background", ["resources-finalizer.argocd.argoproj.io/background"]),
        ("?cascade=false", None),
    ):
        await world.add_app("web-dev")
        assert (await admin.delete(f"{PATH}/web-dev{query}")).status_code == 200
        left = await world.store.applications.fresh(world.name("web-dev"))
        if finalizers is None:
            assert left is None
            continue
        assert left
        assert left["metadata"]["finalizers"] == finalizers
        assert left["metadata"]["deletionTimestamp"]
        await world.store.applications.patch(world.name("web-dev"), {"metadata": {"finalizers": None}})
        await until(lambda: world.store.applications.raw(world.name("web-dev")) is None)


async def test_an_unknown_way_to_delete_deletes_nothing(world: World) -> None:
    await world.add_app("web-dev")
    admin = await world.as_user("admin")
    assert (await admin.delete(f"{PATH}/web-dev?propagationPolicy=sideways")).status_code == 400
    assert (await world.store.applications.fresh(world.name("web-dev"))) is not None


async def test_a_refresh_waits_for_the_controller(world: World) -> None:
    await world.add_app("web-dev")
    name, admin = world.name("web-dev"), await world.as_user("admin")

    async def controller() -> None:
        with world.store.applications.changes() as feed:
            async for change in feed:
                if "argocd.argoproj.io/refresh" in (change.raw["metadata"].get("annotations") or {}):  # type: ignore[union-attr]
                    await world.store.applications.write_status(name, {"reconciledAt": "2026-11-23T12:00:00Z"})
                    await world.store.applications.remove_annotations(name, "argocd.argoproj.io/refresh")
                    return

    async with asyncio.TaskGroup() as group:
        group.create_task(controller())
        await asyncio.sleep(0)
        answer = await admin.get(f"{PATH}/web-dev?refresh=hard")
    assert answer.status_code == 200
    assert answer.json()["status"]["reconciledAt"] == "2026-11-23T12:00:00Z"
    assert (await admin.get(f"{PATH}/web-dev?refresh=sometimes")).status_code == 400


async def test_an_update_over_an_older_version_is_a_conflict(world: World) -> None:
    old = await world.add_app("web-dev")
    await world.store.applications.patch(world.name("web-dev"), {"metadata": {"labels": {"newer": "yes"}}})
    admin = await world.as_user("admin")
    stale = {**old, "metadata": {**old["metadata"], "labels": {"mine": "yes"}}}
    assert (await admin.put(f"{PATH}/web-dev?validate=false", json=stale)).status_code == 409
    del stale["metadata"]["resourceVersion"]
    updated = (await admin.put(f"{PATH}/web-dev?validate=false", json=stale)).json()
    assert updated["metadata"]["labels"] == {"mine": "yes"}


async def test_lists_are_filtered_and_cut_down_to_fields(world: World) -> None:
    await world.add_app("web-dev", project="dev")
    await world.add_app("web-prod", project="prod")
    admin = await world.as_user("admin")

    async def names(**query: Any) -> list[str]:
        return [each["metadata"]["name"] for each in (await admin.get(PATH, params=query)).json()["items"]]

    assert await names(projects="prod") == ["web-prod"]
    assert await names(project=["prod", "dev"]) == ["web-dev", "web-prod"]
    assert await names(name="web-dev") == ["web-dev"]
    assert await names(repo="git@git.example.com:team/services") == []  # another protocol is another address
    assert await names(repo="https://git.example.com/team/services") == ["web-dev", "web-prod"]
    assert await names(selector="env=dev") == []
    short = (await admin.get(PATH, params={"fields": "items.metadata.name"})).json()
    assert short == {"items": [{"metadata": {"name": "web-dev"}}, {"metadata": {"name": "web-prod"}}]}
    none = (await admin.get(PATH, params={"fields": "items.metadata.name", "name": "no"})).json()
    assert none == {"items": []}


async def test_live_state_comes_from_the_controller(world: World) -> None:
    await world.add_app("web-dev")
    world.controller.trees["web-dev"] = {"nodes": [{"kind": "Deployment", "name": "web"}]}
    world.controller.resources["web-dev"] = [{"kind": "ConfigMap", "name": "a"}, {"kind": "Secret", "name": "b"}]
    metadata = {"name": "web", "namespace": "dev", "uid": "u1"}
    world.controller.objects["web"] = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}
    admin, dan = await world.as_user("admin"), await world.as_user("dora")
    assert (await admin.get(f"{PATH}/web-dev/resource-tree")).json()["nodes"][0]["name"] == "web"
    assert len((await admin.get(f"{PATH}/web-dev/managed-resources")).json()["items"]) == 2
    only = (await admin.get(f"{PATH}/web-dev/managed-resources?kind=Secret&fields=items.name")).json()
    assert only == {"items": [{"name": "b"}]}
    one = {"group": "apps", "version": "v1", "kind": "Deployment", "resourceName": "web", "namespace": "dev"}
    shown = (await admin.get(f"{PATH}/web-dev/resource", params=one)).json()
    assert json.loads(shown["manifest"]) == world.controller.objects["web"]
    told = (await admin.get(f"{PATH}/web-dev/events?resourceName=web&resourceUID=u1")).json()
    assert told["items"][0]["involvedObject"] == {"uid": "u1"}
    # to look is not to delete
    assert (await dan.delete(f"{PATH}/web-dev/resource", params=one)).status_code == 403
    assert "web" in world.controller.objects
    assert (await admin.delete(f"{PATH}/web-dev/resource", params=one)).status_code == 200
    assert [each.uid for each in world.controller.deletions] == ["u1"]
    assert (await admin.get(f"{PATH}/web-dev/resource", params=one)).status_code == 404


@pytest.mark.parametrize(
    ("found", "status"),
    [
        pytest.param({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}, 403, id="cluster-scoped"),
        pytest.param({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "team"}}, 403, id="kind"),
        pytest.param({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "prod"}}, 403, id="namespace"),
        pytest.param(
            {"apiVersion": "apps/v1", "kind": "ConfigMap", "metadata": {"namespace": "team"}}, 403, id="group"
        ),
        pytest.param({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "team"}}, 200, id="itself"),
    ],
)
async def test_who_may_delete_is_decided_on_the_object_and_not_on_what_the_request_calls_it(
    world: World, found: dict[str, Any], status: int
) -> None:
    policy = "p, dora, applications, delete//ConfigMap/team/*, dev/*, allow\n"
    await world.add_policy(policy)
    await world.add_app("web-dev")
    metadata = {**found.get("metadata", {}), "name": "evil"}
    world.controller.objects["evil"] = {**found, "metadata": metadata}
    dora = await world.as_user("dora")
    asked = {"kind": "ConfigMap", "resourceName": "evil", "namespace": "team"}
    answer = await dora.delete(f"{PATH}/web-dev/resource", params=asked)
    assert answer.status_code == status, answer.text
    assert ("evil" in world.controller.objects) == (status != 200)
    assert bool(world.controller.deletions) == (status == 200)


async def test_a_name_with_slashes_reaches_no_further_than_its_own_part_of_the_action(world: World) -> None:
    await world.add_policy("p, dora, applications, delete//ConfigMap/team/*, dev/*, allow\n")
    await world.add_app("web-dev")
    dora = await world.as_user("dora")
    for asked in (
        {"kind": "ClusterRole", "resourceName": "evil", "namespace": "team"},
        {"group": "/ConfigMap/team", "kind": "x", "resourceName": "evil"},
        {"kind": "ConfigMap/team/x", "resourceName": "evil"},
    ):
        world.controller.objects["evil"] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "evil"}}
        assert (await dora.delete(f"{PATH}/web-dev/resource", params=asked)).status_code == 403
    assert not world.controller.deletions


# --- streams -----------------------------------------------------------------------------------------


async def results(client: httpx.AsyncClient, path: str, **headers: str) -> AsyncIterator[dict[str, Any]]:
    """The results of a stream, one by one, whichever way it is framed."""
    async with asyncio.timeout(20), client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            text = line.removeprefix("data: ").strip()
            if text and not text.startswith(":"):
                yield json.loads(text)


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_a_stream_tells_what_is_there_and_then_what_changes(world: World, accept: str) -> None:
    await world.add_app("web-dev")
    await world.add_app("web-prod", project="prod")
    dan = await world.as_user("dan")  # sees dev only
    told = results(dan, "/api/v1/stream/applications", accept=accept)
    first = (await anext(told))["result"]
    assert (first["type"], first["application"]["metadata"]["name"]) == ("ADDED", "web-dev")
    await world.store.applications.write_status(world.name("web-prod"), {"sync": {"status": "OutOfSync"}})
    await world.store.applications.write_status(world.name("web-dev"), {"sync": {"status": "Synced"}})
    second = (await anext(told))["result"]
    assert (second["type"], second["application"]["status"]["sync"]["status"]) == ("MODIFIED", "Synced")
    await world.store.applications.delete(world.name("web-dev"))
    third = (await anext(told))["result"]
    assert (third["type"], third["application"]["metadata"]["name"]) == ("DELETED", "web-dev")
    await told.aclose()  # type: ignore[attr-defined]


async def test_a_named_stream_always_begins_with_the_application(world: World) -> None:
    app = await world.add_app("web-dev")
    admin = await world.as_user("admin")
    version = app["metadata"]["resourceVersion"]
    told = results(admin, f"/api/v1/stream/applications?name=web-dev&resourceVersion={version}")
    assert (await anext(told))["result"]["type"] == "ADDED"
    await told.aclose()  # type: ignore[attr-defined]


async def test_a_stream_from_a_list_tells_only_what_is_newer_deletions_too(world: World) -> None:
    await world.add_app("web-dev")
    await world.add_app("web-gone")
    admin = await world.as_user("admin")
    version = (await admin.get(PATH)).json()["metadata"]["resourceVersion"]
    await world.store.applications.delete(world.name("web-gone"))
    await until(lambda: world.services.deletions.since(0))
    await world.add_app("web-new")
    told = results(admin, f"/api/v1/stream/applications?resourceVersion={version}")
    seen = [(await anext(told))["result"] for _ in range(2)]
    assert [(each["type"], each["application"]["metadata"]["name"]) for each in seen] == [
        ("DELETED", "web-gone"),
        ("MODIFIED", "web-new"),
    ]
    await told.aclose()  # type: ignore[attr-defined]


async def test_events_that_look_the_same_to_the_client_are_left_out(world: World) -> None:
    await world.add_app("web-dev")
    admin = await world.as_user("admin")
    fields = "result.type,result.application.metadata.name,result.application.status.sync.status"
    told = results(admin, f"/api/v1/stream/applications?fields={fields}")
    assert (await anext(told))["result"]["application"] == {"metadata": {"name": "web-dev"}}
    for number in range(3):
        await world.store.applications.write_status(
            world.name("web-dev"), {"reconciledAt": f"2026-11-23T12:00:0{number}Z"}
        )
    await world.store.applications.write_status(world.name("web-dev"), {"sync": {"status": "Synced"}})
    second = (await anext(told))["result"]["application"]
    assert second == {"metadata": {"name": "web-dev"}, "status": {"sync": {"status": "Synced"}}}
    await told.aclose()  # type: ignore[attr-defined]


async def test_a_tree_is_streamed_as_it_changes_and_the_controllers_stream_ends_with_it(world: World) -> None:
    await world.add_app("web-dev")
    world.controller.trees["web-dev"] = {"nodes": []}
    admin = await world.as_user("admin")
    told = results(admin, "/api/v1/stream/applications/web-dev/resource-tree", accept="text/event-stream")
    assert (await anext(told))["result"] == {"nodes": []}
    await world.controller.show("web-dev", {"nodes": []})  # nothing new
    await world.controller.show("web-dev", {"nodes": [{"kind": "Pod"}]})
    assert (await anext(told))["result"] == {"nodes": [{"kind": "Pod"}]}
    await told.aclose()  # type: ignore[attr-defined]
    await until(lambda: world.controller.watching == 0)
    unknown = await admin.get("/api/v1/stream/applications/web-dev/resource-tree?appNamespace=other")
    assert unknown.status_code == 403


async def test_an_error_before_the_first_result_is_an_ordinary_answer(world: World) -> None:
    await world.add_app("web-dev")
    answer = await (await world.as_user("admin")).get("/api/v1/stream/applications/web-dev/resource-tree")
    assert answer.status_code == 404
    assert "nothing is known" in answer.json()["message"]


async def test_A40_a_stream_ends_when_the_session_does(world: World) -> None:
    await world.add_app("web-dev")
    dora = await world.as_user("dora")
    told = results(dora, "/api/v1/stream/applications")
    await anext(told)
    assert (await dora.delete("/api/v1/session")).status_code == 200
    await world.store.applications.write_status(world.name("web-dev"), {"sync": {"status": "Synced"}})
    last = await anext(told)
    assert last["error"]["http_code"] == 401
    with pytest.raises(StopAsyncIteration):
        await anext(told)


async def test_streams_end_cleanly_when_the_server_stops(world: World) -> None:
    await world.add_app("web-dev")
    told = results(await world.as_user("admin"), "/api/v1/stream/applications")
    await anext(told)
    world.services.closing.set()
    with pytest.raises(StopAsyncIteration):  # not a broken connection
        await anext(told)


# --- webhooks ----------------------------------------------------------------------------------------


def pushed(url: str, secret: str = WEBHOOK_SECRET) -> tuple[bytes, dict[str, str]]:
    payload = {"ref": "refs/heads/main", "after": "a" * 40, "repository": {"clone_url": url}}
    body = json.dumps(payload).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return body, {"X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={signature}"}


async def test_a_push_reaches_the_controller_under_the_address_we_know(world: World) -> None:
    await world.add_app("web-dev")
    body, headers = pushed("git@git.example.com:team/services.git")
    answer = await world.client().post("/api/webhook", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert world.controller.pushes == [("https://git.example.com/team/services.git", "main", "a" * 40)]
    body, headers = pushed("https://git.example.com/other/repo.git")
    assert (await world.client().post("/api/webhook", content=body, headers=headers)).status_code == 200
    assert len(world.controller.pushes) == 1  # nobody's repository is nobody's business


async def test_an_unsigned_push_is_refused(world: World) -> None:
    await world.add_app("web-dev")
    body, headers = pushed("https://git.example.com/team/services.git", secret="guessed")
    assert (await world.client().post("/api/webhook", content=body, headers=headers)).status_code == 401
    assert (await world.client().post("/api/webhook", content=b"{}")).status_code == 400
    assert world.controller.pushes == []


async def test_A22_a_giant_webhook_is_cut_while_it_streams_in(world: World) -> None:
    await world.store.settings.patch_config({"webhook.maxPayloadSizeMB": "1"})
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(4_000):
            sent += 65_536
            yield b" " * 65_536

    signed = {"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + "0" * 64}
    try:
        answer = await world.client().post("/api/webhook", content=endless(), headers=signed)
        assert answer.status_code == 413
    except httpx.HTTPError:
        pass  # the connection may be closed before the answer is read
    assert sent < 64 * 1024 * 1024


# --- what is shown of clusters, repositories and projects ----------------------------------------------


async def test_A59_A57_no_credentials_leave_with_projects_repositories_and_clusters(
    world: World, a_repo: GitRepo, repo_process: ServerProcess
) -> None:
    canary = "canary-0123456789"
    client, namespace = world.store.client, world.namespace

    async def secret(secret_name: str, kind: str, **data: str) -> None:
        manifest = {"apiVersion": "v1", "kind": "Secret", "stringData": data, "metadata": {"name": secret_name}}
        manifest["metadata"] |= {  # type: ignore[operator]
            "namespace": namespace,
            "labels": {"argocd.argoproj.io/secret-type": kind},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(data)},
        }
        await world.store.secrets.create(manifest)

    config = json.dumps({"bearerToken": canary, "tlsClientConfig": {"insecure": True}})
    await secret("c1", "cluster", name="far", server="https://far.example:6443", config=config, project="dev")
    await secret("r1", "repository", url=f"https://u:{canary}@127.0.0.1:1/x.git", password=canary, project="dev")
    await secret("r2", "repository", url=a_repo.url, username="robot", password=canary)
    await until(lambda: len(world.store.clusters.all()) == 2 and len(world.store.repositories.all()) == 2)
    world.controller.clusters = [
        {"server": "https://far.example:6443", "connectionState": {"status": "Failed", "message": "refused"}}
    ]
    admin = await world.as_user("admin")
    far = "/api/v1/clusters/https%3A%2F%2Ffar.example%3A6443"
    for path in ("/api/v1/projects/dev/detailed", "/api/v1/clusters", far, "/api/v1/repositories"):
        answer = await admin.get(path)
        assert answer.status_code == 200, path
        assert canary not in answer.text, path
        assert "last-applied" not in answer.text, path
    assert (await admin.get(far)).json()["connectionState"]["status"] == "Failed"
    assert (await admin.get("/api/v1/clusters/far?id.type=name")).json()["server"] == "https://far.example:6443"
    assert (await admin.get("/api/v1/clusters/https%3A%2F%2Fnone.example")).status_code == 404
    listed = (await admin.get("/api/v1/repositories")).json()["items"]
    assert {each["connectionState"]["status"] for each in listed if each["repo"] == a_repo.url} == {"Successful"}
    one = await admin.get(f"/api/v1/repositories/{a_repo.url.replace('/', '%2F').replace(':', '%3A')}")
    assert one.json()["repo"] == a_repo.url
    assert client.cluster.name not in one.text


async def test_projects_are_seen_by_those_who_may(world: World) -> None:
    admin, dan = await world.as_user("admin"), await world.as_user("dan")
    assert [each["metadata"]["name"] for each in (await admin.get("/api/v1/projects")).json()["items"]] == [
        "dev",
        "prod",
        "stage",
    ]
    assert [each["metadata"]["name"] for each in (await dan.get("/api/v1/projects")).json()["items"]] == ["dev"]
    assert (await dan.get("/api/v1/projects/dev")).json()["spec"]["sourceRepos"] == ["*"]
    for missing in ("prod", "nowhere"):
        assert (await dan.get(f"/api/v1/projects/{missing}")).status_code == 403


async def test_the_server_describes_itself(world: World) -> None:
    described = (await world.client().get("/swagger.json")).json()
    assert "/api/v1/applications/{name}/sync" in described["paths"]
    assert (await world.client().get("/healthz?full=true")).text == "ok\n"
    assert (await world.client().get("/api/v1/nothing")).text == "Not Found"
    assert "Tiphys" in (await world.client().get("/applications/web-dev")).text


async def test_a_list_of_200_applications_is_joined_from_what_is_encoded(world: World) -> None:
    slots = asyncio.Semaphore(20)
    resources = [{"kind": "ConfigMap", "name": f"settings-{number}", "status": "Synced"} for number in range(60)]

    async def add(number: int) -> None:
        async with slots:
            app = an_application(f"app-{number:03}")
            await world.store.applications.create({**app, "status": {"resources": resources}})

    async with asyncio.TaskGroup() as group:
        for number in range(200):
            group.create_task(add(number))
    admin = await world.as_user("admin")
    answers = [await admin.get(PATH) for _ in range(10)]
    assert all(len(each.json()["items"]) == 200 for each in answers)
    quickest = min(each.elapsed.total_seconds() for each in answers)
    assert quickest < 0.1  # the benchmark measures it exactly; building models would take several times as long
