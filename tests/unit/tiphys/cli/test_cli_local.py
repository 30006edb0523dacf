"""The local set-up: what one sees of it, and how one gets in without typing an address."""

import json
from pathlib import Path
from typing import Any

import pytest
from cli_remote import PASSWORD, Remote, Run

from tiphys import local
from tiphys.cli.commands.local import cluster_and_context
from tiphys.cli.errors import Usage


@pytest.fixture
def local_setup(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A local set-up whose API server is the remote; only what it tells of itself is made up."""
    told = {
        "url": remote.url,
        "username": "admin",
        "password": PASSWORD,
        "users": {"admin": PASSWORD, "operator": "another"},
        "namespace": "argocd",
        "kubeconfigs": {"mgmt": "/state/kubeconfigs/mgmt.yaml"},
        "repo": {"url": "http://127.0.0.1:1/gitops.git", "worktree": "/state/worktree/gitops"},
        "pids": {"api_server": 7},
        "restarts": {"api_server": 1, "repo_server": 2},
        "logs": {"api_server": "/state/logs/api_server.log"},
    }
    monkeypatch.setattr(local, "status", lambda: told)
    return told


def test_who_is_not_logged_in_is_told_what_to_type(run: Run, local_setup: dict[str, Any]) -> None:
    ran = run("app", "list")
    assert ran.code == 3
    assert f"`tiphys login --local` (a local set-up runs at {local_setup['url']})" in ran.err
    assert "--local" not in run("--server", "http://127.0.0.1:1", "app", "list").err


@pytest.mark.parametrize("arguments", [("login",), ("login", "--local"), ("login", "--local", "--username", "admin")])
def test_login_without_an_address(run: Run, local_setup: dict[str, Any], arguments: tuple[str, ...]) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out) == (0, f"Logged in at {local_setup['url']} as admin (context local).\n")
    assert run("app", "list").code == 0


def test_every_users_own_password_is_used(run: Run, remote: Remote, local_setup: dict[str, Any]) -> None:
    run("login", "--local", "--username", "operator")
    assert remote.asked("POST") == [("/api/v1/session", {"username": "operator", "password": "another"})]


def test_status_shows_no_password_but_json_does(run: Run, local_setup: dict[str, Any]) -> None:
    ran = run("status")
    assert PASSWORD not in ran.out
    assert ran.out.splitlines()[-3:] == [
        "PROCESS      PID       RESTARTS  LOG",
        "api_server   7         1         /state/logs/api_server.log",
        "repo_server  starting  2         -",
    ]
    assert json.loads(run("status", "--json").out) == local_setup


def test_what_fails_while_setting_up_is_told_in_a_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(options: object) -> None:
        raise local.LocalError(f"port 8080 is taken\n{options!r}")

    monkeypatch.setattr(local, "up", fails)
    ran = run("up", "--context", "mgmt=a", "--context", "dev=b", "--kubeconfig", "/k", "--no-sample")
    assert ran.code == 1
    assert ran.err.startswith("Error: port 8080 is taken\n")
    assert "contexts={'mgmt': 'a', 'dev': 'b'}" in ran.err
    assert f"kubeconfig={Path('/k')!r}" in ran.err
    assert "sample=False" in ran.err


def test_clean_asks_first(run: Run) -> None:
    assert run("clean").code == 2


def test_down_without_anything_running(run: Run) -> None:
    ran = run("down")
    assert (ran.code, ran.out) == (0, "Nothing was running.\n")


@pytest.mark.parametrize("text", ["dev", "=ctx", "dev="])
def test_a_context_needs_its_cluster(text: str) -> None:
    with pytest.raises(Usage):
        cluster_and_context(text)
