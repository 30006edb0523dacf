"""Revisions, references, mirrors, and the manifest cache with a real Valkey that may go away."""

import asyncio
import contextlib
import hashlib
import threading
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis.asyncio as aioredis

from adapters.redis_cache import RedisCache, TypedCache
from adapters.repo_client import CachePolicy, PathFile
from gitops.model.errors import RepoServerUnavailable, RevisionNotFound
from gitops.model.repository import Repository, RepositoryCredentials
from repo_server.manifest_cache import Manifests
from tests.integration.repo.serving import CONTEXT, config_map

pytestmark = pytest.mark.integration

CHART = {
    "web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
    "web/values-dev.yaml": "tag: dev\n",
    "web/values-prod.yaml": "tag: prod\n",
    "web/templates/config.yaml": config_map("web") + "data: {tag: '{{ .Values.tag }}'}\n",
}


# --- revisions ------------------------------------------------------------------------------------------


async def test_what_a_target_revision_may_be(ask: Callable[..., Any]) -> None:
    asker = await ask()
    repo = asker.repo
    first = repo.commit({"a.yaml": config_map("a")})
    repo.git("tag", "v1.2.0")
    second = repo.commit({"a.yaml": config_map("b")})
    repo.git("tag", "-a", "v1.3.0", "-m", "annotated")
    third = repo.commit({"a.yaml": config_map("c")}, branch="feature/x")
    repo.git("push", "--quiet", "--tags", str(repo.bare))
    expected = {
        "main": second,
        "HEAD": second,
        "": second,
        "refs/heads/main": second,
        "feature/x": third,
        "v1.2.0": first,
        "v1.3.0": second,
        "refs/tags/v1.2.0": first,
        "1.2.x": first,
        ">=1.0.0": second,
        "^1.0": second,
        first: first,
        first[:8]: first,
    }
    for target, commit in expected.items():
        found = await asker.client.resolve(asker.repository, target, policy=CachePolicy.FRESH_REFS)
        assert (target, found) == (target, commit)
    for target in ("gone", "9.x", "0" * 40, "abcdef0"):
        with pytest.raises(RevisionNotFound):
            await asker.client.resolve(asker.repository, target)


async def test_fresh_references_are_fresh_and_shared(ask: Callable[..., Any]) -> None:
    asker = await ask(REPO_SERVER_WORKERS="1")
    asker.repo.commit({"a.yaml": config_map("a")})
    await asker.client.resolve(asker.repository, "main", policy=CachePolicy.FRESH_REFS)
    before = asker.server.metric("argocd_git_request_total", request_type="ls-remote")
    commit = asker.repo.commit({"a.yaml": config_map("b")})
    async with asyncio.TaskGroup() as callers:
        fresh = CachePolicy.FRESH_REFS
        found = [callers.create_task(asker.client.resolve(asker.repository, "main", policy=fresh)) for _ in range(50)]
    assert {each.result() for each in found} == {commit}
    # Those who ask while a question is under way share the next one; how many rounds that makes depends on
    # how long the fifty take to arrive.
    assert asker.server.metric("argocd_git_request_total", request_type="ls-remote") - before <= 10


async def test_known_references_cost_no_request(ask: Callable[..., Any]) -> None:
    asker = await ask(REPO_SERVER_WORKERS="1")
    asker.repo.commit({"a.yaml": config_map("a")})
    for _ in range(5):
        await asker.client.resolve(asker.repository, "main")
    assert asker.server.metric("argocd_git_request_total", request_type="ls-remote") == 1
    assert asker.server.metric("argocd_git_request_total", request_type="fetch") == 1


async def test_a_commit_that_was_force_pushed_away_still_renders(ask: Callable[..., Any]) -> None:
    asker = await ask()
    lost = asker.repo.commit({"p/a.yaml": config_map("lost")})
    await asker.client.resolve(asker.repository, "main", policy=CachePolicy.FRESH_REFS)
    asker.repo.git("reset", "--quiet", "--hard", "HEAD~1")
    asker.repo.git("push", "--quiet", "--force", str(asker.repo.bare), "HEAD:refs/heads/main")
    now = await asker.client.resolve(asker.repository, "main", policy=CachePolicy.FRESH_REFS)
    assert now != lost
    source = {"repoURL": asker.repo.url, "path": "p"}
    answer = await asker.client.manifests(asker.repository, source, revision=lost, context=CONTEXT)
    assert b"lost" in answer.manifests


