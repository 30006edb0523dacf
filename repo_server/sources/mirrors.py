"""All mirrors: one for each repository and set of credentials.

Whoever may read a repository proves it to the repository, so what one set of credentials brought is never
shown to another, and none replaces another's.
"""

import asyncio
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import structlog

from adapters.clock import Clock
from gitops.model.repository import Repository, RepositoryCredentials, normalized_url
from repo_server.fair import FairTurns
from repo_server.metrics import Metrics
from repo_server.sources.git import GitLimits, Mirror
from repo_server.sources.git_command import GitAccess, GitCommand
from repo_server.sources.git_url import GitUrl, checked_url
from repo_server.sources.handles import Handles

_NAME = re.compile(r"[0-9a-f]{32}\.(git|new|gone)")
_USED = "used"  # a file whose time of change says when a mirror was last asked for
_LOOK_EVERY = timedelta(hours=1)

log = structlog.get_logger("mirrors")


class Mirrors:
    def __init__(
        self,
        directory: Path,
        *,
        local_allowed: bool,
        limits: GitLimits,
        clock: Clock,
        metrics: Metrics,
        processes: int = 8,
        search_path: str = os.defpath,
    ) -> None:
        self._directory = directory
        self._local_allowed = local_allowed
        # One server that hangs must not hold every process.
        turns = FairTurns(processes, share=processes - max(1, processes // 4), observe=metrics.git_processes.set)
        self._command = GitCommand(
            directory / "home", local_allowed=local_allowed, search_path=search_path, turns=turns
        )
        self._limits = limits
        self._clock = clock
        self._metrics = metrics
        self._handles = Handles()
        self._naming = b""
        self._mirrors: dict[tuple[str, RepositoryCredentials], Mirror] = {}  # by the URL as written
        self._by_path: dict[Path, Mirror] = {}
        self._used_at: dict[Path, float] = {}

    def prepare(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._command.prepare()
        self._naming = _kept_secret(self._directory / "naming.key")

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Mirrors"]:
        """Removes mirrors that nobody asks for any more while it runs."""
        async with asyncio.TaskGroup() as tasks:
            sweeping = tasks.create_task(self._sweep())
            try:
                yield self
            finally:
                sweeping.cancel()

    def of(self, repository: Repository) -> Mirror:
        asked = (repository.url, repository.credentials)
        known = self._mirrors.get(asked)
        if known is None:
            known = self._mirrors[asked] = self._open(repository)
            _mark(known.path, self._clock.now().timestamp())
        self._used_at[known.path] = self._clock.now().timestamp()
        return known

    def _open(self, repository: Repository) -> Mirror:
        url = checked_url(repository.url, local_allowed=self._local_allowed)
        path = self._directory / f"{self._name(url, repository)}.git"
        if path not in self._by_path:
            self._by_path[path] = Mirror(
                path,
                GitAccess(url, repository.credentials),
                self._command,
                limits=self._limits,
                clock=self._clock,
                metrics=self._metrics,
                handles=self._handles,
            )
        return self._by_path[path]

    def _name(self, url: GitUrl, repository: Repository) -> str:
        """Tells nothing of the credentials, not even to somebody who guesses them."""
        identity = (normalized_url(repository.url), url.user, repository.credentials)
        digest = hashlib.blake2b(msgspec.msgpack.encode(identity), key=self._naming, digest_size=16)
        return digest.hexdigest()

    async def _sweep(self) -> None:
        while True:
            await self.sweep()
            await self._clock.sleep(_LOOK_EVERY)

    async def sweep(self) -> None:
        for path, used_at in list(self._used_at.items()):
            _mark(path, used_at)
        oldest = self._clock.now().timestamp() - self._limits.lifetime.total_seconds()
        for path in sorted(self._directory.iterdir()):
            if _NAME.fullmatch(path.name) and await asyncio.to_thread(_last_used, path) < oldest:
                await self._remove(path)

    async def _remove(self, path: Path) -> None:
        known = self._by_path.pop(path, None)
        self._used_at.pop(path, None)
        self._mirrors = {asked: each for asked, each in self._mirrors.items() if each is not known}
        log.info("mirror removed: nobody asks for it any more", mirror=path.name)
        if known is not None:
            await known.remove()
        else:
            await asyncio.to_thread(shutil.rmtree, path, True)


def _mark(path: Path, used_at: float) -> None:
    if path.exists():
        (path / _USED).touch(mode=0o600)
        os.utime(path / _USED, (used_at, used_at))


def _last_used(path: Path) -> float:
    marker = path / _USED
    return (marker if marker.exists() else path).stat().st_mtime


def _kept_secret(path: Path) -> bytes:
    """Made once, readable by us alone."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        made = secrets.token_bytes(32)
        unfinished = path.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(made)
        unfinished.replace(path)
        return made
