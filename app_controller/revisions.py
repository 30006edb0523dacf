"""Which commit each followed reference stands at: one question per repository, however many follow.

A poll, a webhook and a user's refresh all end in the same place: the repository is asked once, and
whoever follows a reference that moved is told by name. Repositories are told apart by address and
credentials: what is answered to one project's credentials is not told to another's.
"""

import asyncio
import traceback
from collections.abc import Callable, Iterable, Set
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter

from adapters.clock import Clock
from adapters.repo_client import CachePolicy, RepoClient
from app_controller.concurrency import tasks_together
from app_controller.remotes import SILENCES, Follower, Reference, Remote
from gitops.model.errors import GitOpsError
from gitops.model.repository import Repository, RepositoryAccess, normalized_url

log = structlog.get_logger()

# A burst of refreshes (a webhook's, a script's) asks the remote this often at most.
SPACING = timedelta(milliseconds=200)
TICK = timedelta(milliseconds=250)
YOUTH = timedelta(seconds=5)  # clocks of two machines may be that far apart
SILENCE_TO_SHOW = timedelta(seconds=30)
FAILURES_TO_SHOW = 2  # one lost poll is no news; the first question ever is shown at once


class Revisions:
    def __init__(
        self,
        repo: RepoClient,
        clock: Clock,
        *,
        interval: Callable[[], timedelta],
        moved: Callable[[Iterable[Follower]], None],
        polls: Counter | None = None,
    ) -> None:
        self._repo = repo
        self._clock = clock
        self._interval = interval
        self._moved = moved
        self._remotes: dict[RepositoryAccess, Remote] = {}
        self._followed: dict[Follower, set[RepositoryAccess]] = {}  # of everybody who has followed anything
        self._began = clock.now()
        self._tasks: asyncio.TaskGroup | None = None
        self._polls = polls

    async def resolve(
        self,
        repository: Repository,
        target_revision: str,
        follower: Follower,
        *,
        asked_after: datetime | None = None,
        there_since: datetime | None = None,
    ) -> str:
        """The commit a reference stands at; raises the repository's error.

        `asked_after`: the answer must come from the remote, asked after that moment. `there_since`: of a follower
        that we do not know yet, since when it has followed the reference; without it, since now.
        """
        remote = self._remote(repository)
        name = target_revision or "HEAD"
        reference = remote.references.get(name)
        if reference is None:
            reference = remote.references[name] = Reference()
        # Who did not follow it until now is not told what somebody else was told before: what was pushed
        # while nobody listened (at the time of a restart) is known to the remote alone.
        known = follower in reference.followers and reference.answered_at is not None
        if known:
            wanted_after = asked_after
        elif self._leave_other_credentials(remote, name, follower):
            wanted_after = max(remote.began, asked_after or remote.began)  # pushes were announced to it all along
        else:
            wanted_after = self._fresh_for(there_since)
        reference.followers.add(follower)
        self._followed.setdefault(follower, set()).add(repository.access)
        if is_commit(name):
            if reference.revision == "":
                await self._ask_one(remote, name, reference, CachePolicy.USE)
        elif wanted_after is not None:
            while reference.answered_at is None or reference.answered_at < wanted_after:
                if remote.references.get(name) is not reference:  # given up meanwhile, by a visit to what it is now
                    await self._ask_one(remote, name, reference, CachePolicy.FRESH_REFS)
                    break
                await self._ask(remote)
        reference.check(remote, insist=asked_after is not None)
        return reference.revision

    def knows(self, follower: Follower) -> bool:
        """Whether it has followed anything since we began."""
        return follower in self._followed

    def _fresh_for(self, there_since: datetime | None) -> datetime:
        """The moment from which on an answer is good for a follower that has not had one yet.

        Of one that was there before us the announcements reach us since we began, so all of them share one
        question. Of a younger one nobody says whether its commit was pushed before or after the last answer.
        """
        now = self._clock.now()
        return now if there_since is None else min(now, max(self._began, there_since + YOUTH))

    def unfollow(self, follower: Follower) -> None:
        """The follower is gone; what nobody follows is no longer polled."""
        self.release(follower, ())
        self._followed.pop(follower, None)

    def announce(self, url: str) -> bool:
        """A push was announced for this repository; says whether anybody follows it.

        Without a URL: announcements may have been lost, so every repository is asked.
        """
        wanted = normalized_url(url)
        found = [each for each in self._remotes.values() if not url or _same_repository(each.repository.url, wanted)]
        for remote in found:
            self._start(remote)
        return bool(found)

    def doubt(self, repositories: Iterable[Repository] | None = None) -> None:
        """What answers for these repositories (None: for all) did not: they are asked until they answer.

        Then everybody is told who follows them, for what they wanted meanwhile may have been more than a commit.
        """
        wanted = None if repositories is None else {each.access for each in repositories}
        for access, remote in self._remotes.items():
            if wanted is None or access in wanted:
                remote.doubted = True
                if remote.silent_since is None and (remote.asking is None or remote.asking.done()):
                    self._start(remote)

    async def serve(self) -> None:
        """Polls every followed repository at the interval; runs until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            while True:
                await self._clock.sleep(TICK)
                now, interval = self._clock.now(), self._interval()
                for remote in self._remotes.values():
                    if remote.is_due(now, interval):
                        self._start(remote)

    # --- asking -------------------------------------------------------------------------------------

    def _remote(self, repository: Repository) -> Remote:
        access = repository.access
        remote = self._remotes.get(access)
        if remote is None:
            remote = self._remotes[access] = Remote(repository, self._clock.now())
        remote.repository = repository
        return remote

    def release(self, follower: Follower, kept: Iterable[tuple[Repository, str]]) -> None:
        """The follower's sources are now these (repository, reference) pairs; it no longer follows any other."""
        wanted: dict[RepositoryAccess, set[str]] = {}
        for repository, name in kept:
            wanted.setdefault(repository.access, set()).add(name or "HEAD")
        for access in tuple(self._followed.get(follower, ())):
            self._leave(access, follower, wanted.get(access, frozenset()))

    def _leave(self, access: RepositoryAccess, follower: Follower, kept: Set[str] = frozenset()) -> None:
        """What nobody follows is no longer known."""
        remote = self._remotes[access]
        for name, reference in list(remote.references.items()):
            if name not in kept:
                reference.followers.discard(follower)
                if not reference.followers:
                    del remote.references[name]
        if not any(follower in each.followers for each in remote.references.values()):
            self._followed[follower].discard(access)
        if not remote.references:
            del self._remotes[access]
            self._repo.forget(remote.repository)

    def _leave_other_credentials(self, remote: Remote, name: str, follower: Follower) -> bool:
        """Before the new ones are tried: a follower whom they do not help must not keep the old ones in use.

        Says whether the follower was told, until now, where this reference stands.
        """
        now, told = remote.repository.access, False
        for access in tuple(self._followed.get(follower, ())):
            if access != now and (access.address, access.user) == (now.address, now.user):
                left = self._remotes[access].references.get(name)
                told = told or (left is not None and follower in left.followers and left.answered_at is not None)
                self._leave(access, follower)
        return told

    async def _ask(self, remote: Remote) -> None:
        """Waits for one whole question to the remote, its own or one under way."""
        self._start(remote)
        asking = remote.asking
        if asking is not None:
            # The question is shared: a caller that gives up must not take it away from the others.
            await asyncio.wait({asking})

    def _start(self, remote: Remote) -> None:
        if remote.asking is None or remote.asking.done():
            if self._tasks is None:
                raise RuntimeError("Revisions.serve() is not running")
            remote.asking = self._tasks.create_task(self._poll(remote), name="poll")
        else:
            remote.wanted = True

    async def _poll(self, remote: Remote) -> None:
        remote.wanted = False
        started = await self._spaced(remote)
        asked = [(name, each) for name, each in remote.references.items() if not is_commit(name)]
        try:
            await self._ask_all(remote, asked)
        except Exception:  # a bug about one repository must not end the polls of the others
            log.error("poll failed", repository=remote.repository.url, trace=traceback.format_exc())
        for _, reference in asked:
            reference.answered_at = started
        if remote.doubted and remote.silent_since is None:
            remote.doubted = False
            self._moved({follower for _, reference in asked for follower in reference.followers})
        remote.silences = remote.silences + 1 if remote.silent_since is not None else 0
        remote.polled_at = self._clock.now() if remote.silences else started
        if remote.wanted and self._tasks is not None:
            # Announced while it was being asked: the answer may have been on its way already.
            remote.asking = self._tasks.create_task(self._poll(remote), name="poll")

    async def _spaced(self, remote: Remote) -> datetime:
        """The moment the question counts from."""
        if remote.asked_at is not None:
            rest = SPACING - (self._clock.now() - remote.asked_at)
            if rest > timedelta(0):
                await self._clock.sleep(rest)
                remote.wanted = False  # whatever was announced until now is asked for now
        remote.asked_at = self._clock.now()
        return remote.asked_at

    async def _ask_all(self, remote: Remote, asked: list[tuple[str, Reference]]) -> None:
        if self._polls is not None:
            self._polls.inc()
        async with tasks_together() as questions:
            for name, reference in asked:
                questions.create_task(self._ask_one(remote, name, reference, CachePolicy.FRESH_REFS))

    async def _ask_one(self, remote: Remote, name: str, reference: Reference, policy: CachePolicy) -> None:
        """Whoever acted on another answer is told; at the very first one all who follow are waiting for it here."""
        before, first = (reference.revision, reference.is_shown), not reference.revision and reference.error is None
        asked_at = self._clock.now()
        try:
            reference.revision = await self._repo.resolve(remote.repository, name, policy=policy)
            reference.error = None
            reference.failures = 0
            reference.is_shown = False
            remote.heard()
        except GitOpsError as error:
            reference.error = error
            reference.failures += 1
            if isinstance(error, SILENCES):
                reference.is_shown = self._clock.now() - remote.unheard(asked_at) >= SILENCE_TO_SHOW
            else:
                remote.heard()
                reference.is_shown = reference.failures >= FAILURES_TO_SHOW
            log.info("reference not resolved", repository=remote.repository.url, reference=name, error=str(error))
        if not first and before != (reference.revision, reference.is_shown):
            self._moved(tuple(reference.followers))


def is_commit(name: str) -> bool:
    """Whether a name is a full commit hash, which needs no resolving."""
    return len(name) == 40 and all(character in "0123456789abcdef" for character in name)


def _same_repository(url: str, wanted: str) -> bool:
    """Scheme, user and port do not matter: hosts announce either of their URLs."""
    return _address(normalized_url(url)) == _address(wanted)


def _address(url: str) -> str:
    rest = url.partition("://")[2] or url
    authority, _, path = rest.partition("/")
    host = authority.rpartition("@")[2].partition(":")[0]
    return f"{host}/{path}".lower()
