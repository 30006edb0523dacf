"""Who comes with a token that does not hold is told which kind it is, what is wrong with it and what helps."""

import base64
from datetime import timedelta

import jwt
import pytest

from api_server.auth import tokens
from api_server.auth.passwords import Passwords
from api_server.auth.sessions import Sessions
from api_server.auth.tokens import Claims
from gitops.model.errors import Unauthenticated
from tests.unit.api_server.api_fakes import KEY, ClockByHand, RecordsInMemory

CLOCK = ClockByHand()
NOW = CLOCK.now()
HOUR = timedelta(hours=1)
LOGIN, API_KEY, ROLE = "ann:login", "ann:apiKey", "proj:prod:deployer"
ADVICE = {
    LOGIN: "log in again",
    API_KEY: "make a new token for account `ann`",
    ROLE: "make a new token for role `deployer` of project `prod`",
}


def said(token: str, config: dict[str, str] | None = None) -> str:
    records = RecordsInMemory(config if config is not None else {"accounts.ann": "login, apiKey"})
    sessions = Sessions(records, clock=CLOCK, passwords=Passwords(), project_tokens=lambda *_: False)
    with pytest.raises(Unauthenticated) as caught:
        sessions.subject_of(token)
    return str(caught.value)


def signed(subject: str, key: bytes = KEY, ends: timedelta = HOUR) -> str:
    return tokens.sign(Claims(subject, "t1", NOW - HOUR, NOW + ends), key)


@pytest.mark.parametrize("subject", ADVICE)
def test_an_expired_token_says_since_when_and_what_helps_its_kind(subject: str) -> None:
    told = said(signed(subject, ends=-timedelta(minutes=5)))
    assert "it expired at 20" in told
    assert told.endswith(ADVICE[subject])


@pytest.mark.parametrize("subject", [API_KEY, ROLE])
def test_a_deleted_token_is_to_be_made_anew(subject: str) -> None:
    told = said(signed(subject))
    assert "deleted" in told
    assert told.endswith(ADVICE[subject])


@pytest.mark.parametrize("subject", ADVICE)
async def test_a_revoked_token_says_so(subject: str) -> None:
    records = RecordsInMemory({"accounts.ann": "login, apiKey"})
    sessions = Sessions(records, clock=CLOCK, passwords=Passwords(), project_tokens=lambda *_: True)
    token = signed(subject)
    await sessions.revoke(tokens.read(token, KEY, now=NOW))
    with pytest.raises(Unauthenticated, match="revoked") as caught:
        sessions.subject_of(token)
    assert str(caught.value).endswith(ADVICE[subject])


@pytest.mark.parametrize(
    "token", [signed(API_KEY, b"another" * 6), signed(ROLE, b"another" * 6), "argocd-key-1", "a.b.c"]
)
def test_a_token_that_is_not_ours_is_no_session_that_ended(token: str) -> None:
    told = said(token)
    assert "this server did not sign it" in told
    assert "make a new token" in told
    assert "log in" not in told
    assert "deployer" not in told  # nobody vouches for what it says


def test_a_session_of_another_server_may_log_in_here() -> None:
    assert said(signed(LOGIN, b"another" * 6)).endswith("log in again")


@pytest.mark.parametrize("claimed", [["ann:login"], 7, {"a": 1}, "x" * 5_000, "proj::::", ":login:apiKey"])
def test_whatever_a_foreign_token_claims_it_is_only_refused(claimed: object) -> None:
    told = said(jwt.encode({"x": 1, "sub": claimed}, b"another" * 6))
    assert len(told) < 300


@pytest.mark.parametrize("subject", [LOGIN, API_KEY])
@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({}, "there is no account `ann` any more"),
        ({"accounts.ann": "login, apiKey", "accounts.ann.enabled": "false"}, "disabled"),
    ],
)
def test_where_the_account_is_the_problem_no_new_token_is_advised(
    subject: str, config: dict[str, str], problem: str
) -> None:
    told = said(signed(subject), config)
    assert problem in told
    assert "log in" not in told
    assert "new token" not in told


@pytest.mark.parametrize("part", [0, 1])
def test_a_token_of_ten_thousand_brackets_is_only_refused(part: int) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 10_000).rstrip(b"=").decode()
    parts = signed(API_KEY).split(".")
    assert "this server did not sign it" in said(".".join([*parts[:part], deep, *parts[part + 1 :]]))