async def test_revision_metadata_and_references(ask: Callable[..., Any]) -> None:
    asker = await ask()
    commit = asker.repo.commit({"a": "b"}, "Change a\n\nFor a reason.")
    asker.repo.git("tag", "v1")
    asker.repo.git("push", "--quiet", "--tags", str(asker.repo.bare))
    refs = await asker.client.list_refs(asker.repository)
    assert (refs.branches["main"], refs.tags["v1"]) == (commit, commit)
    metadata = await asker.client.revision_metadata(asker.repository, commit)
    assert metadata.message.startswith("Change a\n\nFor a reason.")
    assert metadata.tags == ("v1",)
    assert metadata.date.endswith("Z")
    assert "@" in metadata.author


async def test_paths_as_generators_ask_for_them(ask: Callable[..., Any]) -> None:
    asker = await ask()
    asker.repo.commit(
        {
            "deployments/dev/web/a.yaml": "x",
            "deployments/dev/api/deep/a.yaml": "x",
            "deployments/dev/.hidden/a.yaml": "x",
            "deployments/prod/web/a.yaml": "x",
            "deployments/dev/README.md": "x",
            "clusters/one/config.json": '{"a": 1}',
            "clusters/two/config.json": '{"a": 2}',
        }
    )
    fresh = CachePolicy.FRESH_REFS
    listing = await asker.client.list_paths(asker.repository, "main", directories=["deployments/dev/*"], policy=fresh)
    assert listing.directories == ("deployments/dev/api", "deployments/dev/web")
    two_stars = await asker.client.list_paths(asker.repository, "main", directories=["deployments/**"])
    assert two_stars.directories == ("deployments/dev", "deployments/prod")  # of directories, `**` is but `*`
    files = await asker.client.list_paths(asker.repository, "main", files=["clusters/*/config.json"])
    assert files.files == (
        PathFile("clusters/one/config.json", b'{"a": 1}'),
        PathFile("clusters/two/config.json", b'{"a": 2}'),
    )
    asker.repo.commit({"deployments/dev/web": None})
    again = await asker.client.list_paths(asker.repository, "main", directories=["deployments/dev/*"], policy=fresh)
    assert again.directories == ("deployments/dev/api",)


async def test_over_http_with_credentials_only_for_its_host(ask: Callable[..., Any], git_server: Any) -> None:
    asker = await ask()
    asker.repo.commit({"p/a.yaml": config_map("a")})
    credentials = RepositoryCredentials(username="user", password="canary-91")
    repository = Repository(url=f"{git_server.url}/repo.git", credentials=credentials)
    await asker.client.test(repository)
    assert await asker.client.resolve(repository, "main")
    mirrors = b"".join(each.read_bytes() for each in files_below(asker.server.state))
    assert b"canary-91" not in mirrors
    assert "canary-91" not in asker.server.log.read_text()


def files_below(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()]


async def test_it_starts_again_on_what_a_crash_left_behind(
    ask: Callable[..., Any], repo_server: Callable[..., Any]
) -> None:
    asker = await ask(REPO_SERVER_WORKERS="1")
    asker.repo.commit({"p/a.yaml": config_map("a")})
    await asker.names("p")
    asker.server.process.kill()
    asker.server.process.wait()
    (mirror,) = (asker.server.state / "mirrors").glob("*.git")
    (mirror / "refs" / "heads" / "main.lock").touch()
    asker.server.start()
    commit = asker.repo.commit({"p/a.yaml": config_map("b")})
    for _ in range(50):
        try:
            answer = await asker.render("p")
            break
        except RepoServerUnavailable:
            await asyncio.sleep(0.1)
    assert answer.revision == commit
    assert b'"b"' in answer.manifests


async def test_sigterm_ends_it_within_its_time(repo_server: Callable[..., Any]) -> None:
    server = repo_server()
    assert server.stop() < 5
    assert server.process.returncode == 0


# --- keys -----------------------------------------------------------------------------------------------


