"""One question per repository, however many applications follow it."""

import asyncio
import contextlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from adapters.repo_client import CachePolicy
from app_controller.revisions import Revisions
from gitops.model.errors import GitOpsError, RepositoryRefused, RepositoryUnreachable
from gitops.model.repository import Repository, RepositoryCredentials

SHOP = Repository("https://git.example/shop.git")
ALICE, BOB, CAROL = (
    Repository(SHOP.url, project=each, credentials=RepositoryCredentials(username=each, password=f"canary-{each}"))
    for each in ("alice", "bob", "carol")
)


class Remote:
    """A repository whose only branch moves when told."""

    def __init__(self) -> None:
        self.revision = "a" * 40
        self.down = False
        self.fresh_questions = 0
        self.slow: asyncio.Event | None = None  # answers wait for it, and are what was true when they were asked
        self.broken = False
        self.remembered = ""  # what is told to those who do not insist
        self.refused: set[str] = set()  # by user name
        self.views: dict[str, str] = {}  # what the branch is to one user, if that is not what it is to all
        self.asked_by: list[str] = []
        self.forgotten: list[str] = []

    async def resolve(
        self, repository: Repository, target_revision: str, *, policy: CachePolicy = CachePolicy.USE
    ) -> str:
        await asyncio.sleep(0)
        if policy is CachePolicy.FRESH_REFS:
            self.fresh_questions += 1
        user = repository.credentials.username
        self.asked_by.append(user)
        if user in self.refused:
            raise RepositoryRefused(f"git.example lets {user} see nothing")
        if self.down:
            raise RepositoryUnreachable("git.example does not answer")
        if self.broken:
            raise TypeError("a bug")
        if policy is CachePolicy.USE and self.remembered:
            return self.remembered
        answer = self.views.get(user, self.revision)
        if self.slow is not None:
            await self.slow.wait()
        return answer

    def forget(self, repository: Repository) -> None:
        self.forgotten.append(repository.credentials.username)


