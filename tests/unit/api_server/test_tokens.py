import base64
import json
from datetime import timedelta

import jwt
import pytest

from api_server.auth import tokens
from gitops.model.errors import Unauthenticated
from tests.unit.api_server.api_fakes import KEY, ClockByHand

CLOCK = ClockByHand()
NOW = CLOCK.now()


def a_login(**span: float) -> tokens.Claims:
    return tokens.login_claims("alice", lifetime=timedelta(**span or {"hours": 1}), now=NOW)


def forged(payload: dict[str, object], key: bytes = KEY, algorithm: str = "HS256") -> str:
    return jwt.encode(payload, key, algorithm=algorithm)


def a_payload(**changes: object) -> dict[str, object]:
    moment = int(NOW.timestamp())
    payload: dict[str, object] = {"iss": "argocd", "sub": "admin:login", "iat": moment, "nbf": moment, "jti": "x"}
    payload = {**payload, "exp": moment + 60, **changes}
    return {name: value for name, value in payload.items() if value is not None}


def test_what_was_signed_is_read_back() -> None:
    claims = a_login()
    assert tokens.read(tokens.sign(claims, KEY), KEY, now=NOW) == claims
    assert (claims.username, claims.capability) == ("alice", "login")


def test_A35_unsigned_wrongly_signed_and_foreign_tokens_are_refused() -> None:
    unsigned = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "none", "typ": "JWT"}, a_payload())
    )
    for token in (
        unsigned + ".",
        forged(a_payload(), key=b"another" * 6),
        forged(a_payload(), algorithm="HS512", key=KEY * 2),
        forged(a_payload(iss="https://idp.example.com")),
        forged(a_payload(jti=None)),
        forged(a_payload(sub=None)),
        forged(a_payload(iat=True)),
        forged(a_payload(exp=10**18)),
        forged(a_payload(sub=["admin:login"])),
        "",
        "a.b.c",
        "ü" * 40,
    ):
        with pytest.raises(Unauthenticated):
            tokens.read(token, KEY, now=NOW)
    assert tokens.read(forged(a_payload()), KEY, now=NOW).username == "admin"  # the control: only the lie is refused


def test_A29_a_token_ends_with_its_lifetime() -> None:
    token = tokens.sign(a_login(minutes=5), KEY)
    assert tokens.read(token, KEY, now=NOW + timedelta(minutes=4, seconds=59))
    with pytest.raises(Unauthenticated, match="expired"):
        tokens.read(token, KEY, now=NOW + timedelta(minutes=5))


def test_a_token_from_the_future_is_refused_but_skewed_clocks_are_not() -> None:
    token = tokens.sign(a_login(), KEY)
    assert tokens.read(token, KEY, now=NOW - timedelta(seconds=5))
    with pytest.raises(Unauthenticated, match="not valid yet"):
        tokens.read(token, KEY, now=NOW - timedelta(minutes=1))


def test_A33_a_login_token_without_an_end_is_refused_an_api_key_is_not() -> None:
    with pytest.raises(Unauthenticated, match="without an end"):
        tokens.read(forged(a_payload(exp=None)), KEY, now=NOW)
    endless = tokens.api_key_claims("ci", "nightly", lifetime=None, now=NOW)
    assert tokens.read(tokens.sign(endless, KEY), KEY, now=NOW + timedelta(days=400)) == endless


def test_A36_token_ids_are_random_and_never_repeat() -> None:
    ids = {a_login().token_id for _ in range(10_000)}
    assert len(ids) == 10_000


def test_a_project_token_speaks_for_its_role() -> None:
    claims = tokens.read(forged(a_payload(sub="proj:prod:deployer", exp=None)), KEY, now=NOW)
    assert claims.is_project_token
    assert claims.username == "proj:prod:deployer"