async def test_only_what_reads_the_change_renders_again(ask: Callable[..., Any]) -> None:
    asker = await ask(REPO_SERVER_WORKERS="1")
    asker.repo.commit({**CHART, "other/a.yaml": config_map("other")})

    async def render(stage: str, known: str = "") -> Any:
        return await asker.render("web", known=known, helm={"valueFiles": [f"values-{stage}.yaml"]})

    dev, prod, other = await render("dev"), await render("prod"), await asker.render("other")
    assert asker.server.metric("tiphys_render_total") == 3
    commit = asker.repo.commit({"web/values-dev.yaml": "tag: newer\n"})
    again = await render("prod", prod.render_key)
    assert (again.unchanged, again.manifests, again.revision, again.rendered) == (True, b"", commit, False)
    assert (await asker.render("other", known=other.render_key)).unchanged
    changed = await render("dev", dev.render_key)
    assert (changed.unchanged, changed.rendered) == (False, True)
    assert b"newer" in changed.manifests
    assert asker.server.metric("tiphys_render_total") == 4
    assert asker.server.metric("tiphys_render_total", source_type="Helm", path="web", result="success") == 3
    back = asker.repo.commit({"web/values-dev.yaml": CHART["web/values-dev.yaml"]})
    reverted = await render("dev", changed.render_key)
    assert (reverted.revision, reverted.render_key, reverted.rendered) == (back, dev.render_key, False)
    assert reverted.manifests == dev.manifests


async def test_equal_requests_at_one_time_share_one_render(ask: Callable[..., Any]) -> None:
    asker = await ask(REPO_SERVER_WORKERS="2")
    asker.repo.commit(CHART)
    async with asyncio.TaskGroup() as callers:
        answers = [callers.create_task(asker.render("web")) for _ in range(20)]
    assert len({each.result().manifests for each in answers}) == 1
    assert asker.server.metric("tiphys_render_total") == 1


async def test_bypass_renders_anew(ask: Callable[..., Any]) -> None:
    asker = await ask(REPO_SERVER_WORKERS="1")
    asker.repo.commit(CHART)
    first = await asker.render("web")
    again = await asker.render("web", known=first.render_key, policy=CachePolicy.BYPASS)
    assert (again.rendered, again.unchanged, again.manifests) == (True, False, first.manifests)


# --- Redis ----------------------------------------------------------------------------------------------


@pytest.fixture
def cached(tmp_path: Path, valkey_server: Any) -> dict[str, str]:
    key = tmp_path / "cache.key"
    key.write_text("secret of this test")
    return {"TIPHYS_REDIS_URL": valkey_server.url, "TIPHYS_CACHE_KEY_FILE": str(key)}


async def test_renders_outlive_the_process(
    ask: Callable[..., Any], cached: dict[str, str], git_repo: Callable[..., Any]
) -> None:
    first = await ask(**cached)
    first.repo.commit(CHART)
    rendered = await first.render("web")
    second = await ask(**cached)
    second.repo, second.repository = first.repo, first.repository
    found = await second.render("web")
    assert (found.rendered, found.manifests) == (False, rendered.manifests)
    assert second.server.metric("tiphys_manifest_answers_total", **{"from": "redis"}) == 1


async def test_redis_may_go_at_any_time_or_never_have_been(
    ask: Callable[..., Any], cached: dict[str, str], valkey_server: Any
) -> None:
    asker = await ask(**cached)
    asker.repo.commit(CHART)
    assert await asker.names("web") == ["ConfigMap/web"]
    valkey_server.kill()
    asker.repo.commit({"web/values.yaml": "tag: after\n"})
    (found,) = await asker.objects("web")
    assert found["data"] == {"tag": "after"}
    never = await ask(**{**cached, "TIPHYS_REDIS_URL": "redis://127.0.0.1:1/0"})
    never.repo.commit({"p/a.yaml": config_map("a")})
    assert await never.names("p") == ["ConfigMap/a"]
    assert never.server.metric("argocd_redis_request_total", failed="true") == 1, "it is left alone after a failure"


async def test_a_redis_that_hangs_costs_little(ask: Callable[..., Any], cached: dict[str, str]) -> None:
    with silent_listener() as port:
        asker = await ask(**{**cached, "TIPHYS_REDIS_URL": f"redis://127.0.0.1:{port}/0"})
        asker.repo.commit(CHART)
        begun = asyncio.get_running_loop().time()
        assert await asker.names("web") == ["ConfigMap/web"]
        assert asyncio.get_running_loop().time() - begun < 15


def silent_listener() -> Any:
    """Accepts connections and never says a word."""
    import socket
    from contextlib import contextmanager

    @contextmanager
    def listening() -> Any:
        with socket.create_server(("127.0.0.1", 0)) as server:
            held: list[socket.socket] = []

            def accept() -> None:
                try:
                    while True:
                        held.append(server.accept()[0])
                except OSError:
                    return

            thread = threading.Thread(target=accept)
            thread.start()
            try:
                yield server.getsockname()[1]
            finally:
                server.shutdown(socket.SHUT_RDWR)
                thread.join()
                for each in held:
                    each.close()

    return listening()


