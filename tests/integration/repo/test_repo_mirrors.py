"""Mirrors with a real git: whose they are, who writes to them, what of a bad repository still comes, how they age."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from adapters.clock import SystemClock
from gitops.model.errors import RepositoryRefused, RevisionNotFound, SourceError
from gitops.model.repository import Repository, RepositoryCredentials
from repo_server.metrics import Metrics
from repo_server.sources.git import GitLimits, Mirror
from repo_server.sources.mirrors import Mirrors
from tests.fixtures.services import GitRepo

pytestmark = pytest.mark.integration

ALICE = RepositoryCredentials(username="alice", password="canary-alice")
BOB = RepositoryCredentials(username="bob", password="canary-bob")
BAD_MODULES = '[submodule "x"]\n\tpath = x\n\turl = --upload-pack=touch\n'


class FixedClock(SystemClock):
    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


@pytest.fixture
def mirrors(tmp_path: Path) -> Callable[..., Mirrors]:
    def make(
        *,
        path: str = "/usr/local/bin:/usr/bin:/bin",
        processes: int = 8,
        clock: SystemClock | None = None,
        **limits: int,
    ) -> Mirrors:
        made = Mirrors(
            tmp_path / "mirrors",
            local_allowed=True,
            limits=GitLimits(**limits),  # type: ignore[arg-type]
            clock=clock or SystemClock(),
            metrics=Metrics(CollectorRegistry()),
            processes=processes,
            search_path=path,
        )
        made.prepare()
        return made

    return make


def wrapped_git(folder: Path, body: str) -> str:
    """A search path whose git runs this shell before and around the real one."""
    folder.mkdir()
    script = folder / "git"
    script.write_text(f"#!/bin/sh\nLOG={folder}\n{body}\n")
    script.chmod(0o755)
    return f"{folder}:/usr/local/bin:/usr/bin:/bin"


def hidden_commits(repo: GitRepo, count: int) -> list[str]:
    """Commits that no branch leads to, as after a force push."""
    lost = []
    for number in range(count):
        lost.append(repo.commit({"a.yaml": f"lost: {number}\n"}, branch=f"gone-{number}"))
        repo.git("reset", "--quiet", "--hard", "HEAD~1")
        repo.git("push", "--quiet", str(repo.bare), f":refs/heads/gone-{number}")
    return lost


# --- whose a mirror is ----------------------------------------------------------------------------------


async def test_a_mirror_belongs_to_its_credentials(
    git_repo: Callable[..., GitRepo], mirrors: Callable[..., Mirrors]
) -> None:
    repo = git_repo()
    commit = repo.commit({"secret.yaml": "a: b\n"})
    all_mirrors = mirrors()
    alice = all_mirrors.of(Repository(url=repo.url, credentials=ALICE))
    assert await alice.resolve("main", fresh=True) == commit
    shutil.move(repo.bare, repo.bare.with_suffix(".hidden"))  # the remote now says no to whoever asks
    bob = all_mirrors.of(Repository(url=repo.url, credentials=BOB))
    for asked in (commit, "main", commit[:8]):
        with pytest.raises(RepositoryRefused):
            await bob.resolve(asked, fresh=False)
    assert not bob.has(commit)
    assert await alice.resolve("main", fresh=False) == commit
    assert (alice.access.credentials, bob.access.credentials) == (ALICE, BOB)
    assert all_mirrors.of(Repository(url=f"{repo.url}/", credentials=ALICE)) is alice, "another spelling of the same"


async def test_a_mirrors_name_tells_nothing_of_its_credentials(
    git_repo: Callable[..., GitRepo], mirrors: Callable[..., Mirrors], tmp_path: Path
) -> None:
    repo = git_repo()
    here = mirrors().of(Repository(url=repo.url, credentials=ALICE)).path.name
    assert mirrors().of(Repository(url=repo.url, credentials=ALICE)).path.name == here, "it outlives the process"
    key = tmp_path / "mirrors" / "naming.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.unlink()
    assert mirrors().of(Repository(url=repo.url, credentials=ALICE)).path.name != here


# --- who writes to a mirror, and how many gits ----------------------------------------------------------

ONE_WRITER = """
case " $* " in *" fetch "*|*" repack "*)
  mkdir "$LOG/busy" 2>/dev/null || echo overlap >> "$LOG/overlaps"
  sleep 0.05
  /usr/bin/git "$@"; status=$?
  rmdir "$LOG/busy" 2>/dev/null
  exit $status;;
