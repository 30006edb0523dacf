"""Two teams with credentials of their own for one address: what Git tells one, the other is not told."""

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.fixtures.control_plane import ControlPlane
from tests.fixtures.services import GitRepo
from tests.integration.controller.controller_world import (
    World,
    a_project,
    config_map,
    eventually,
    opened_world,
    yaml,
)
from tests.integration.repo.serving import ServerProcess
from tiphys.local.git_server import GitRequest, GitServer

REFUSED = "ComparisonError"


class GuardedRequest(GitRequest):
    server: "GuardedServer"

    def _answer(self) -> None:
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        user, _, password = base64.b64decode(token).decode().partition(":") if scheme == "Basic" else ("", "", "")
        if user:
            self.server.asked_with.append(password)
        if password in self.server.passwords:
            super()._answer()
        else:
            self._refuse(401, "who are you?")


class GuardedServer(GitServer):
    """Lets those read who show one of its passwords, and notes which it was shown."""

    def __init__(self, root: Path) -> None:
        super().__init__(0, root, "nobody-pushes")
        self.RequestHandlerClass = GuardedRequest
        self.passwords: set[str] = set()
        self.asked_with: list[str] = []


@pytest.fixture
def guarded(git_repo: Callable[..., GitRepo], tmp_path: Path) -> Iterator[tuple[GuardedServer, GitRepo]]:
    repo = git_repo("shop")
    server = GuardedServer(repo.bare.parent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server, repo._replace(url=f"{server.url}/{repo.bare.name}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
async def teams(
    control_plane: ControlPlane,
    fresh_namespace: str,
    repo_process: ServerProcess,
    tls: Path,
    guarded: tuple[GuardedServer, GitRepo],
) -> AsyncIterator[World]:
    """One Application in each of two projects, at one address."""
    async with opened_world(control_plane, fresh_namespace, repo_process.address, tls, guarded[1]) as world:
        for team in ("alice", "bob"):
            await asyncio.to_thread(control_plane.apply, a_project(team, fresh_namespace))
        yield world


async def register(world: World, team: str, password: str) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"repo-{team}",
            "namespace": world.namespace,
            "labels": {"argocd.argoproj.io/secret-type": "repository"},
        },
        "stringData": {"url": world.git.url, "project": team, "username": team, "password": password},
    }
    await world.kubectl("apply", "-f", "-", stdin=json.dumps(secret))


async def test_two_teams_at_one_address_are_told_what_their_own_credentials_show(
    teams: World, guarded: tuple[GuardedServer, GitRepo]
) -> None:
    world, (server, _) = teams, guarded
    server.passwords = {"canary-alice"}
    await register(world, "alice", "canary-alice")
    await register(world, "bob", "canary-bob")
    world.commit({"app/all.yaml": yaml(config_map("a", n="1"))})
    await world.start()
    alice = await world.add_app("alice", project="alice")
    await world.wait_sync(alice, "OutOfSync")
    bob = await world.add_app("bob", project="bob")
    refused = await world.wait_condition(bob, REFUSED)
    assert "canary" not in refused

    # Neither polls nor pushes tell one what the other may know.
    revision = world.commit({"app/all.yaml": yaml(config_map("a", n="2"))})
    assert world.controller.revisions.announce(world.git.url)
    assert not (await world.wait_sync(alice, "OutOfSync", revision=revision)).get("conditions")
    status = await world.status(bob)
    assert revision not in json.dumps(status)
    await world.wait_condition(bob, REFUSED)

    # New credentials are used at once, and the old ones never again.
    server.passwords.add("canary-bob-2")
    await register(world, "bob", "canary-bob-2")
    await world.wait_sync(bob, "OutOfSync", revision=revision)
    server.asked_with.clear()

    async def polled() -> bool:
        return all(server.asked_with.count(each) >= 4 for each in ("canary-alice", "canary-bob-2"))

    await eventually(polled, "both are polled with what they have now")
    assert "canary-bob" not in server.asked_with

    # Who is shut out says so, and only they.
    server.passwords.discard("canary-alice")
    await world.wait_condition(alice, REFUSED)
    newest = world.commit({"app/all.yaml": yaml(config_map("a", n="3"))})
    await world.wait_sync(bob, "OutOfSync", revision=newest)
    assert not (await world.status(bob)).get("conditions")
    assert newest not in json.dumps(await world.status(alice))


async def test_an_application_at_a_fixed_commit_is_not_shown_from_memory_once_its_credentials_are_others(
    teams: World, guarded: tuple[GuardedServer, GitRepo]
) -> None:
    world, (server, _) = teams, guarded
    server.passwords = {"canary-alice"}
    await register(world, "alice", "canary-alice")
    commit = world.commit({"app/all.yaml": yaml(config_map("a"))})
    await world.start()
    source = {"repoURL": world.git.url, "path": "app", "targetRevision": commit}
    alice = await world.add_app("alice", project="alice", source=source)
    await world.wait_sync(alice, "OutOfSync", revision=commit)
    await register(world, "alice", "canary-wrong")
    await world.wait_condition(alice, REFUSED)
