"""A bare mirror of one repository as one set of credentials sees it: its references, and its commits.

Objects are read straight from the mirror, never checked out, and never under a lock. The remote is
asked at most once at a time; who comes while it is being asked shares the next answer. Whatever writes
to the mirror (fetches, maintenance, clearing up after a git that was killed) takes turns.
"""

import asyncio
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
import pygit2

from adapters.clock import Clock
from gitops.model.errors import RevisionNotFound, SourceError
from repo_server.metrics import Metrics
from repo_server.sources.flight import Flight
from repo_server.sources.git_command import GitAccess, GitCommand, GitFailed
from repo_server.sources.git_url import (
    checked_revision,
    is_sha,
    is_short_sha,
)
from repo_server.sources.handles import Handles
from repo_server.sources.refs import References, parse_ls_remote
from repo_server.sources.salvage import Refused, Salvage

T = TypeVar("T")

_EVERYTHING = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


class GitLimits(msgspec.Struct, frozen=True):
    refs_age: timedelta = timedelta(minutes=3)  # how old a known reference may be if freshness is not asked for
    refs_timeout: timedelta = timedelta(seconds=30)
    fetch_timeout: timedelta = timedelta(minutes=5)
    fetches_between_repacks: int = 20
    lifetime: timedelta = timedelta(days=7)  # of a mirror nobody asks for, as those of credentials that were rotated


class CommitDetails(msgspec.Struct, frozen=True):
    author: str
    date: datetime
    message: str


