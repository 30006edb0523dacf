import io
from pathlib import Path

import pytest

from tiphys.local import git_server


@pytest.mark.parametrize(
    ("target", "push"),
    [
        ("/gitops.git/info/refs?service=git-receive-pack", True),
        ("/gitops.git/git-receive-pack", True),
        ("/gitops.git/info/refs?service=git-upload-pack", False),
        ("/gitops.git/git-upload-pack", False),
        ("/gitops.git/HEAD", False),
    ],
)
def test_both_halves_of_a_push_are_known(target: str, push: bool) -> None:
    assert git_server.is_push(target) is push


def test_only_the_token_opens_for_a_push() -> None:
    assert git_server.may_push(git_server.basic_authorization("right"), "right")
    assert not git_server.may_push(git_server.basic_authorization("wrong"), "right")
    assert not git_server.may_push(None, "right")
    assert not git_server.may_push("Bearer right", "right")


def test_a_body_is_read_to_its_length_and_no_further() -> None:
    source = io.BytesIO(b"onetwo")
    assert b"".join(git_server.body_parts(source, {"Content-Length": "3"})) == b"one"
    assert source.read() == b"two"


def test_a_chunked_body_is_put_together() -> None:
    source = io.BytesIO(b"3\r\none\r\n4;x=y\r\nmore\r\n0\r\nTrailer: t\r\n\r\nnext")
    assert b"".join(git_server.body_parts(source, {"Transfer-Encoding": "chunked"})) == b"onemore"
    assert source.read() == b"next"


def test_the_backends_status_is_passed_on() -> None:
    source = io.BytesIO(b"Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nbody")
    assert git_server.read_cgi_headers(source) == (404, [("Content-Type", "text/plain")])
    assert source.read() == b"body"


def test_a_backend_that_says_nothing_is_an_error() -> None:
    assert git_server.read_cgi_headers(io.BytesIO(b""))[0] == 500


def test_the_backend_sees_the_request_and_nothing_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/somewhere")
    environment = git_server.cgi_environment(
        "GET", "/r.git/info/refs?service=git-upload-pack", {"Git-Protocol": "version=2"}, Path("/root")
    )
    assert environment["PATH_INFO"] == "/r.git/info/refs"
    assert environment["QUERY_STRING"] == "service=git-upload-pack"
    assert environment["GIT_PROTOCOL"] == "version=2"
    assert "GIT_DIR" not in environment
    assert "CONTENT_LENGTH" not in environment
