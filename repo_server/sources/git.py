"""One bare mirror per repository: what the remote points at, and the commits we have of it.

Objects are read straight from the mirror, never checked out, and never under a lock. The remote is
asked at most once at a time per repository; who comes while it is being asked shares the next answer.
"""

import asyncio
import hashlib
import os
import shutil
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
import pygit2

from adapters.clock import Clock
from gitops.model.errors import RevisionNotFound
from gitops.model.repository import Repository, normalized_url
from repo_server.metrics import Metrics
from repo_server.sources.git_command import GitAccess, GitCommand, GitFailed
from repo_server.sources.git_url import (
    checked_revision,
    checked_url,
    is_sha,
    is_short_sha,
)
from repo_server.sources.refs import References, parse_ls_remote

T = TypeVar("T")


class GitLimits(msgspec.Struct, frozen=True):
    refs_age: timedelta = timedelta(minutes=3)  # how old a known reference may be if freshness is not asked for
    refs_timeout: timedelta = timedelta(seconds=30)
    fetch_timeout: timedelta = timedelta(minutes=5)
    fetches_between_repacks: int = 100


class CommitDetails(msgspec.Struct, frozen=True):
    author: str
    date: datetime
    message: str


class Flight(Generic[T]):
    """At most one run of an action at a time; whoever asks gets the result of a run begun after asking."""

    def __init__(self, action: Callable[[], Awaitable[T]]) -> None:
        self._action = action
        self._turn = asyncio.Lock()
        self._next: asyncio.Future[T] | None = None

    async def result(self) -> T:
        if self._next is not None:
            return await asyncio.shield(self._next)
        mine = self._next = asyncio.get_running_loop().create_future()
        try:
            async with self._turn:
                await asyncio.sleep(0)  # callers of this very moment come along
                self._next = None
                answer = await self._action()
        except BaseException as error:
            self._next = None if self._next is mine else self._next
            self._settle(mine, error)
            raise
        if not mine.done():
            mine.set_result(answer)
        return answer

    @staticmethod
    def _settle(future: asyncio.Future[T], error: BaseException) -> None:
        if future.done():
            return
        # The one who ran it was cancelled, the others were not: they have to ask again.
        future.set_exception(FlightLost() if isinstance(error, asyncio.CancelledError) else error)
        future.exception()  # nobody may be waiting


class FlightLost(Exception):
    """The caller whose turn it was went away."""


