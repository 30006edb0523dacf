"""Which commit each followed reference stands at: one question per repository, however many follow.

A poll, a webhook and a user's refresh all end in the same place: the repository is asked once, and
whoever follows a reference that moved is told by name.
"""

import asyncio
import traceback
from collections.abc import Callable, Hashable, Iterable
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter

from adapters.clock import Clock
from adapters.repo_client import CachePolicy, RepoClient
from app_controller.concurrency import tasks_together
from gitops.model.errors import GitOpsError, RepoServerUnavailable, RepositoryUnreachable
from gitops.model.moments import rfc3339
from gitops.model.repository import Repository, normalized_url

log = structlog.get_logger()

# A burst of refreshes (a webhook's, a script's) asks the remote this often at most.
SPACING = timedelta(milliseconds=200)
TICK = timedelta(milliseconds=250)
YOUTH = timedelta(seconds=5)  # clocks of two machines may be that far apart
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=10)  # between questions that get no answer
SILENCES = (RepositoryUnreachable, RepoServerUnavailable)
SILENCE_TO_SHOW = timedelta(seconds=30)
FAILURES_TO_SHOW = 2  # one lost poll is no news; the first question ever is shown at once

Follower = Hashable


class _Reference:
    def __init__(self) -> None:
        self.revision = ""
        self.error: GitOpsError | None = None
        self.failures = 0
        self.answered_at: datetime | None = None  # when the last question was asked that has come to an end
        self.is_shown = False  # whether the error is more than one lost question, or a remote that restarts
        self.followers: set[Follower] = set()

    def check(self, remote: "_Remote", *, insist: bool) -> None:
        """Raises when what is known may no longer be so; `insist`: after a question that had to be answered."""
        if self.error is not None and (insist or self.is_shown or not self.revision):
            raise remote.told(self.error)
        if not self.revision:
            raise RepositoryUnreachable(f"{remote.repository.url} could not be asked; the controller's log says why")


class _Remote:
    """One repository: what is followed in it, and the question under way."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.references: dict[str, _Reference] = {}
        self.polled_at: datetime | None = None  # when the next poll counts from
        self.asking: asyncio.Task[None] | None = None
        self.asked_at: datetime | None = None
        self.silent_since: datetime | None = None  # the first question in a row that got no answer
        self.silences = 0  # how many questions in a row got none
        self.wanted = False
        self.doubted = False  # something else about it was not answered

    def told(self, error: GitOpsError) -> GitOpsError:
        """The error with the time since when nothing was heard, if that is what it says."""
        if self.silent_since is None or not isinstance(error, SILENCES):
            return error
        return type(error)(f"{error}; nothing was heard of {self.repository.url} since {rfc3339(self.silent_since)}")

    def heard(self) -> None:
        self.silent_since = None

    def unheard(self, at: datetime) -> datetime:
        """Since when."""
        self.silent_since = self.silent_since or at
        return self.silent_since

    def is_due(self, now: datetime, interval: timedelta) -> bool:
        """At the interval; after a question without an answer sooner: what it would have told may be waited for."""
        pause = (
            min(interval, FIRST_PAUSE * (1 << min(self.silences - 1, 10)), LONGEST_PAUSE) if self.silences else interval
        )
        return self.polled_at is None or self.polled_at <= now - pause


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
        self._remotes: dict[str, _Remote] = {}
        self._known: set[Follower] = set()
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
            reference = remote.references[name] = _Reference()
        # Who did not follow it until now is not told what somebody else was told before: what was pushed
        # while nobody listened (at the time of a restart) is known to the remote alone.
        known = follower in reference.followers and reference.answered_at is not None
        wanted_after = asked_after if known else self._fresh_for(there_since)
        reference.followers.add(follower)
        self._known.add(follower)
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
        return follower in self._known

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
        self._known.discard(follower)

    def announce(self, url: str) -> bool:
        """A push was announced for this repository; says whether anybody follows it.

        Without a URL: announcements may have been lost, so every repository is asked.
        """
        wanted = normalized_url(url)
        found = [each for each in self._remotes.values() if not url or _same_repository(each.repository.url, wanted)]
        for remote in found:
            self._start(remote)
        return bool(found)

    def doubt(self, urls: Iterable[str] | None = None) -> None:
        """What answers for these repositories (None: for all) did not: they are asked until they answer.

        Then everybody is told who follows them, for what they wanted meanwhile may have been more than a commit.
        """
        wanted = None if urls is None else {normalized_url(each) for each in urls}
        for url, remote in self._remotes.items():
            if wanted is None or url in wanted:
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

    def _remote(self, repository: Repository) -> _Remote:
        url = normalized_url(repository.url)
        remote = self._remotes.get(url)
        if remote is None:
            remote = self._remotes[url] = _Remote(repository)
            remote.polled_at = self._clock.now()
        remote.repository = repository
        return remote

    def release(self, follower: Follower, kept: Iterable[tuple[str, str]]) -> None:
        """The follower's sources are now these (url, reference) pairs; it no longer follows any other."""
        wanted = {(normalized_url(url), name or "HEAD") for url, name in kept}
        for url, remote in list(self._remotes.items()):
            for name, reference in list(remote.references.items()):
                if (url, name) not in wanted:
                    reference.followers.discard(follower)
                    if not reference.followers:
                        del remote.references[name]
            if not remote.references:
                del self._remotes[url]

    async def _ask(self, remote: _Remote) -> None:
        """Waits for one whole question to the remote, its own or one under way."""
        self._start(remote)
        asking = remote.asking
        if asking is not None:
            # The question is shared: a caller that gives up must not take it away from the others.
            await asyncio.wait({asking})

    def _start(self, remote: _Remote) -> None:
        if remote.asking is None or remote.asking.done():
            if self._tasks is None:
                raise RuntimeError("Revisions.serve() is not running")
            remote.asking = self._tasks.create_task(self._poll(remote), name="poll")
        else:
            remote.wanted = True

    async def _poll(self, remote: _Remote) -> None:
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

    async def _spaced(self, remote: _Remote) -> datetime:
        """The moment the question counts from."""
        if remote.asked_at is not None:
            rest = SPACING - (self._clock.now() - remote.asked_at)
            if rest > timedelta(0):
                await self._clock.sleep(rest)
                remote.wanted = False  # whatever was announced until now is asked for now
        remote.asked_at = self._clock.now()
        return remote.asked_at

    async def _ask_all(self, remote: _Remote, asked: list[tuple[str, _Reference]]) -> None:
        if self._polls is not None:
            self._polls.inc()
        async with tasks_together() as questions:
            for name, reference in asked:
                questions.create_task(self._ask_one(remote, name, reference, CachePolicy.FRESH_REFS))

    async def _ask_one(self, remote: _Remote, name: str, reference: _Reference, policy: CachePolicy) -> None:
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
