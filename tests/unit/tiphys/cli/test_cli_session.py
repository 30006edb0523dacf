"""Logging in and out, contexts, and which token goes where."""

import json
import stat
from pathlib import Path

import pytest
from cli_remote import PASSWORD, TOKEN, Remote, Run, application

from tiphys.cli.config import Config, Login, Wanted, chosen_login, server_url
from tiphys.cli.errors import NotFound, NotLoggedIn, Usage


def test_login_keeps_the_token_for_its_owner_alone(run: Run, remote: Remote, config_file: Path) -> None:
    ran = run("login", remote.url, "--username", "operator", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert ran.code == 0
    assert ran.out.startswith(f"Logged in at {remote.url} as operator")
    assert stat.S_IMODE(config_file.stat().st_mode) == 0o600
    stored = config_file.read_text()
    assert TOKEN in stored
    assert PASSWORD not in stored + ran.out + ran.err
    assert TOKEN not in ran.out + ran.err
    remote.add(application("around-api-dev"))
    assert run("app", "list", "-o", "name").out == "around-api-dev\n"


def test_a_wrong_password_is_refused_and_stores_nothing(run: Run, remote: Remote, config_file: Path) -> None:
    ran = run("login", remote.url, "--username", "operator", "--password", "wrong")
    assert ran.code == 3
    assert "refused the login of operator" in ran.err
    assert not config_file.exists()


def test_nobody_to_ask_for_a_password(run: Run, remote: Remote) -> None:
    ran = run("login", remote.url, "--username", "operator")
    assert ran.code == 2
    assert "--password-stdin" in ran.err


def test_logging_in_again_needs_no_address_and_keeps_the_context(run: Run, remote: Remote, config_file: Path) -> None:
    run("login", remote.url, "--username", "operator", "--password", PASSWORD, "--name", "home", "--insecure")
    run("logout")
    ran = run("login", "--username", "admin", "--password", PASSWORD)
    assert ran.out == f"Logged in at {remote.url} as admin (context home).\n"
    stored = json.loads(config_file.read_text())
    assert list(stored["contexts"]) == ["home"]
    assert stored["contexts"]["home"]["insecure"] is True


def test_logout_forgets_the_token_and_tells_the_server(run: Run, remote: Remote, config_file: Path) -> None:
    run("login", remote.url, "--username", "operator", "--password", PASSWORD)
    assert run("logout").code == 0
    assert [path for path, _ in remote.asked("DELETE")] == ["/api/v1/session"]
    assert TOKEN not in config_file.read_text()
    assert run("app", "list").code == 3


def test_logout_works_when_the_server_is_gone(run: Run, remote: Remote, config_file: Path) -> None:
    run("login", remote.url, "--username", "operator", "--password", PASSWORD)
    config_file.write_text(config_file.read_text().replace(remote.url, "http://127.0.0.1:1"))
    ran = run("logout")
    assert ran.code == 0
    assert "The server was not told" in ran.err
    assert TOKEN not in config_file.read_text()


def test_contexts_are_listed_and_changed(run: Run, remote: Remote) -> None:
    for name in ("one", "two"):
        run("login", remote.url, "--username", "operator", "--password", PASSWORD, "--name", name)
    assert run("context", "list").out == (
        "CURRENT  NAME  SERVER                  USER      LOGGED IN\n".replace(
            "SERVER                 ", "SERVER".ljust(len(remote.url) + 1)
        )
        + f"-        one   {remote.url}  operator  yes\n"
        + f"*        two   {remote.url}  operator  yes\n"
    )
    assert run("context", "use", "one").code == 0
    listed = json.loads(run("context", "list", "-o", "json").out)
    assert [(each["name"], each["current"]) for each in listed] == [("one", True), ("two", False)]
    assert "token" not in listed[0]
    ran = run("context", "use", "three")
    assert ran.code == 4
    assert "there is no context `three` (known: one, two)" in ran.err


def test_a_broken_configuration_is_named(run: Run, config_file: Path) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text("{")
    ran = run("app", "list")
    assert ran.code == 2
    assert f"{config_file} is not a Tiphys configuration" in ran.err


def test_version_and_userinfo(tiphys: Run, remote: Remote) -> None:
    assert tiphys("version").out == f"tiphys: 0.1.0\nserver: v0.1.0 at {remote.url}\n"
    assert tiphys("account", "userinfo").out == "Username:  operator\nIssuer:    argocd\nGroups:    ops\n"


def test_login_to_the_local_set_up_needs_one(run: Run) -> None:
    ran = run("login", "--local")
    assert ran.code == 1
    assert "no local set-up is running" in ran.err
    assert run("status").code == 1
    assert run("login").code == 1


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("localhost:8080", "http://localhost:8080"),
        ("127.0.0.1", "http://127.0.0.1"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("cd.example.com", "https://cd.example.com"),
        ("cd.example.com:8443/tiphys/", "https://cd.example.com:8443/tiphys"),
        ("http://cd.example.com", "http://cd.example.com"),
    ],
)
def test_an_address_becomes_a_url(text: str, url: str) -> None:
    assert server_url(text) == url


@pytest.mark.parametrize("text", ["", "ftp://x", "https://", "https://user:pw@host", "host:99999", "https://h/?a=b"])
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(Usage):
        server_url(text)


A, B = Login("https://a", token="ta"), Login("https://b", token="tb")
KNOWN = Config("a", {"a": A, "b": B})


@pytest.mark.parametrize(
    ("wanted", "server", "token"),
    [
        pytest.param(Wanted(), "https://a", "ta", id="the current context"),
        pytest.param(Wanted(context="b"), "https://b", "tb", id="another context"),
        pytest.param(Wanted(server="https://b"), "https://b", "tb", id="an address known from another context"),
        pytest.param(Wanted(server="https://c"), "https://c", "", id="no stored token goes to a stranger"),
        pytest.param(Wanted(server="https://c", token="x"), "https://c", "x", id="a given token does"),
        pytest.param(Wanted(token="x"), "https://a", "x", id="a given token wins over a login"),
    ],
)
def test_which_server_and_which_token(wanted: Wanted, server: str, token: str) -> None:
    login = chosen_login(KNOWN, wanted)
    assert (login.server, login.token) == (server, token)


def test_no_server_and_no_such_context() -> None:
    with pytest.raises(NotLoggedIn):
        chosen_login(Config(), Wanted())
    with pytest.raises(NotFound):
        chosen_login(KNOWN, Wanted(context="z"))


def test_a_login_shows_no_token() -> None:
    assert "ta" not in repr(A)


def test_a_refused_token_of_the_environment_is_not_answered_with_log_in(
    run: Run, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIPHYS_SERVER", remote.url)
    monkeypatch.setenv("TIPHYS_AUTH_TOKEN", "not-a-token")
    ran = run("app", "list")
    assert ran.code == 3
    assert "the token in TIPHYS_AUTH_TOKEN is refused" in ran.err
    assert "tiphys login" not in ran.err
    assert "not-a-token" not in ran.err