class Mirror:
    """One repository: its references as last told, and its commits."""

    def __init__(
        self, path: Path, access: GitAccess, command: GitCommand, *, limits: GitLimits, clock: Clock, metrics: Metrics
    ) -> None:
        self.path = path
        self.access = access  # replaced when the caller brings newer credentials
        self._command = command
        self._limits = limits
        self._clock = clock
        self._metrics = metrics
        self._references = References("", {}, {})
        self._told_at = datetime.min.replace(tzinfo=UTC)
        self._listing: Flight[References] = Flight(self._list_remote)
        self._fetching: Flight[None] = Flight(self._fetch)
        self._fetches = 0
        self._unfinished = True  # until a fetch has ended well in this process
        self._opened = threading.local()

    # --- references ------------------------------------------------------------------------------

    async def references(self, *, fresh: bool) -> References:
        if not fresh and self._clock.now() - self._told_at < self._limits.refs_age:
            return self._references
        return await _landed(self._listing)

    async def _list_remote(self) -> References:
        asked_at = self._clock.now()
        with self._metrics.git_request(str(self.access.url), "ls-remote"):
            output = await self._command.remote(
                self.access, ["ls-remote", "--", str(self.access.url)], timeout=self._limits.refs_timeout
            )
        self._references = parse_ls_remote(output)
        self._told_at = asked_at
        return self._references

    async def resolve(self, target_revision: str, *, fresh: bool) -> str:
        """The commit a target revision stands for; it is in the mirror afterwards."""
        revision = checked_revision(target_revision)
        if is_sha(revision):
            return await self.ensure(revision)
        commit = (await self.references(fresh=fresh)).find(revision)
        if commit is None and not fresh:
            commit = (await self.references(fresh=True)).find(revision)
        if commit is not None:
            return await self.ensure(commit)
        if is_short_sha(revision):
            found = self._expanded(revision) or await self._fetched_then(lambda: self._expanded(revision))
            if found:
                return found
        raise RevisionNotFound(
            f"`{target_revision or 'HEAD'}` is no branch, tag, version range or commit of {self.access.url}; "
            "check targetRevision"
        )

    # --- commits ---------------------------------------------------------------------------------

    def has(self, commit: str) -> bool:
        try:
            return commit in self.opened()
        except (pygit2.GitError, ValueError):
            return False

    async def ensure(self, commit: str) -> str:
        """Fetch if the commit is missing; RevisionNotFound if the remote does not have it either."""
        if self.has(commit) or await self._fetched_then(lambda: self.has(commit)):
            return commit
        try:
            await self._fetch_refspec([commit])
        except GitFailed as error:
            raise RevisionNotFound(
                f"commit {commit} is not in {self.access.url}; it may have been force-pushed away"
            ) from error
        return commit

    async def _fetched_then(self, question: Callable[[], T]) -> T:
        await _landed(self._fetching)
        return question()

    async def _fetch(self) -> None:
        await self._fetch_refspec(["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"])

    async def _fetch_refspec(self, refspecs: list[str]) -> None:
        await self._prepare()
        arguments = ["--git-dir", str(self.path), "fetch", "--quiet", "--force", "--no-tags", "--prune"]
        arguments += ["--no-write-fetch-head", "--no-recurse-submodules", "--", str(self.access.url), *refspecs]
        if len(refspecs) == 1:
            arguments.remove("--prune")
        with self._metrics.git_request(str(self.access.url), "fetch"):
            await self._command.remote(self.access, arguments, timeout=self._limits.fetch_timeout)
        self._unfinished = False
        self._fetches += 1
        if self._fetches % self._limits.fetches_between_repacks == 0:
            await self._repack()

    async def _prepare(self) -> None:
        if not self.path.exists():
            unfinished = self.path.with_suffix(".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            init = ["init", "--bare", "--quiet", "--template=", str(unfinished)]
            await self._command.local(init, timeout=self._limits.refs_timeout)
            unfinished.rename(self.path)
        elif self._unfinished:
            # A git that was killed leaves its locks; nobody else writes here.
            for lock in self.path.rglob("*.lock"):
                lock.unlink(missing_ok=True)
        self._unfinished = True

    async def _repack(self) -> None:
        repack = ["--git-dir", str(self.path), "repack", "-d", "--quiet", "--threads=1"]
        await self._command.local(repack, timeout=self._limits.fetch_timeout)

    # --- objects ---------------------------------------------------------------------------------

    def opened(self) -> pygit2.Repository:
        """libgit2's view of the mirror, one per thread."""
        known: pygit2.Repository | None = getattr(self._opened, "repository", None)
        if known is None:
            known = self._opened.repository = pygit2.Repository(str(self.path))
        return known

    def _expanded(self, short: str) -> str | None:
        try:
            return str(self.opened()[short].peel(pygit2.Commit).id)
        except (KeyError, ValueError, pygit2.GitError):
            return None

    def details(self, commit: str) -> CommitDetails:
        found = self.opened()[commit].peel(pygit2.Commit)
        author = f"{found.author.name} <{found.author.email}>"
        return CommitDetails(author, datetime.fromtimestamp(found.commit_time, UTC), found.message)


async def _landed(flight: Flight[T]) -> T:
    while True:
        try:
            return await flight.result()
        except FlightLost:
            continue


class Mirrors:
    """All mirrors, by repository; callers with the same repository share one."""

    def __init__(
        self,
        directory: Path,
        *,
        local_allowed: bool,
        limits: GitLimits,
        clock: Clock,
        metrics: Metrics,
        search_path: str = os.defpath,
    ) -> None:
        self._directory = directory
        self._local_allowed = local_allowed
        self._command = GitCommand(directory / "home", local_allowed=local_allowed, search_path=search_path)
        self._limits = limits
        self._clock = clock
        self._metrics = metrics
        self._mirrors: dict[str, Mirror] = {}  # by the URL as written
        self._by_path: dict[Path, Mirror] = {}

    def prepare(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._command.prepare()

    def of(self, repository: Repository) -> Mirror:
        known = self._mirrors.get(repository.url)
        if known is None:
            known = self._mirrors[repository.url] = self._open(repository)
        if known.access.credentials != repository.credentials:
            known.access = GitAccess(known.access.url, repository.credentials)
        return known

    def _open(self, repository: Repository) -> Mirror:
        url = checked_url(repository.url, local_allowed=self._local_allowed)
        name = hashlib.sha256(normalized_url(repository.url).encode()).hexdigest()[:32]
        access = GitAccess(url, repository.credentials)
        path = self._directory / f"{name}.git"
        if path not in self._by_path:
            self._by_path[path] = Mirror(
                path, access, self._command, limits=self._limits, clock=self._clock, metrics=self._metrics
            )
        return self._by_path[path]
