"""Every way a command may end, as one table; and that the documentation says the same."""

from pathlib import Path

import pytest
from cli_remote import Remote, Run, application

from tiphys.cli.exit_codes import MEANINGS, ExitCode
from tiphys.cli.version import VERSION

PROJECT = Path(__file__).resolve().parents[4]
APPS = "/api/v1/applications"


@pytest.mark.parametrize(
    ("status", "body", "code", "said"),
    [
        pytest.param(400, {"message": "revision is not a commit"}, 2, "revision is not a commit", id="bad request"),
        pytest.param(401, {"message": "token is expired"}, 3, "token is expired", id="login expired"),
        pytest.param(403, {"message": "permission denied: applications, list"}, 3, "denied", id="forbidden"),
        pytest.param(404, "Not Found", 4, "HTTP 404", id="no such route"),
        pytest.param(409, {"message": "another operation is already in progress"}, 8, "another", id="conflict"),
        pytest.param(
            400, {"message": "another operation is already in progress", "code": 9}, 8, "another", id="not now"
        ),
        pytest.param(422, {"detail": [{"loc": ["query"]}]}, 2, "query", id="FastAPI's own refusal"),
        pytest.param(500, {"message": "boom"}, 7, "boom", id="server error"),
        pytest.param(502, "<html>bad gateway</html>", 6, "HTTP 502", id="proxy before a dead server"),
        pytest.param(503, {"message": "starting"}, 6, "starting", id="not ready"),
        pytest.param(504, {"message": "the controller is silent"}, 5, "silent", id="gateway timeout"),
        pytest.param(307, "", 7, "redirects elsewhere", id="redirect"),
        pytest.param(200, "<html>hello</html>", 7, "did not answer in JSON", id="some other web server"),
        pytest.param(200, {"items": [{"metadata": 7}]}, 7, "is not the Application expected", id="other JSON"),
    ],
)
def test_an_answer_becomes_an_exit_code_and_a_message(
    tiphys: Run, remote: Remote, status: int, body: object, code: int, said: str
) -> None:
    remote.answers["GET", APPS] = (status, body)
    ran = tiphys("app", "list")
    assert ran.code == code
    assert said in ran.err
    assert ran.err.count("\n") <= 2
    assert ran.out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("app", "lst"), "No such command 'lst'"),
        (("app", "list", "--colour"), "No such option"),
        (("app", "list", "-o", "xml"), "xml"),
        (("app", "get",), "Missing argument"),
        (("app", "sync"), "name the applications, or choose them with -l"),
        (("app", "sync", "a", "-l", "env=dev"), "not both"),
        (("app", "sync", "a/b/c"), "`a/b/c` is not an application"),
        (("app", "sync", "a", "--resource", "Deployment"), "`Deployment` is not a resource"),
        (("app", "wait", "a", "--timeout", "soon"), "`soon` is not a duration"),
        (("app", "delete", "a"), "needs a confirmation"),
        (("app", "set", "a"), "nothing to change"),
        (("app", "create", "a", "--repo", "r"), "needs NAME, --repo and --path"),
        (("app", "create", "-f", "/no/such/file"), "/no/such/file cannot be read"),
        (("login", "http://10.0.0.1", "--username", "u"), "would send the password unencrypted"),
        (("login", "ftp://host"), "`ftp://host` is not a server address"),
    ],
)  # fmt: skip
def test_a_wrong_command_line_is_2_and_asks_the_server_to_change_nothing(
    tiphys: Run, remote: Remote, arguments: tuple[str, ...], said: str
) -> None:
    ran = tiphys(*arguments)
    assert ran.code == ExitCode.USAGE
    assert said in ran.err
    assert all(method == "GET" for method, _, _ in remote.requests)


def test_without_a_login_it_says_what_to_type(run: Run) -> None:
    ran = run("app", "list")
    assert ran.code == ExitCode.REFUSED
    assert ran.err == "Error: no server is known\n  → log in with `tiphys login SERVER`, or set TIPHYS_SERVER\n"


def test_a_server_that_is_away_is_6(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIPHYS_SERVER", "127.0.0.1:1")
    monkeypatch.setenv("TIPHYS_AUTH_TOKEN", "t")
    ran = run("app", "list")
    assert ran.code == ExitCode.UNREACHABLE
    assert "http://127.0.0.1:1 does not answer (Connection refused)" in ran.err


def test_a_missing_application_is_4_for_who_may_see_all(tiphys: Run, remote: Remote) -> None:
    ran = tiphys("app", "get", "ghost")
    assert ran.code == ExitCode.NOT_FOUND
    assert "there is no application `ghost`" in ran.err


def test_a_missing_application_may_be_a_hidden_one_for_others(tiphys: Run, remote: Remote) -> None:
    remote.allowed = False
    ran = tiphys("app", "sync", "ghost")
    assert ran.code == ExitCode.REFUSED
    assert "does not exist, or you may not see it" in ran.err


def test_can_i_says_no_with_1(tiphys: Run, remote: Remote) -> None:
    assert tiphys("account", "can-i", "sync", "applications", "prod/a").code == ExitCode.OK
    remote.allowed = False
    ran = tiphys("account", "can-i", "sync", "applications", "prod/a")
    assert (ran.code, ran.out) == (ExitCode.NEGATIVE, "no\n")
    assert remote.requests[-1][1] == "/api/v1/account/can-i/applications/sync/prod/a"


def test_control_characters_in_an_answer_do_not_reach_the_terminal(tiphys: Run, remote: Remote) -> None:
    remote.add(application("a", status__conditions=[{"type": "SyncError", "message": "\x1b[2Jgone\x07"}]))
    ran = tiphys("app", "get", "a")
    assert "\x1b" not in ran.out
    assert "gone" in ran.out


def test_every_exit_code_is_in_the_help_and_in_the_reference(run: Run) -> None:
    ran = run("--help")
    reference = (PROJECT / "docs" / "cli.md").read_text()
    assert set(MEANINGS) == set(ExitCode)
    for code, meaning in MEANINGS.items():
        assert f"{code.value:>3}  {meaning}" in ran.out
        assert f"| {code.value} | {meaning} |" in reference


@pytest.mark.parametrize("group", ["", "app", "appset", "proj", "cluster", "repo", "context", "account"])
def test_no_line_of_help_is_cut_off(run: Run, group: str) -> None:
    ran = run(*filter(None, (group, "--help")))
    assert ran.code == 0
    assert not [line for line in ran.out.splitlines()[1:] if line.endswith("...")]


def test_the_version_is_the_packages() -> None:
    assert f'\nversion = "{VERSION}"\n' in (PROJECT / "pyproject.toml").read_text()
