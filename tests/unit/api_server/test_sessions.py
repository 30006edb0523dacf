import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from adapters.store.settings_values import Settings
from api_server.auth import tokens
from api_server.auth.attempts import LIMIT, Attempts
from api_server.auth.passwords import Passwords, check_acceptable
from api_server.auth.records import SESSIONS_SECRET
from api_server.auth.sessions import REFUSAL_DELAY, REFUSAL_NOISE, REFUSED, Sessions, project_lists_token
from gitops.model.errors import InvalidRequest, Unauthenticated
from gitops.model.moments import rfc3339
from tests.unit.api_server.api_fakes import ClockByHand, RecordsInMemory, hashed

RIGHT, WRONG = "correct horse", "battery staple"


@pytest.fixture
def clock() -> ClockByHand:
    return ClockByHand()


@pytest.fixture
def records() -> RecordsInMemory:
    config = {"accounts.alice": "login, apiKey", "accounts.ci": "apiKey", "accounts.gone": "login"}
    config |= {"accounts.gone.enabled": "false"}
    names = ("admin.password", "accounts.alice.password", "accounts.ci.password", "accounts.gone.password")
    return RecordsInMemory(config, {name: hashed(RIGHT) for name in names})


class CountedPasswords(Passwords):
    """Passwords that count how many guesses were really looked at."""

    evaluated = 0

    async def matches(self, password: str, hashed: str) -> bool:
        self.evaluated += bool(hashed)
        return await super().matches(password, hashed)


@pytest.fixture
def passwords() -> Iterator[CountedPasswords]:
    made = CountedPasswords()
    yield made
    made.close()


@pytest.fixture
async def sessions(records: RecordsInMemory, clock: ClockByHand, passwords: CountedPasswords) -> Sessions:
    return a_replica(records, clock, passwords)


def a_replica(records: RecordsInMemory, clock: ClockByHand, passwords: Passwords) -> Sessions:
    return Sessions(records, clock=clock, passwords=passwords, project_tokens=lambda *_: False)


