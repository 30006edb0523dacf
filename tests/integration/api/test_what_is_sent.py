"""What goes over the wire, seen from a real socket."""

import gzip

import pytest

from adapters.store.kinds import PROJECTS
from tests.integration.api.api_world import World, a_project


@pytest.mark.parametrize("path", ["/api/v1/projects/large", "/api/v1/projects?fields=items.spec", "/api/v1/projects"])
async def test_large_json_is_compressed_whatever_route_it_comes_from(world: World, path: str) -> None:
    repositories = [f"https://git.example.com/team/{number:06}.git" for number in range(8_000)]
    project = a_project("large", sourceRepos=repositories)
    project["metadata"]["namespace"] = world.namespace
    made = {**project, "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject"}
    await world.store.client.create(PROJECTS, made)
    admin = await world.as_user("admin")
    while world.store.projects.raw("large") is None:
        await admin.get("/healthz")
    plain = await admin.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert len(plain.content) > 256 * 1024
    async with admin.stream("GET", path, headers={"accept-encoding": "gzip"}) as answer:
        raw = b"".join([each async for each in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(raw) < len(plain.content) / 4
    assert gzip.decompress(raw) == plain.content


async def test_pages_are_compressed_and_streams_are_not(world: World) -> None:
    admin = await world.as_user("admin")
    async with admin.stream("GET", "/", headers={"accept-encoding": "gzip"}) as page:
        raw = b"".join([each async for each in page.aiter_raw()])
    assert page.headers["content-encoding"] == "gzip"
    assert b"Tiphys" in gzip.decompress(raw)
    for accepts in ("text/event-stream", "application/json"):
        headers = {"accept": accepts, "accept-encoding": "gzip"}
        async with admin.stream("GET", "/api/v1/stream/applications", headers=headers) as stream:
            assert stream.status_code == 200
            assert "content-encoding" not in stream.headers
