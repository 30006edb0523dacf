"""The Git server and its push announcement, with the real git on both sides."""

import hashlib
import hmac
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.fixtures.services import GitRepo
from tiphys.local import repositories
from tiphys.local.errors import LocalError
from tiphys.local.git_server import GitServer
from tiphys.local.layout import PROJECT
from tiphys.local.push_hook import NOTHING

pytestmark = pytest.mark.integration


class Announced(NamedTuple):
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event


class Receiver(HTTPServer):
    """Stands where the API server's webhook would."""

    def __init__(self) -> None:
        received: list[Announced] = []

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.append(Announced(dict(self.headers.items()), body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        super().__init__(("127.0.0.1", 0), Hook)
        self.received = received
        self.url = f"http://127.0.0.1:{self.server_address[1]}/api/webhook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def worktree(git_server: GitServer, receiver: Receiver, tmp_path: Path) -> Path:
    """A worktree of a repository whose pushes are announced, as `up` makes it."""
    bare = git_server.root / "gitops.git"
    url = f"{git_server.url}/gitops.git"
    repositories.make_bare(bare)
    repositories.fill(bare, PROJECT / "examples" / "gitops-repo", "first")
    repositories.announce_pushes(bare, {"url": receiver.url, "secret": "hush", "clone_url": url})
    folder = tmp_path / "worktree"
    repositories.make_worktree(folder, bare, url, git_server.push_token)
    return folder


def push(worktree: Path, message: str = "change") -> str:
    repositories.git("add", "--all", cwd=worktree)
    repositories.git("commit", "--quiet", "--message", message, cwd=worktree)
    repositories.git("push", "--quiet", cwd=worktree)
    return repositories.git("rev-parse", "HEAD", cwd=worktree)


def test_a_push_arrives_and_is_announced_with_its_files(
    worktree: Path, receiver: Receiver, git_server: GitServer
) -> None:
    before = repositories.git("rev-parse", "HEAD", cwd=worktree)
    (worktree / "deployments" / "dev" / "new é.yaml").write_text("a: 1\n")
    (worktree / "README.md").unlink()
    after = push(worktree)
    (announced,) = receiver.received
    headers = {name.lower(): value for name, value in announced.headers.items()}
    assert headers["x-github-event"] == "push"
    signature = hmac.new(b"hush", announced.body, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature-256"] == f"sha256={signature}"
    event = announced.event
    assert (event["ref"], event["before"], event["after"]) == ("refs/heads/main", before, after)
    assert event["repository"]["clone_url"] == f"{git_server.url}/gitops.git"
    assert event["commits"] == [
        {"id": after, "added": ["deployments/dev/new é.yaml"], "modified": [], "removed": ["README.md"]}
    ]


def test_each_branch_and_each_commit_is_announced(worktree: Path, receiver: Receiver) -> None:
    for number in range(3):
        (worktree / "file").write_text(str(number))
        repositories.git("add", "--all", cwd=worktree)
        repositories.git("commit", "--quiet", "--message", str(number), cwd=worktree)
    repositories.git("push", "--quiet", "origin", "main", "main:refs/heads/feature", cwd=worktree)
    assert sorted(each.event["ref"] for each in receiver.received) == ["refs/heads/feature", "refs/heads/main"]
    on_main = next(each.event for each in receiver.received if each.event["ref"] == "refs/heads/main")
    assert [commit["added"] or commit["modified"] for commit in on_main["commits"]] == [["file"]] * 3
    repositories.git("push", "--quiet", "origin", ":feature", cwd=worktree)
    assert receiver.received[-1].event["after"] == NOTHING


def test_a_push_does_not_fail_because_nobody_listens(worktree: Path, git_server: GitServer) -> None:
    bare = git_server.root / "gitops.git"
    webhook = {"url": "http://127.0.0.1:9/api/webhook", "secret": "hush", "clone_url": "x"}
    repositories.announce_pushes(bare, webhook)
    (worktree / "file").write_text("1")
    commit = push(worktree)
    assert repositories.git("rev-parse", "main", cwd=bare) == commit


def test_a_large_push_comes_through_in_chunks(worktree: Path, git_server: GitServer) -> None:
    noise = hashlib.shake_256(b"seed").digest(6_000_000)  # more than git sends in one piece
    (worktree / "large.bin").write_bytes(noise)
    commit = push(worktree)
    bare = git_server.root / "gitops.git"
    assert repositories.git("rev-parse", "main", cwd=bare) == commit
    repositories.git("fsck", "--strict", cwd=bare)


def test_everybody_may_clone_but_not_push(worktree: Path, git_server: GitServer, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    repositories.git("clone", "--quiet", f"{git_server.url}/gitops.git", str(clone), cwd=tmp_path)
    assert (clone / "README.md").exists()
    (clone / "README.md").write_text("mine")
    repositories.git("commit", "--quiet", "--all", "--message", "x", cwd=clone)
    with pytest.raises(LocalError, match=r"(?i)username|authentication"):
        repositories.git("push", cwd=clone)
    token = (worktree / ".git" / "config").read_text()
    assert git_server.push_token not in token  # encoded, and in a file only its owner reads
    assert (worktree / ".git" / "config").stat().st_mode & 0o077 == 0


def test_a_page_from_elsewhere_is_refused(git_repo: Callable[..., GitRepo], git_server: GitServer) -> None:
    git_repo("private")
    url = f"{git_server.url}/private.git/info/refs?service=git-upload-pack"
    with urllib.request.urlopen(url, timeout=5) as answer:
        assert b"refs/heads/main" in answer.read()
    foreign = urllib.request.Request(url, headers={"Host": "evil.example:80"})
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        urllib.request.urlopen(foreign, timeout=5)
    refused.value.close()


def test_what_is_not_there_is_not_found(git_server: GitServer) -> None:
    for path in ("/none.git/info/refs?service=git-upload-pack", "/../../etc/passwd"):
        with pytest.raises(urllib.error.HTTPError) as missing:
            urllib.request.urlopen(git_server.url + path, timeout=5)
        assert missing.value.code == 404
        missing.value.close()