esac
exec /usr/bin/git "$@"
"""


async def test_whatever_writes_to_a_mirror_takes_turns(
    git_repo: Callable[..., GitRepo], mirrors: Callable[..., Mirrors], tmp_path: Path
) -> None:
    repo = git_repo()
    lost = hidden_commits(repo, 6)
    mirror = mirrors(path=wrapped_git(tmp_path / "bin", ONE_WRITER), fetches_between_repacks=2).of(
        Repository(url=repo.url)
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(mirror.resolve("main", fresh=True))
        found = [tasks.create_task(mirror.ensure(each)) for each in lost]
        with pytest.raises(RevisionNotFound):
            await mirror.ensure("0" * 40)
    assert [each.result() for each in found] == lost
    assert not (tmp_path / "bin" / "overlaps").exists()


COUNTED = """
mkdir "$LOG/run-$$"
ls -d "$LOG"/run-* | wc -l >> "$LOG/counts"
/usr/bin/git "$@"; status=$?
rmdir "$LOG/run-$$"
exit $status
"""


async def test_a_hundred_repositories_that_are_due_start_no_more_gits_than_allowed(
    git_repo: Callable[..., GitRepo], mirrors: Callable[..., Mirrors], tmp_path: Path
) -> None:
    repo = git_repo()
    repos = [tmp_path / "git" / f"r{number}.git" for number in range(40)]
    for each in repos:
        each.symlink_to(repo.bare)
    all_mirrors = mirrors(path=wrapped_git(tmp_path / "bin", COUNTED), processes=3)
    async with asyncio.TaskGroup() as tasks:
        for each in repos:
            tasks.create_task(all_mirrors.of(Repository(url=f"file://{each}")).references(fresh=True))
    counts = [int(each) for each in (tmp_path / "bin" / "counts").read_text().split()]
    assert len(counts) == 40
    assert max(counts) <= 3


# --- a bad object somewhere -----------------------------------------------------------------------------


def with_bad_branch(repo: GitRepo, name: str) -> str:
    repo.git("checkout", "--quiet", "-b", name)
    bad = repo.commit({".gitmodules": BAD_MODULES}, branch=name)
    repo.git("checkout", "--quiet", "main")
    return bad


async def test_a_bad_object_in_one_branch_stops_no_other(
    git_repo: Callable[..., GitRepo], mirrors: Callable[..., Mirrors]
) -> None:
    repo = git_repo()
    mirror = mirrors().of(Repository(url=repo.url))
    await mirror.resolve("main", fresh=True)
    bad = with_bad_branch(repo, "some-feature")
    good = repo.commit({"a.yaml": "a: 1\n"})
    other = repo.commit({"b.yaml": "a: 1\n"}, branch="other")
    assert await mirror.resolve("main", fresh=True) == good
    assert await mirror.resolve("other", fresh=True) == other
    (warning,) = mirror.warnings()
    assert "heads/some-feature is left out" in warning
    assert "gitmodulesUrl" in warning
    for asked in ("some-feature", bad):
        with pytest.raises(SourceError, match="git refuses what it") as refused:
            await mirror.resolve(asked, fresh=True)
        assert type(refused.value) is SourceError, "neither unreachable nor missing"
    repo.git("push", "--quiet", str(repo.bare), ":refs/heads/some-feature")
    newer = repo.commit({"a.yaml": "a: 2\n"})
    assert await mirror.resolve("main", fresh=True) == newer
    assert mirror.warnings() == ()


async def test_a_bad_branch_costs_one_fetch_a_commit_once_it_is_known(
    git_repo: Callable[..., GitRepo], mirrors: Callable[..., Mirrors], tmp_path: Path
) -> None:
    repo = git_repo()
    log = tmp_path / "bin" / "fetches"
    body = f'case " $* " in *" fetch "*) echo x >> {log};; esac\nexec /usr/bin/git "$@"'
    mirror = mirrors(path=wrapped_git(tmp_path / "bin", body)).of(Repository(url=repo.url))
    with_bad_branch(repo, "some-feature")
    for number in range(30):
        repo.git("branch", f"b{number}")
    repo.git("push", "--quiet", "--all", str(repo.bare))
    for number in range(3):
        commit = repo.commit({"a.yaml": f"a: {number}\n"})
        assert await mirror.resolve("main", fresh=True) == commit
        if number == 0:
            assert len(log.read_text().split()) <= 16, "found by halving"
            log.write_text("")
    assert len(log.read_text().split()) == 2


# --- how mirrors age ------------------------------------------------------------------------------------

PUSHES = """
import asyncio, os, resource, subprocess, sys
from pathlib import Path
from prometheus_client import CollectorRegistry
from adapters.clock import SystemClock
from gitops.model.repository import Repository
from repo_server.metrics import Metrics
from repo_server.sources.git import GitLimits
from repo_server.sources.mirrors import Mirrors