async def refused(sessions: Sessions, username: str, password: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await sessions.log_in(username, password)
    return str(caught.value)


async def test_a_login_makes_a_token_that_is_recognised(sessions: Sessions) -> None:
    subject = sessions.subject_of(await sessions.log_in("alice", RIGHT))
    assert subject.name == "alice"


async def test_A32_every_refusal_says_the_same_and_takes_the_delay(sessions: Sessions, clock: ClockByHand) -> None:
    told = {
        await refused(sessions, name, password)
        for name, password in (
            ("alice", WRONG),
            ("nobody", WRONG),
            ("gone", RIGHT),  # disabled
            ("ci", RIGHT),  # may not log in
            ("x" * 33, WRONG),
            ("alice", "x" * 200),
        )
    }
    assert told == {REFUSED}
    assert len(clock.slept) == 6
    assert all(REFUSAL_DELAY <= slept <= REFUSAL_DELAY + REFUSAL_NOISE for slept in clock.slept)


async def test_A30_after_five_failures_even_the_right_password_is_refused(
    sessions: Sessions, clock: ClockByHand
) -> None:
    for _ in range(LIMIT):
        await refused(sessions, "alice", WRONG)
    assert await refused(sessions, "alice", RIGHT) == REFUSED
    assert await sessions.log_in("admin", RIGHT)  # nobody else is locked out
    clock.forward(seconds=301)
    assert await sessions.log_in("alice", RIGHT)


async def test_A41_guesses_at_once_are_looked_at_no_more_often_than_the_limit(
    sessions: Sessions, passwords: CountedPasswords
) -> None:
    tries = 500
    async with asyncio.TaskGroup() as group:
        answers = [group.create_task(refused(sessions, "admin", f"guess-{n}")) for n in range(tries)]
    assert {each.result() for each in answers} == {REFUSED}
    assert passwords.evaluated == LIMIT


async def test_A23_right_logins_at_once_all_succeed(sessions: Sessions) -> None:
    async with asyncio.TaskGroup() as group:
        logins = [group.create_task(sessions.log_in("alice", RIGHT)) for _ in range(20)]
    assert len({each.result() for each in logins}) == 20


async def test_A42_other_names_do_not_evict_the_count_of_an_account(clock: ClockByHand) -> None:
    attempts = Attempts(clock, most_names=10)

    async def fail(name: str, *, is_account: bool) -> bool:
        async with attempts.attempt(name, is_account=is_account) as attempt:
            return attempt.permitted

    for _ in range(LIMIT):
        assert await fail("admin", is_account=True)
    for number in range(100):
        await fail(f"made-up-{number}", is_account=False)
    assert not await fail("admin", is_account=True)
    assert attempts.failures_of("made-up-0").count == 0  # made-up names share a bounded table
    assert attempts.failures_of("made-up-99").count == 1


async def test_A43_a_locked_account_stays_locked_after_a_restart(
    sessions: Sessions, records: RecordsInMemory, clock: ClockByHand, passwords: CountedPasswords
) -> None:
    for _ in range(LIMIT):
        await refused(sessions, "alice", WRONG)
    restarted = a_replica(records, clock, passwords)
    assert await refused(restarted, "alice", RIGHT) == REFUSED
    clock.forward(seconds=301)
    assert await restarted.log_in("alice", RIGHT)


async def test_a_success_forgives_earlier_failures(sessions: Sessions) -> None:
    for _ in range(2):
        for _ in range(LIMIT - 1):
            await refused(sessions, "alice", WRONG)
        assert await sessions.log_in("alice", RIGHT)


async def test_A29_logging_out_ends_the_session_on_every_replica_and_after_a_restart(
    sessions: Sessions, records: RecordsInMemory, clock: ClockByHand, passwords: CountedPasswords
) -> None:
    token = await sessions.log_in("alice", RIGHT)
    other, kept = a_replica(records, clock, passwords), await sessions.log_in("alice", RIGHT)
    claims = other.subject_of(token).claims
    assert claims
    await sessions.revoke(claims)
    for replica in (sessions, other, a_replica(records, clock, passwords)):
        with pytest.raises(Unauthenticated, match="revoked"):
            replica.subject_of(token)
        assert replica.subject_of(kept).name == "alice"
    assert SESSIONS_SECRET == "tiphys-revoked-tokens"


async def test_revocations_are_dropped_once_the_tokens_have_ended(
    sessions: Sessions, records: RecordsInMemory, clock: ClockByHand
) -> None:
    first = sessions.subject_of(await sessions.log_in("alice", RIGHT)).claims
    assert first
    await sessions.revoke(first)
    clock.forward(hours=25)
    second = sessions.subject_of(await sessions.log_in("alice", RIGHT)).claims
    assert second
    await sessions.revoke(second)
    assert len(records.sessions) == 1


async def test_A29_disabling_an_account_or_changing_its_password_ends_its_sessions(
    sessions: Sessions, records: RecordsInMemory, clock: ClockByHand
) -> None:
    token = await sessions.log_in("alice", RIGHT)
    records.config = {**records.config, "accounts.alice.enabled": "false"}
    with pytest.raises(Unauthenticated, match="disabled"):
        sessions.subject_of(token)
    records.config = {**records.config, "accounts.alice.enabled": "true"}
    assert sessions.subject_of(token)
    clock.forward(seconds=2)
    await records.patch_secret({"accounts.alice.passwordMtime": rfc3339(clock.now()).encode()})
    with pytest.raises(Unauthenticated, match="password has changed"):
        sessions.subject_of(token)


async def test_A33_a_session_never_outlasts_the_configured_duration(
    sessions: Sessions, records: RecordsInMemory, clock: ClockByHand
) -> None:
    token = await sessions.log_in("alice", RIGHT)
    clock.forward(hours=2)
    assert sessions.subject_of(token)
    records.config = {**records.config, "users.session.duration": "1h"}
    with pytest.raises(Unauthenticated, match="as long as it may"):
        sessions.subject_of(token)


async def test_an_api_key_holds_as_long_as_it_is_listed(
    sessions: Sessions, records: RecordsInMemory, clock: ClockByHand
) -> None:
    claims = tokens.api_key_claims("ci", "nightly", lifetime=timedelta(days=1), now=clock.now())
    token = tokens.sign(claims, sessions.key())
    with pytest.raises(Unauthenticated, match="deleted"):
        sessions.subject_of(token)
    await records.patch_secret({"accounts.ci.tokens": b'[{"id":"nightly","iat":1}]'})
    assert sessions.subject_of(token).name == "ci"


async def test_an_api_key_does_not_pass_for_a_login(sessions: Sessions, clock: ClockByHand) -> None:
    claims = tokens.login_claims("ci", lifetime=timedelta(hours=1), now=clock.now())
    with pytest.raises(Unauthenticated, match="may not be used like this"):
        sessions.subject_of(tokens.sign(claims, sessions.key()))


def test_a_project_token_ends_with_its_role_or_its_listing() -> None:
    claims = tokens.Claims("proj:prod:deployer", "t1", ClockByHand().now())
    project = {"spec": {"roles": [{"name": "deployer"}]}, "status": {"jwtTokensByRole": {"deployer": {"items": []}}}}
    listed = {**project, "status": {"jwtTokensByRole": {"deployer": {"items": [{"id": "t1", "iat": 5}]}}}}
    assert project_lists_token(listed, "deployer", claims)
    assert not project_lists_token(project, "deployer", claims)
    assert not project_lists_token({**listed, "spec": {"roles": []}}, "deployer", claims)
    assert not project_lists_token(None, "deployer", claims)


@pytest.mark.parametrize("password", ["short", "x" * 33, "ä" * 32 + "x"])
def test_a_new_password_follows_the_rule(password: str) -> None:
    with pytest.raises(InvalidRequest, match="new password"):
        check_acceptable(password, Settings().password_pattern)
    check_acceptable("long enough", Settings().password_pattern)


def test_bcrypts_own_limit_is_told_not_silently_cut() -> None:
    with pytest.raises(InvalidRequest, match="72 bytes"):
        check_acceptable("ä" * 40, "^.{8,100}$")
