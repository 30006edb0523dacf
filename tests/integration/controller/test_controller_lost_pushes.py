"""A push that nobody announced, or whose announcement nobody took: found as soon as somebody looks."""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from tests.fixtures.control_plane import ControlPlane
from tests.fixtures.services import GitRepo
from tests.integration.controller.controller_world import World, config_map, eventually, opened_world, yaml
from tests.integration.repo.serving import ServerProcess

NEVER = timedelta(hours=1)
SOON = 5.0


async def test_a_push_while_the_controller_was_away_is_there_when_it_is_back(world: World) -> None:
    await world.stop()
    await world.start(poll_interval=NEVER)
    world.commit({"app/all.yaml": yaml(config_map("a", n="1"))})
    app = await world.add_app(automated={})
    await world.wait_sync(app, "Synced")
    await world.running.kill()
    revision = world.commit({"app/all.yaml": yaml(config_map("a", n="2"))})
    await world.start(poll_interval=NEVER)
    back = time.monotonic()
    await world.wait_sync(app, "Synced", revision=revision, within=2 * SOON)
    assert await world.data("a") == {"n": "2"}
    assert time.monotonic() - back < 3 * SOON


async def test_a_new_application_of_a_known_repository_sees_what_was_just_pushed(world: World) -> None:
    await world.stop()
    await world.start(poll_interval=NEVER)
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    first = await world.add_app("first")
    await world.wait_sync(first, "OutOfSync")
    seen = set()
    revision = world.commit({"more/all.yaml": yaml(config_map("b"))})
    second = await world.add_app("second", path="more")

    async def compared() -> bool:
        status = await world.status(second)
        seen.update(each["type"] for each in status.get("conditions") or ())
        return (status.get("sync") or {}).get("revision") == revision

    await eventually(compared, "the new application is compared", within=2 * SOON)
    assert not seen
    await world.wait_sync(first, "OutOfSync", revision=revision)


async def test_a_reference_that_is_followed_again_is_asked_again(world: World) -> None:
    await world.stop()
    await world.start(poll_interval=NEVER)
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    app, other = await world.add_app(), await world.add_app("other")
    await world.wait_sync(app, "OutOfSync")
    first = await world.wait_sync(other, "OutOfSync")
    await world.patch_app(app, {"spec": {"source": {"targetRevision": first["sync"]["revision"]}}})
    revision = world.commit({"app/all.yaml": yaml(config_map("a", n="2"))})
    await asyncio.sleep(1)
    await world.patch_app(app, {"spec": {"source": {"targetRevision": "main"}}})
    await world.wait_sync(app, "OutOfSync", revision=revision, within=2 * SOON)


async def test_every_repository_is_asked_when_announcements_may_have_been_lost(world: World) -> None:
    await world.stop()
    await world.start(poll_interval=NEVER)
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    app = await world.add_app()
    await world.wait_sync(app, "OutOfSync")
    revision = world.commit({"app/all.yaml": yaml(config_map("a", n="2"))})
    assert world.controller.revisions.announce("")
    await world.wait_sync(app, "OutOfSync", revision=revision, within=SOON)


async def test_a_commit_that_does_not_render_is_named_with_its_author_until_a_newer_one_mends_it(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    app = await world.add_app(automated={})
    await world.wait_sync(app, "Synced")
    world.git.git("config", "user.name", "Dora Breaker")
    broken = world.commit({"app/more.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: [unclosed\n"})
    message = await world.wait_condition(app, "ComparisonError", f"commit {broken[:7]} by ")
    assert "more.yaml" in message
    mended = world.commit({"app/more.yaml": yaml(config_map("b"))})
    status = await world.wait_sync(app, "Synced", revision=mended)
    assert not status.get("conditions")
    assert json.dumps(status).count(broken) == 0


async def test_a_repo_server_that_is_away_is_told_with_the_time_and_what_was_pushed_meanwhile_is_found(
    control_plane: ControlPlane,
    fresh_namespace: str,
    tls: Path,
    tools_dir: Path,
    tmp_path: Path,
    git_repo: Callable[..., GitRepo],
) -> None:
    server = ServerProcess(tmp_path, tools_dir, tls)
    server.start()
    try:
        async with opened_world(control_plane, fresh_namespace, server.address, tls, git_repo("shop")) as world:
            await world.start(poll_interval=NEVER)
            world.commit({"app/all.yaml": yaml(config_map("a"))})
            app = await world.add_app(automated={})
            await world.wait_sync(app, "Synced")
            server.process.kill()  # one that hangs is found out by its connection, half a minute later
            server.process.wait()
            await world.wait_condition(app, "ComparisonError", "nothing was heard of", within=60)
            revision = world.commit({"app/all.yaml": yaml(config_map("a", n="2"))})
            await asyncio.to_thread(server.start)
            await world.wait_sync(app, "Synced", revision=revision, within=60)
    finally:
        server.stop()