class Mirror:
    def __init__(
        self,
        path: Path,
        access: GitAccess,
        command: GitCommand,
        *,
        limits: GitLimits,
        clock: Clock,
        metrics: Metrics,
        handles: Handles,
    ) -> None:
        self.path = path
        self.access = access
        self._command = command
        self._limits = limits
        self._clock = clock
        self._metrics = metrics
        self._handles = handles
        self._references = References("", {}, {})
        self._told_at = datetime.min.replace(tzinfo=UTC)
        self._writing = asyncio.Lock()
        self._listing: Flight[References] = Flight(self._list_remote)
        self._fetching: Flight[None] = Flight(self._fetch, self._writing)
        self._refused: dict[str, Refused] = {}  # by full reference name
        self._fetches = 0
        self._generation = 0  # of the packs
        self._unfinished = True  # until a fetch has ended well in this process

    # --- references ------------------------------------------------------------------------------

    async def references(self, *, fresh: bool) -> References:
        if not fresh and self._clock.now() - self._told_at < self._limits.refs_age:
            return self._references
        return await self._listing.result()

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

    def warnings(self) -> tuple[str, ...]:
        """What of the repository cannot be read although the rest of it can."""
        return tuple(
            f"repository {self.access.url}: {name.removeprefix('refs/')} is left out, as git refuses what it holds "
            f"({refused.words}); mend or delete it"
            for name, refused in sorted(self._refused.items())
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
        for name, refused in self._refused.items():
            if refused.commit == commit:
                raise SourceError(
                    f"{name.removeprefix('refs/')} of {self.access.url} cannot be fetched, as git refuses what it "
                    f"holds ({refused.words}); mend it and push again"
                )
        async with self._writing:
            if not self.has(commit):
                await self._fetch_one(commit)
        return commit

    async def _fetch_one(self, commit: str) -> None:
        try:
            await self._fetch_refspecs([commit], prune=False)
        except GitFailed as error:
            if error.bad_objects:
                raise SourceError(
                    f"commit {commit} of {self.access.url} cannot be fetched, as git refuses what it holds "
                    f"({error.text}); mend it and push again"
                ) from error
            raise RevisionNotFound(
                f"commit {commit} is not in {self.access.url}; it may have been force-pushed away"
            ) from error

    async def _fetched_then(self, question: Callable[[], T]) -> T:
        await self._fetching.result()
        return question()

    async def _fetch(self) -> None:
        """All branches and tags; if git refuses one of them, all the others."""
        pointed = self._references.by_full_name()
        self._refused = {name: each for name, each in self._refused.items() if pointed.get(name) == each.commit}
        try:
            await self._fetch_refspecs([*_EVERYTHING, *(f"^{name}" for name in self._refused)], prune=True)
        except GitFailed as error:
            if not pointed or not error.bad_objects:
                raise SourceError(f"repository {self.access.url} cannot be fetched: git said {error.text}") from error
            salvage = Salvage(lambda specs: self._fetch_refspecs(specs, prune=False), self._stands_at)
            self._refused |= await salvage.all_but_refused(
                {name: commit for name, commit in pointed.items() if name not in self._refused}
            )
        await self._maintain()

    async def _fetch_refspecs(self, refspecs: list[str], *, prune: bool) -> None:
        await self._prepare()
        arguments = ["--git-dir", str(self.path), "fetch", "--quiet", "--force", "--no-tags"]
        arguments += ["--prune"] if prune else []
        arguments += ["--no-write-fetch-head", "--no-recurse-submodules", "--stdin", "--", str(self.access.url)]
        # A list of a hundred thousand names is too long for a command line.
        listed = "".join(f"{each}\n" for each in refspecs).encode()
        with self._metrics.git_request(str(self.access.url), "fetch"):
            await self._command.remote(self.access, arguments, timeout=self._limits.fetch_timeout, given=listed)
        self._unfinished = False
        self._fetches += 1

    async def _prepare(self) -> None:
        if not self.path.exists():
            unfinished = self.path.with_suffix(".new")
            await asyncio.to_thread(shutil.rmtree, unfinished, True)
            init = ["init", "--bare", "--quiet", "--template=", str(unfinished)]
            try:
                await self._command.local(init, timeout=self._limits.refs_timeout)
            except GitFailed as error:
                raise SourceError(f"repository {self.access.url} cannot be mirrored: git said {error.text}") from error
            unfinished.rename(self.path)
        elif self._unfinished:
            await asyncio.to_thread(_clear_up, self.path)
        self._unfinished = True

    async def _maintain(self) -> None:
        """Every fetch brings a pack. Merged in a geometric series they stay few, and nothing is dropped."""
        if self._fetches < self._limits.fetches_between_repacks:
            return
        repack = ["--git-dir", str(self.path), "repack", "--geometric=2", "-d", "--quiet"]
        try:
            await self._command.local(repack, timeout=self._limits.fetch_timeout)
        except GitFailed:
            self._unfinished = True  # its locks and half-written packs go before the next fetch
        self._fetches = 0
        self._generation += 1

    # --- objects ---------------------------------------------------------------------------------

    def opened(self) -> pygit2.Repository:
        """libgit2's view of the mirror, one per thread."""
        return self._handles.of(self.path, self._generation)

    def _stands_at(self, name: str, commit: str) -> bool:
        try:
            return str(self.opened().references[name].peel(pygit2.Commit).id) == commit
        except (KeyError, ValueError, pygit2.GitError):
            return False

    def _expanded(self, short: str) -> str | None:
        try:
            return str(self.opened()[short].peel(pygit2.Commit).id)
        except (KeyError, ValueError, pygit2.GitError):
            return None

    def details(self, commit: str) -> CommitDetails:
        found = self.opened()[commit].peel(pygit2.Commit)
        author = f"{found.author.name} <{found.author.email}>"
        return CommitDetails(author, datetime.fromtimestamp(found.commit_time, UTC), found.message)

    async def remove(self) -> None:
        """From disk; whoever asks again gets it fetched anew."""
        async with self._writing:
            gone = self.path.with_suffix(".gone")
            if self.path.exists():
                self.path.rename(gone)
            self._generation += 1
            await asyncio.to_thread(shutil.rmtree, gone, True)


def _clear_up(path: Path) -> None:
    """What a git that was killed leaves: locks and half-written packs. Nobody else writes here."""
    for lock in path.rglob("*.lock"):
        lock.unlink(missing_ok=True)
    for left in (path / "objects").rglob("tmp_*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