async def test_A13_forged_swapped_and_replayed_values_are_misses(
    ask: Callable[..., Any], cached: dict[str, str], valkey_server: Any
) -> None:
    asker = await ask(**cached)
    asker.repo.commit({**CHART, "p/a.yaml": config_map("other")})
    async with connected(valkey_server.url) as valkey:
        web = await asker.render("web")
        (name,) = await valkey.keys("*")
        await asker.render("p")
        (other,) = set(await valkey.keys("*")) - {name}
        true, swapped = await valkey.get(name), await valkey.get(other)
        forged = zlib.compress(msgspec.msgpack.encode(Manifests("Helm", b'[{"evil": true}]')))
        flipped = true[:60] + bytes([true[60] ^ 1]) + true[61:]
        for value in (swapped, forged, hashlib.sha256(forged).digest() + forged, flipped, true[:-1], b"", b"x" * 31):
            await valkey.set(name, value)
            fresh = await ask(**cached)
            fresh.repo, fresh.repository = asker.repo, asker.repository
            answer = await fresh.render("web")
            assert (answer.rendered, answer.manifests) == (True, web.manifests)
            fresh.server.stop()
        # What an older secret made is worth nothing under a new one.
        await valkey.set(name, true)
        write_secret(cached, "a new secret, made when the old one leaked")
        rotated = await ask(**cached)
        rotated.repo, rotated.repository = asker.repo, asker.repository
        assert (await rotated.render("web")).rendered


def write_secret(cached: dict[str, str], text: str) -> None:
    Path(cached["TIPHYS_CACHE_KEY_FILE"]).write_text(text)


CANARY = "canary-4711-in-a-rendered-secret"


async def test_rendered_secrets_are_not_in_redis_in_clear(
    ask: Callable[..., Any], cached: dict[str, str], valkey_server: Any
) -> None:
    asker = await ask(**cached)
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: '{{ .Values.password }}'}\n"
    asker.repo.commit({"web/Chart.yaml": CHART["web/Chart.yaml"], "web/templates/s.yaml": secret})
    answer = await asker.render("web", helm={"parameters": [{"name": "password", "value": CANARY}]})
    assert CANARY.encode() in answer.manifests
    async with connected(valkey_server.url) as valkey:
        names = await valkey.keys("*")
        assert names
        for name in names:
            value = await valkey.get(name)
            assert answer.render_key.encode() not in name, "a guess at the content could be checked by its hash"
            for seen in (value, *inflated(value)):
                assert CANARY.encode() not in seen
                assert b"stringData" not in seen


def inflated(value: bytes) -> list[bytes]:
    """Whatever of a value can be decompressed, from any place in it."""
    found = []
    for start in range(len(value)):
        for bits in (15, -15, 31):
            with contextlib.suppress(zlib.error):
                found.append(zlib.decompressobj(bits).decompress(value[start:], 10_000))
    return found


async def test_a_secret_that_could_be_guessed_is_refused(
    repo_server: Callable[..., Any], cached: dict[str, str]
) -> None:
    write_secret(cached, "short\n")
    with pytest.raises(AssertionError, match="shorter than 16 bytes"):
        repo_server(**cached)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    client = aioredis.Redis.from_url(url)
    try:
        yield client
    finally:
        await client.aclose()


async def test_another_secret_reads_nothing(valkey_server: Any) -> None:
    seen: list[tuple[str, bool]] = []

    def observe(command: str, failed: bool, seconds: float) -> None:
        seen.append((command, failed))

    async with (
        RedisCache.connect(valkey_server.url, b"one secret of this test", observe=observe) as one,
        RedisCache.connect(valkey_server.url, b"two secret of this test", observe=observe) as two,
    ):
        mine = TypedCache(one, "manifests", 1, Manifests, lifetime=timedelta(minutes=1))
        await mine.put("k", Manifests("Helm", b"[]"))
        assert await mine.get("k") == Manifests("Helm", b"[]")
        theirs = TypedCache(two, "manifests", 1, Manifests, lifetime=timedelta(minutes=1))
        assert await theirs.get("k") is None
        newer = TypedCache(one, "manifests", 2, Manifests, lifetime=timedelta(minutes=1))
        assert await newer.get("k") is None
    assert seen == [("set", False), ("get", False), ("get", False), ("get", False)]