bare, folder, commits = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]).read_text().split()
resource.setrlimit(resource.RLIMIT_NOFILE, (72, 72))

async def main():
    mirrors = Mirrors(folder, local_allowed=True, limits=GitLimits(), clock=SystemClock(),
                      metrics=Metrics(CollectorRegistry()), search_path=os.environ["PATH"])
    mirrors.prepare()
    mirror = mirrors.of(Repository(url="file://" + bare))
    most = 0
    for commit in commits:
        Path(bare, "refs/heads/main").write_text(commit + "\\n")
        assert await mirror.resolve("main", fresh=True) == commit
        for reading in (mirror.details, mirror.details):
            found = await asyncio.to_thread(reading, commit)
            assert found.message
        most = max(most, len(os.listdir("/proc/self/fd")))
    assert all(mirror.has(each) for each in commits)
    print(most, len(list(mirror.path.glob("objects/pack/*.pack"))))

asyncio.run(main())
"""


def test_pushes_cost_no_descriptors_and_leave_few_packs(git_repo: Callable[..., GitRepo], tmp_path: Path) -> None:
    repo = git_repo()
    count = 150
    blob = "".join(
        f"commit refs/heads/many\ncommitter t <t@example.com> {1700000000 + number} +0000\ndata 1\nm\n"
        f"M 100644 inline f{number % 50}\ndata 6\n{number:05}\n\n"
        for number in range(count)
    )
    subprocess.run(["git", "fast-import", "--quiet"], cwd=repo.bare, input=blob, text=True, check=True)
    listed = subprocess.run(["git", "rev-list", "--reverse", "many"], cwd=repo.bare, stdout=-1, text=True, check=True)
    subprocess.run(["git", "update-ref", "-d", "refs/heads/many"], cwd=repo.bare, check=True)
    (tmp_path / "commits").write_text(listed.stdout)
    ran = subprocess.run(
        [sys.executable, "-c", PUSHES, str(repo.bare), str(tmp_path / "mirrors"), str(tmp_path / "commits")],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": os.getcwd()},
    )
    descriptors, packs = map(int, ran.stdout.split())
    assert descriptors < 72
    assert packs < 40


async def test_maintenance_keeps_what_was_force_pushed_away(
    git_repo: Callable[..., GitRepo], mirrors: Callable[..., Mirrors]
) -> None:
    repo = git_repo()
    mirror = mirrors(fetches_between_repacks=3).of(Repository(url=repo.url))
    seen = []
    for number in range(10):
        seen.append(repo.commit({"a.yaml": f"a: {number}\n"}))
        await mirror.resolve("main", fresh=True)
        repo.git("reset", "--quiet", "--hard", "HEAD~1")
        repo.git("push", "--quiet", "--force", str(repo.bare), "HEAD:refs/heads/main")
        await mirror.resolve("main", fresh=True)
    assert all(mirror.has(each) for each in seen)
    assert len(list(mirror.path.glob("objects/pack/*.pack"))) < 8


async def test_what_a_killed_git_left_goes_before_the_next_fetch(
    git_repo: Callable[..., GitRepo], mirrors: Callable[..., Mirrors], tmp_path: Path
) -> None:
    repo = git_repo()
    repository = Repository(url=repo.url)
    await mirrors().of(repository).resolve("main", fresh=True)
    mirror = mirrors().of(repository)  # as after a crash
    left = [mirror.path / "objects/pack/tmp_pack_x", mirror.path / "refs/heads/main.lock"]
    for each in left:
        each.write_text("half")
    keys = tmp_path / "mirrors" / "home" / "key-old"
    keys.mkdir()
    (keys / "id").write_text("canary")
    commit = repo.commit({"a.yaml": "a: 1\n"})
    assert await mirror.resolve("main", fresh=True) == commit
    assert not any(each.exists() for each in left)
    mirrors()
    assert not keys.exists()


async def test_a_mirror_that_nobody_asks_for_is_removed(
    git_repo: Callable[..., GitRepo], mirrors: Callable[..., Mirrors]
) -> None:
    repo = git_repo()
    clock = FixedClock(SystemClock().now())
    all_mirrors = mirrors(clock=clock)
    old, kept = (all_mirrors.of(Repository(url=repo.url, credentials=each)) for each in (ALICE, BOB))
    await old.resolve("main", fresh=True)
    await kept.resolve("main", fresh=True)
    clock.moment += timedelta(days=6)
    assert all_mirrors.of(Repository(url=repo.url, credentials=BOB)) is kept
    clock.moment += timedelta(days=2)
    await all_mirrors.sweep()
    assert (old.path.exists(), kept.path.exists()) == (False, True)
    again = all_mirrors.of(Repository(url=repo.url, credentials=ALICE))
    assert await again.resolve("main", fresh=True)


# --- keys -----------------------------------------------------------------------------------------------

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary-key\n-----END OPENSSH PRIVATE KEY-----"


async def test_keys_are_never_written_to_disk(mirrors: Callable[..., Mirrors], tmp_path: Path) -> None:
    # A git that looks for the key where ssh would, and where it must not be.
    body = """
    id=${GIT_SSH_COMMAND##*-i }
    stat -L -c %a "$id" > "$LOG/mode"
    cat "$id" "$GIT_SSL_KEY" > "$LOG/read"
    grep -r canary-key "$HOME/.." > "$LOG/on-disk"
    echo "fatal: gone" >&2
    exit 128"""
    credentials = RepositoryCredentials(ssh_private_key=KEY, tls_client_cert="c", tls_client_key="canary-tls")
    mirror: Mirror = mirrors(path=wrapped_git(tmp_path / "bin", body)).of(
        Repository(url="ssh://git@host.invalid/x", credentials=credentials)
    )
    with pytest.raises(SourceError):
        await mirror.references(fresh=True)
    assert (tmp_path / "bin" / "read").read_text() == f"{KEY}\ncanary-tls\n"
    assert (tmp_path / "bin" / "mode").read_text() == "600\n"
    assert (tmp_path / "bin" / "on-disk").read_text() == ""
    assert not [each for each in os.listdir("/proc/self/fd") if "memfd:id" in _target(each)]


def _target(descriptor: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return ""