class Clock:
    """Moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, duration: timedelta) -> None:
        self.moment += duration
        await asyncio.sleep(0.001)


class Followed:
    def __init__(self, remote: Remote, interval: timedelta = timedelta(hours=1)) -> None:
        self.moved: list[object] = []
        self.clock = Clock()
        self.revisions = Revisions(
            remote,  # type: ignore[arg-type]
            self.clock,
            interval=lambda: interval,
            moved=self._take,
        )

    def _take(self, followers: Iterable[object]) -> None:
        self.moved.extend(followers)

    async def __aenter__(self) -> "Followed":
        self._task = asyncio.ensure_future(self.revisions.serve())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})


async def until(condition: object) -> None:
    async with asyncio.timeout(2):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.001)


async def test_a_known_reference_is_not_asked_again() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        for _ in range(3):
            assert await followed.revisions.resolve(SHOP, "main", "web") == "a" * 40
            await followed.clock.sleep(timedelta(minutes=1))
        assert remote.fresh_questions == 1


async def test_the_first_question_is_never_answered_from_what_somebody_else_remembers() -> None:
    remote = Remote()
    remote.remembered = "0" * 40
    async with Followed(remote) as followed:
        assert await followed.revisions.resolve(SHOP, "main", "web") == "a" * 40


async def test_who_begins_to_follow_a_known_reference_is_told_what_was_just_pushed() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        await followed.revisions.resolve(SHOP, "main", "web")
        await followed.clock.sleep(timedelta(minutes=1))
        remote.revision = "b" * 40  # and nobody announced it
        created = followed.clock.now()
        assert await followed.revisions.resolve(SHOP, "main", "new", there_since=created) == "b" * 40
        assert set(followed.moved) == {"web", "new"}, "the others learn of it on the way"


async def test_who_follows_a_reference_again_is_told_what_was_pushed_meanwhile() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        await followed.revisions.resolve(SHOP, "main", "other")
        await followed.revisions.resolve(SHOP, "main", "web")
        followed.revisions.release("web", [(SHOP, "dev")])
        await followed.clock.sleep(timedelta(minutes=1))
        remote.revision = "b" * 40
        assert followed.revisions.knows("web")
        assert await followed.revisions.resolve(SHOP, "main", "web") == "b" * 40


async def test_who_follows_a_commit_instead_of_a_branch_may_follow_the_branch_again() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        await followed.revisions.resolve(SHOP, "main", "web")
        for _ in range(2):
            followed.revisions.release("web", [(SHOP, "a" * 40)])
            assert not followed.revisions.announce(SHOP.url)
        assert await followed.revisions.resolve(SHOP, "main", "web") == "a" * 40
        followed.revisions.unfollow("web")
        followed.revisions.unfollow("web")
        assert not followed.revisions.knows("web")


async def test_all_that_were_there_before_the_start_share_one_question() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        long_ago = followed.clock.now() - timedelta(days=1)
        await followed.clock.sleep(timedelta(seconds=10))
        for number in range(100):
            await followed.revisions.resolve(SHOP, "main", f"app-{number}", there_since=long_ago)
            await followed.clock.sleep(timedelta(milliseconds=50))
        assert remote.fresh_questions == 1


async def test_two_who_ask_for_one_follower_at_a_time_both_get_the_answer() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        async with asyncio.TaskGroup() as asking:  # a visit and an operation
            both = [asking.create_task(followed.revisions.resolve(SHOP, "main", "web")) for _ in range(2)]
        assert [each.result() for each in both] == ["a" * 40] * 2


async def test_who_waits_for_a_reference_that_is_given_up_meanwhile_gets_an_answer() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        remote.slow = asyncio.Event()
        waiting = asyncio.ensure_future(followed.revisions.resolve(SHOP, "main", "web"))
        await until(lambda: remote.fresh_questions == 1)
        second = asyncio.ensure_future(
            followed.revisions.resolve(SHOP, "main", "web", asked_after=followed.clock.now() + timedelta(hours=1))
        )
        await asyncio.sleep(0)
        followed.revisions.release("web", ())
        remote.slow.set()
        async with asyncio.timeout(2):
            assert await waiting == "a" * 40
            assert await second == "a" * 40


async def test_a_reference_is_not_taken_for_answered_because_another_one_was() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        long_ago = followed.clock.now() - timedelta(days=1)
        await followed.clock.sleep(timedelta(seconds=10))
        await followed.revisions.resolve(SHOP, "main", "web", there_since=long_ago)
        assert await followed.revisions.resolve(SHOP, "dev", "api", there_since=long_ago) == "a" * 40


async def test_a_clock_that_is_ahead_of_ours_makes_nobody_wait() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        ahead = followed.clock.now() + timedelta(hours=1)
        async with asyncio.timeout(2):
            await followed.revisions.resolve(SHOP, "main", "web", there_since=ahead)
        assert remote.fresh_questions == 1


async def test_a_question_without_an_answer_is_asked_again_long_before_the_next_poll() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        await followed.revisions.resolve(SHOP, "main", "web")
        remote.down = True
        remote.revision = "b" * 40
        followed.revisions.announce(SHOP.url)
        await until(lambda: remote.fresh_questions == 3)
        remote.down = False
        down_until = followed.clock.now()
        await until(lambda: followed.moved)
        assert await followed.revisions.resolve(SHOP, "main", "web") == "b" * 40
        assert followed.clock.now() - down_until < timedelta(seconds=31)


async def test_a_refresh_that_the_remote_did_not_answer_says_so_and_since_when() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        await followed.revisions.resolve(SHOP, "main", "web")
        await followed.clock.sleep(timedelta(seconds=1))
        remote.down = True
        asked = followed.clock.now()
        with pytest.raises(RepositoryUnreachable, match=r"nothing was heard of .*/shop.git since 2026-01"):
            await followed.revisions.resolve(SHOP, "main", "web", asked_after=asked)


async def test_whoever_got_no_answer_is_told_when_there_are_answers_again_though_no_branch_moved() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        await followed.revisions.resolve(SHOP, "main", "web")
        remote.down = True
        followed.revisions.doubt([SHOP])  # a render was not answered, say
        await until(lambda: remote.fresh_questions >= 3)
        followed.moved.clear()
        remote.down = False
        await until(lambda: followed.moved == ["web"])


async def test_when_announcements_may_have_been_lost_every_repository_is_asked() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        other = Repository("https://git.example/other.git")
        await followed.revisions.resolve(SHOP, "main", "web")
        await followed.revisions.resolve(other, "main", "api")
        await followed.clock.sleep(timedelta(seconds=1))
        remote.revision = "b" * 40
        assert followed.revisions.announce("")
        await until(lambda: set(followed.moved) == {"web", "api"})


async def test_a_poll_tells_every_follower_that_the_branch_moved() -> None:
    remote = Remote()
    async with Followed(remote, timedelta(seconds=3)) as followed:
        for app in ("web", "api"):
            await followed.revisions.resolve(SHOP, "main", app)
        remote.revision = "b" * 40
        await until(lambda: followed.moved)
        assert set(followed.moved) == {"web", "api"}
        assert await followed.revisions.resolve(SHOP, "main", "web") == "b" * 40


async def test_many_refreshes_at_once_ask_the_remote_once_or_twice() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        await followed.revisions.resolve(SHOP, "main", "web")
        asked = followed.clock.now()
        async with asyncio.TaskGroup() as refreshes:
            for number in range(50):
                refreshes.create_task(followed.revisions.resolve(SHOP, "main", f"app-{number}", asked_after=asked))
        assert 1 <= remote.fresh_questions <= 2


async def test_an_announcement_is_matched_whatever_scheme_and_user_it_uses() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        await followed.revisions.resolve(SHOP, "main", "web")
        remote.revision = "c" * 40
        assert followed.revisions.announce("git@git.example:shop.git")
        await until(lambda: followed.moved)
        assert not followed.revisions.announce("https://git.example/other.git")


async def test_a_lost_poll_is_no_news_but_half_a_minute_of_silence_is() -> None:
    remote = Remote()
    async with Followed(remote, timedelta(seconds=3)) as followed:
        await followed.revisions.resolve(SHOP, "main", "web")
        remote.down = True
        before = remote.fresh_questions
        await until(lambda: remote.fresh_questions == before + 1)
        went = followed.clock.now()
        assert await followed.revisions.resolve(SHOP, "main", "web") == "a" * 40
        await until(lambda: followed.moved)
        assert followed.clock.now() - went >= timedelta(seconds=25), "a server that restarts is no news"
        with pytest.raises(RepositoryUnreachable, match=r"nothing was heard of .* since 2026-01"):
            await followed.revisions.resolve(SHOP, "main", "web")


async def test_a_first_question_that_fails_is_shown_at_once_and_asked_again() -> None:
    remote = Remote()
    remote.down = True
    async with Followed(remote) as followed:
        with pytest.raises(RepositoryUnreachable):
            await followed.revisions.resolve(SHOP, "main", "web")
        remote.down = False
        assert followed.revisions.announce(SHOP.url)
        await until(lambda: followed.moved)
        assert await followed.revisions.resolve(SHOP, "main", "web") == "a" * 40


async def test_what_nobody_follows_is_no_longer_polled() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        await followed.revisions.resolve(SHOP, "main", "web")
        followed.revisions.unfollow("web")
        assert not followed.revisions.announce(SHOP.url)


async def test_a_push_announced_while_the_remote_is_being_asked_is_not_missed() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        await followed.revisions.resolve(SHOP, "main", "web")
        remote.slow = asyncio.Event()
        before = remote.fresh_questions
        followed.revisions.announce(SHOP.url)
        await until(lambda: remote.fresh_questions == before + 1)
        remote.revision = "d" * 40
        followed.revisions.announce(SHOP.url)
        remote.slow.set()
        await until(lambda: followed.moved)
        assert await followed.revisions.resolve(SHOP, "main", "web") == "d" * 40


async def test_a_bug_about_one_repository_does_not_end_the_polls_nor_a_refresh() -> None:
    remote = Remote()
    async with Followed(remote, timedelta(seconds=3)) as followed:
        await followed.revisions.resolve(SHOP, "main", "web")
        remote.broken = True
        asked = followed.clock.now()
        async with asyncio.timeout(2):
            await followed.revisions.resolve(SHOP, "main", "web", asked_after=asked)
        remote.broken = False
        remote.revision = "e" * 40
        await until(lambda: followed.moved)


# --- whose an answer is ---------------------------------------------------------------------------------


async def test_each_is_asked_for_with_its_own_credentials_and_told_its_own_answer() -> None:
    remote = Remote()
    remote.views = {"alice": "1" * 40, "bob": "2" * 40}
    async with Followed(remote, timedelta(seconds=3)) as followed:
        assert await followed.revisions.resolve(ALICE, "main", "a") == "1" * 40
        assert await followed.revisions.resolve(BOB, "main", "b") == "2" * 40
        remote.views["alice"] = "3" * 40
        await until(lambda: followed.moved)
        assert set(followed.moved) == {"a"}
        assert await followed.revisions.resolve(ALICE, "main", "a") == "3" * 40
        assert await followed.revisions.resolve(BOB, "main", "b") == "2" * 40
    assert set(remote.asked_by) == {"alice", "bob"}


async def test_what_one_is_refused_is_not_told_to_another_nor_the_other_way_round() -> None:
    remote = Remote()
    remote.refused = {"bob"}
    async with Followed(remote, timedelta(seconds=3)) as followed:
        await followed.revisions.resolve(ALICE, "main", "a")
        for _ in range(2):
            with pytest.raises(RepositoryRefused, match="lets bob see nothing"):
                await followed.revisions.resolve(BOB, "main", "b")
        polled = len(remote.asked_by)
        await until(lambda: len(remote.asked_by) >= polled + 6)
        assert await followed.revisions.resolve(ALICE, "main", "a") == "a" * 40
        asked = followed.clock.now()
        assert await followed.revisions.resolve(ALICE, "main", "a", asked_after=asked) == "a" * 40
        assert "a" not in followed.moved


async def test_a_push_wakes_all_who_follow_the_address_whatever_their_credentials() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        for repository, app in ((SHOP, "public"), (ALICE, "a"), (BOB, "b")):
            await followed.revisions.resolve(repository, "main", app)
        remote.revision = "b" * 40
        assert followed.revisions.announce("git@git.example:shop")
        await until(lambda: set(followed.moved) == {"public", "a", "b"})


async def test_those_with_the_same_credentials_share_a_question_though_their_projects_differ() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        long_ago = followed.clock.now() - timedelta(days=1)
        await followed.clock.sleep(timedelta(seconds=10))
        for number, url in enumerate((SHOP.url, f"{SHOP.url}/", "HTTPS://GIT.example/shop")):
            same = Repository(url, project=f"team-{number}", credentials=ALICE.credentials)
            await followed.revisions.resolve(same, "main", f"app-{number}", there_since=long_ago)
        assert remote.fresh_questions == 1


@pytest.mark.parametrize("new_are_refused", [False, True])
async def test_changed_credentials_move_the_follower_and_the_old_ones_are_not_used_again(new_are_refused: bool) -> None:
    remote = Remote()
    remote.refused = {"bob"} if new_are_refused else set()
    async with Followed(remote, timedelta(seconds=3)) as followed:
        for name in ("main", "dev"):  # two sources
            await followed.revisions.resolve(ALICE, name, "web")
        remote.views["alice"] = "9" * 40
        with contextlib.suppress(RepositoryRefused):
            await followed.revisions.resolve(BOB, "main", "web")
        remote.asked_by.clear()
        followed.moved.clear()
        await until(lambda: len(remote.asked_by) >= 4)
        assert set(remote.asked_by) == {"bob"}
        assert followed.moved.count("web") <= 1, "of the refusal, once"
        assert remote.forgotten == ["alice"]


async def test_an_answer_to_the_old_credentials_that_is_still_under_way_reaches_nobody() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        await followed.revisions.resolve(ALICE, "main", "web")
        remote.views = {"alice": "9" * 40}
        slow = remote.slow = asyncio.Event()
        followed.revisions.announce(SHOP.url)
        await until(lambda: remote.fresh_questions == 2)
        remote.slow = None
        assert await followed.revisions.resolve(BOB, "main", "web") == "a" * 40
        slow.set()
        for _ in range(5):
            await asyncio.sleep(0.001)
        assert followed.moved == []
        assert await followed.revisions.resolve(BOB, "main", "web") == "a" * 40


async def test_all_whose_credentials_changed_share_one_question() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        for number in range(100):
            await followed.revisions.resolve(ALICE, "main", f"app-{number}")
        before = remote.fresh_questions
        for number in range(100):
            await followed.clock.sleep(timedelta(milliseconds=300))
            await followed.revisions.resolve(BOB, "main", f"app-{number}")
        assert remote.fresh_questions == before + 1


async def test_whose_credentials_stay_is_not_disturbed_when_anothers_change() -> None:
    remote = Remote()
    async with Followed(remote) as followed:
        await followed.revisions.resolve(ALICE, "main", "stays")
        await followed.revisions.resolve(ALICE, "main", "goes")
        await followed.revisions.resolve(CAROL, "main", "goes")
        followed.revisions.release("goes", [(CAROL, "main")])
        before = remote.fresh_questions
        assert await followed.revisions.resolve(ALICE, "main", "stays") == "a" * 40
        assert remote.fresh_questions == before
        assert remote.forgotten == []


async def test_what_is_kept_and_told_shows_no_credentials() -> None:
    remote = Remote()
    remote.refused = {"bob"}
    async with Followed(remote) as followed:
        await followed.revisions.resolve(ALICE, "main", "a")
        with pytest.raises(GitOpsError) as told:
            await followed.revisions.resolve(BOB, "main", "b")
        shown = repr(vars(followed.revisions)) + str(told.value) + repr(told.value)
        assert "canary" not in shown
    assert "canary" not in repr(Repository("https://u:canary@git.example/x").access)
