"""One connection for all that a browser follows."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from adapters.store.kinds import CONFIG_MAPS
from tests.integration.api.api_world import World

PATH = "/api/v1/stream"
LIST = {"id": "list", "kind": "applications"}
WEB = {"id": "web", "kind": "application", "name": "web-dev"}
TREE = {"id": "tree", "kind": "tree", "name": "web-dev"}

Event = tuple[str, str, dict[str, Any]]  # topic, mark, data


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.02)


async def following(client: httpx.AsyncClient, *topics: dict[str, Any]) -> AsyncIterator[Event]:
    async with asyncio.timeout(30), client.stream("POST", PATH, json={"topics": topics}) as answer:
        assert answer.status_code == 200, await answer.aread()
        named, mark = "", ""
        async for line in answer.aiter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                named, mark = value, ""
            elif field == "id":
                mark = value
            elif field == "data":
                yield named, mark, json.loads(value)
                named = ""


async def taken(told: AsyncIterator[Event], count: int) -> dict[str, list[Event]]:
    """So many events, by topic: between topics there is no order."""
    found: dict[str, list[Event]] = {}
    for _ in range(count):
        event = await anext(told)
        found.setdefault(event[0], []).append(event)
    return found


@pytest.fixture
async def web(world: World) -> World:
    await world.add_app("web-dev")
    world.controller.trees["web-dev"] = {"nodes": []}
    return world


async def test_list_application_and_tree_come_over_one_connection(web: World) -> None:
    told = following(await web.as_user("admin"), LIST, WEB, TREE)
    first = await taken(told, 3)
    assert {name: len(events) for name, events in first.items()} == {"list": 1, "web": 1, "tree": 1}
    assert first["tree"][0][2] == {"result": {"nodes": []}}
    await web.store.applications.write_status(web.name("web-dev"), {"sync": {"status": "Synced"}})
    second = await taken(told, 2)
    for name in ("list", "web"):
        assert second[name][0][2]["result"]["application"]["status"]["sync"]["status"] == "Synced"
    await web.controller.show("web-dev", {"nodes": [{"kind": "Pod"}]})
    assert (await anext(told))[2]["result"] == {"nodes": [{"kind": "Pod"}]}
    await told.aclose()  # type: ignore[attr-defined]
    await until(lambda: web.controller.watching == 0)


async def test_who_comes_back_with_his_marks_is_told_only_what_is_new(web: World) -> None:
    admin = await web.as_user("admin")
    told = following(admin, LIST, WEB, TREE)
    marks = {name: events[0][1] for name, events in (await taken(told, 3)).items()}
    await told.aclose()  # type: ignore[attr-defined]
    assert all(marks.values())
    await web.store.applications.create(
        {**(await _web_of(web)), "metadata": {"name": "web-new", "namespace": web.namespace}}
    )
    marked = [{**topic, "mark": marks[topic["id"]]} for topic in (LIST, WEB, TREE)]
    again = following(admin, *marked)
    name, _, data = await anext(again)
    assert (name, data["result"]["application"]["metadata"]["name"]) == ("list", "web-new")
    await web.controller.show("web-dev", {"nodes": [{"kind": "Pod"}]})
    assert (await anext(again))[0] == "tree"
    await again.aclose()  # type: ignore[attr-defined]


async def test_what_was_deleted_meanwhile_is_told_as_deleted_and_not_as_forbidden(web: World) -> None:
    admin = await web.as_user("admin")
    told = following(admin, WEB)
    _, mark, _ = await anext(told)
    await told.aclose()  # type: ignore[attr-defined]
    await web.store.applications.delete(web.name("web-dev"))
    await until(lambda: web.services.deletions.since(0))
    again = following(admin, {**WEB, "mark": mark})
    assert (await anext(again))[2]["result"]["type"] == "DELETED"
    # and one of that name that comes later is told as well
    await web.add_app("web-dev")
    assert (await anext(again))[2]["result"]["type"] == "ADDED"
    await again.aclose()  # type: ignore[attr-defined]


async def test_a_topic_that_is_refused_or_unknown_leaves_the_others_alone(web: World) -> None:
    await web.add_app("web-prod", project="prod")
    hidden = {"id": "hidden", "kind": "application", "name": "web-prod"}
    nowhere = {"id": "nowhere", "kind": "tree", "name": "nothing"}
    told = following(await web.as_user("dan"), LIST, hidden, nowhere)  # dan sees dev only
    first = await taken(told, 3)
    assert first["list"][0][2]["result"]["application"]["metadata"]["name"] == "web-dev"
    for name in ("hidden", "nowhere"):
        assert first[name][0][2]["error"]["http_code"] == 403
    await web.store.applications.write_status(web.name("web-dev"), {"sync": {"status": "Synced"}})
    assert (await anext(told))[0] == "list"
    await told.aclose()  # type: ignore[attr-defined]


async def test_a_role_taken_away_ends_what_it_showed_and_nothing_else(web: World) -> None:
    told = following(await web.as_user("dan"), WEB, TREE)
    await taken(told, 2)
    emptied = {"data": {"policy.csv": "", "policy.default": ""}}
    await web.store.client.patch(CONFIG_MAPS, web.namespace, "argocd-rbac-cm", emptied)
    ended = await taken(told, 2)  # at the next keep-alive, though nothing happened to the application
    assert {name: events[0][2]["error"]["http_code"] for name, events in ended.items()} == {"web": 403, "tree": 403}
    await told.aclose()  # type: ignore[attr-defined]
    await until(lambda: web.controller.watching == 0)


async def test_A40_the_end_of_the_session_ends_every_topic(web: World) -> None:
    dora = await web.as_user("dora")
    told = following(dora, LIST, WEB, TREE)
    await taken(told, 3)
    assert (await dora.delete("/api/v1/session")).status_code == 200
    await web.store.applications.write_status(web.name("web-dev"), {"sync": {"status": "Synced"}})
    name, _, data = await anext(told)
    assert (name, data["error"]["http_code"]) == ("", 401)
    with pytest.raises(StopAsyncIteration):
        await anext(told)


async def test_a_tree_that_cannot_be_told_ends_alone_and_the_connection_ends_with_the_server(web: World) -> None:
    del web.controller.trees["web-dev"]
    told = following(await web.as_user("admin"), WEB, TREE)
    first = await taken(told, 2)
    assert "nothing is known" in first["tree"][0][2]["error"]["message"]
    web.services.closing.set()
    with pytest.raises(StopAsyncIteration):
        await anext(told)


async def test_topics_that_are_none_are_refused_before_anything_is_told(web: World) -> None:
    admin = await web.as_user("admin")
    wrong: tuple[list[dict[str, Any]], ...] = (
        [],
        [{"id": "a b", "kind": "applications"}],
        [{"id": "a\nb", "kind": "applications"}],
        [{"id": "a", "kind": "secrets"}],
        [{"id": "a", "kind": "tree", "name": "web-dev", "mark": "x\ny"}],
        [LIST, {**WEB, "id": "list"}],
        [{"id": str(number), "kind": "applications"} for number in range(201)],
    )
    for topics in wrong:
        assert (await admin.post(PATH, json={"topics": topics})).status_code == 400, topics


async def test_a_mark_that_is_no_version_is_told_to_its_topic(web: World) -> None:
    told = following(await web.as_user("admin"), {**LIST, "mark": "abc"})
    assert (await anext(told))[2]["error"]["http_code"] == 400
    await told.aclose()  # type: ignore[attr-defined]


async def test_nobody_follows_anything_without_a_session_or_from_another_site(web: World) -> None:
    assert (await web.client().post(PATH, json={"topics": [LIST]})).status_code == 401
    admin = await web.as_user("admin")
    foreign = {"Origin": "https://evil.example"}
    assert (await admin.post(PATH, json={"topics": [LIST]}, headers=foreign)).status_code == 403


async def _web_of(world: World) -> dict[str, Any]:
    app = world.store.applications.raw(world.name("web-dev"))
    assert app is not None
    return {key: app[key] for key in ("apiVersion", "kind", "spec")}
