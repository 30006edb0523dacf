"""What is tried again, what is not, and for how long."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web

from adapters.kube import requests, transport
from adapters.kube.client import KubeClient
from gitops.model.errors import ClusterRefused, ClusterUnreachable
from gitops.model.repository import Cluster, ClusterCredentials
from gitops.model.resource import ResourceType
from tests.unit.adapters.kube.scripted_server import (
    Answer,
    ScriptedServer,
    failure,
    json_answer,
    listed,
    reset,
    scripted_server,
)

CONFIG_MAPS = ResourceType("", "v1", "ConfigMap", "configmaps", namespaced=True)
MANIFEST = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}}


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with scripted_server() as server:
        yield server


@pytest.fixture
async def client(server: ScriptedServer) -> AsyncIterator[KubeClient]:
    async with KubeClient.for_cluster(Cluster(server.url, "played"), connections=2) as client:
        yield client


async def test_a_broken_connection_is_no_failure_for_what_may_be_repeated(
    server: ScriptedServer, client: KubeClient
) -> None:
    server.play(reset, json_answer({"kind": "ConfigMap"}))
    assert await client.apply(CONFIG_MAPS, MANIFEST) == {"kind": "ConfigMap"}
    assert len(server.seen) == 2


async def test_a_create_is_never_sent_twice(server: ScriptedServer, client: KubeClient) -> None:
    server.play(reset, json_answer({}))
    with pytest.raises(ClusterUnreachable, match="broke the connection"):
        await client.create(CONFIG_MAPS, MANIFEST)
    assert len(server.seen) == 1


async def test_a_server_that_always_breaks_the_connection_is_given_up(
    server: ScriptedServer, client: KubeClient
) -> None:
    server.play(reset)
    with pytest.raises(ClusterUnreachable):
        await client.apply(CONFIG_MAPS, MANIFEST)
    assert len(server.seen) == 4


async def test_a_request_turned_away_unread_comes_back_after_the_time_asked_for(
    server: ScriptedServer, client: KubeClient
) -> None:
    server.play(failure(429, "TooManyRequests", Retry_After="1"), json_answer({"kind": "ConfigMap"}))
    started = asyncio.get_running_loop().time()
    assert await client.create(CONFIG_MAPS, MANIFEST) == {"kind": "ConfigMap"}
    assert asyncio.get_running_loop().time() - started >= 1.0


async def test_an_unavailable_server_is_asked_again_only_if_it_says_when(
    server: ScriptedServer, client: KubeClient
) -> None:
    server.play(failure(503, "ServiceUnavailable"))
    with pytest.raises(ClusterRefused) as refused:
        await client.version()
    assert refused.value.status == 503
    assert len(server.seen) == 1


async def test_silence_ends_at_the_deadline(server: ScriptedServer, client: KubeClient) -> None:
    async def silence(_request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    server.play(silence)
    with pytest.raises(ClusterUnreachable, match="did not answer in time"):
        await client.transport.send(requests.raw("/version"), deadline=timedelta(milliseconds=100))


async def test_a_stream_that_does_not_begin_is_given_up(
    server: ScriptedServer, client: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silence(_request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    monkeypatch.setattr(transport, "OPENING_DEADLINE", timedelta(milliseconds=100))
    server.play(silence)
    with pytest.raises(ClusterUnreachable, match="did not answer in time"):
        async with client.transport.stream(requests.watch_from(CONFIG_MAPS, "1")):
            pass


async def test_no_more_calls_than_connections_are_under_way(server: ScriptedServer, client: KubeClient) -> None:
    under_way, most = 0, 0

    async def slow(_request: web.BaseRequest) -> web.StreamResponse:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.02)
        under_way -= 1
        return web.json_response({})

    server.play(slow)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(6):
            tasks.create_task(client.apply(CONFIG_MAPS, MANIFEST))
    assert (len(server.seen), most) == (6, 2)


async def test_calls_that_hang_do_not_keep_the_server_from_being_probed(
    server: ScriptedServer, client: KubeClient
) -> None:
    hanging = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "PATCH":
            await hanging.wait()
        return web.json_response({})

    server.play(answer)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(client.apply(CONFIG_MAPS, MANIFEST))
        await asyncio.sleep(0.05)
        assert await client.is_alive(within=0.0)
        hanging.set()


async def test_all_who_wonder_about_a_silent_server_share_one_question(
    server: ScriptedServer, client: KubeClient
) -> None:
    hanging = asyncio.Event()

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        await hanging.wait()
        return web.json_response({"gitVersion": "v1.34.4"})

    server.play(answer)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        wondering = [tasks.create_task(client.is_alive(within=0.0)) for _ in range(60)]
        while not server.seen:
            await asyncio.sleep(0)
        hanging.set()
    assert all(each.result() for each in wondering)
    assert server.calls == ["GET /version"]
    assert client.told_version == "v1.34.4"


@pytest.mark.parametrize(
    ("answer", "alive"),
    [
        (failure(403, "Forbidden"), True),
        (failure(429, "TooManyRequests"), True),
        (failure(401, "Unauthorized"), False),
        (failure(502, "BadGateway"), False),  # as what stands in front of an API server that is away says
        (failure(503, "ServiceUnavailable"), False),
        (reset, False),
    ],
)
async def test_a_server_lives_that_answers_and_lets_us_in(
    server: ScriptedServer, client: KubeClient, answer: Answer, alive: bool
) -> None:
    server.play(answer)
    assert await client.is_alive(within=0.0) is alive
    assert await client.is_alive(within=60.0) is alive, "only a sign of life is remembered"


async def test_pages_whose_moment_is_gone_are_read_anew_in_one_piece(
    server: ScriptedServer, client: KubeClient
) -> None:
    server.play(listed("a", token="t"), failure(410, "Expired"), listed("a", "b", version="12"))
    items, version = await client.list(CONFIG_MAPS, namespace="n", limit=1)
    assert [item["metadata"]["name"] for item in items] == ["a", "b"]
    assert version == "12"
    assert "limit" not in server.calls[2]


async def test_older_servers_are_asked_group_by_group_and_one_broken_group_is_set_aside(
    server: ScriptedServer, client: KubeClient
) -> None:
    groups = [
        {"versions": [{"groupVersion": "apps/v1"}], "preferredVersion": {"groupVersion": "apps/v1"}},
        {
            "versions": [{"groupVersion": "metrics.k8s.io/v1"}],
            "preferredVersion": {"groupVersion": "metrics.k8s.io/v1"},
        },
    ]
    pods = {"name": "pods", "kind": "Pod", "namespaced": True, "verbs": ["list"]}
    deployments = {"name": "deployments", "kind": "Deployment", "namespaced": True, "verbs": ["list"]}
    scale = {"name": "deployments/scale", "kind": "Scale", "namespaced": True}
    server.play(
        json_answer({"kind": "APIVersions", "versions": ["v1"]}),
        json_answer({"kind": "APIResourceList", "groupVersion": "v1", "resources": [pods]}),
        json_answer({"kind": "APIGroupList", "groups": groups}),
        json_answer({"kind": "APIResourceList", "groupVersion": "apps/v1", "resources": [deployments, scale]}),
        failure(503, "ServiceUnavailable"),
    )
    found = await client.discovery()
    assert [(type.group, type.kind) for type in found.types] == [("", "Pod"), ("apps", "Deployment")]
    assert found.stale == {"metrics.k8s.io/v1"}


async def test_a_redirect_takes_the_credentials_nowhere(server: ScriptedServer) -> None:
    async def elsewhere(_request: web.BaseRequest) -> web.StreamResponse:
        raise web.HTTPFound("http://127.0.0.1:9/")

    server.play(elsewhere)
    cluster = Cluster(server.url, "played", ClusterCredentials(bearer_token="t"))
    async with KubeClient.for_cluster(cluster) as client:
        with pytest.raises(ClusterRefused):
            await client.version()
    assert len(server.seen) == 1


async def test_an_answer_that_is_no_json_is_told(server: ScriptedServer, client: KubeClient) -> None:
    async def page(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="<html>welcome</html>")

    server.play(page)
    with pytest.raises(ClusterRefused, match="is not JSON"):
        await client.version()


async def test_logs_come_line_by_line(server: ScriptedServer, client: KubeClient) -> None:
    async def log(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in (b"one\ntw", b"o\n\nlast"):
            await response.write(piece)
            await asyncio.sleep(0.01)
        return response

    server.play(log)
    lines = [line async for line in client.logs("n", "pod", container="c", tail=5)]
    assert lines == [b"one", b"two", b"", b"last"]
    assert server.calls == ["GET /api/v1/namespaces/n/pods/pod/log?container=c&tailLines=5"]
