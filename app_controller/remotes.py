"""What is known of one followed repository: its references, and since when nothing was heard of it."""

import asyncio
from collections.abc import Hashable
from datetime import datetime, timedelta

from gitops.model.errors import GitOpsError, RepoServerUnavailable, RepositoryUnreachable
from gitops.model.moments import rfc3339
from gitops.model.repository import Repository

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=10)  # between questions that get no answer
SILENCES = (RepositoryUnreachable, RepoServerUnavailable)

Follower = Hashable


class Reference:
    def __init__(self) -> None:
        self.revision = ""
        self.error: GitOpsError | None = None
        self.failures = 0
        self.answered_at: datetime | None = None  # when the last question was asked that has come to an end
        self.is_shown = False  # whether the error is more than one lost question, or a remote that restarts
        self.followers: set[Follower] = set()

    def check(self, remote: "Remote", *, insist: bool) -> None:
        """Raises when what is known may no longer be so; `insist`: after a question that had to be answered."""
        if self.error is not None and (insist or self.is_shown or not self.revision):
            raise remote.told(self.error)
        if not self.revision:
            raise RepositoryUnreachable(f"{remote.repository.url} could not be asked; the controller's log says why")


class Remote:
    """One repository as one set of credentials sees it: what is followed in it, and the question under way."""

    def __init__(self, repository: Repository, began: datetime) -> None:
        self.repository = repository
        self.began = began
        self.references: dict[str, Reference] = {}
        self.polled_at: datetime | None = began  # when the next poll counts from
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
