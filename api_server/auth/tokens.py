"""Session and API tokens: JWTs of our own issuer, signed HS256, read without trusting anything in them."""

import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import msgspec

from api_server.auth.accounts import API_KEY, LOGIN
from api_server.auth.refusals import PROJECT, foreign, refused, useless
from gitops.model.errors import Unauthenticated
from gitops.model.moments import rfc3339

ISSUER = "argocd"
ALGORITHM = "HS256"
LEEWAY = timedelta(seconds=10)  # between the clocks of two replicas
_REQUIRED = ("iss", "sub", "iat", "nbf", "jti")


class Claims(msgspec.Struct, frozen=True):
    """What a token says, once its signature and times held."""

    subject: str  # as in the token: alice:login, ci:apiKey, proj:prod:deployer
    token_id: str
    issued_at: datetime
    expires_at: datetime | None = None

    @property
    def is_project_token(self) -> bool:
        return self.subject.startswith(PROJECT)

    @property
    def username(self) -> str:
        return self.subject if self.is_project_token else self.subject.rpartition(":")[0]

    @property
    def capability(self) -> str:
        return "" if self.is_project_token else self.subject.rpartition(":")[2]


def login_claims(username: str, *, lifetime: timedelta, now: datetime) -> Claims:
    return Claims(f"{username}:{LOGIN}", str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)), now, now + lifetime)


def api_key_claims(username: str, token_id: str, *, lifetime: timedelta | None, now: datetime) -> Claims:
    return Claims(f"{username}:{API_KEY}", token_id, now, now + lifetime if lifetime else None)


def sign(claims: Claims, key: bytes) -> str:
    moment = int(claims.issued_at.timestamp())
    payload: dict[str, Any] = {
        "iss": ISSUER,
        "sub": claims.subject,
        "iat": moment,
        "nbf": moment,
        "jti": claims.token_id,
    }
    if claims.expires_at:
        payload["exp"] = int(claims.expires_at.timestamp())
    return jwt.encode(payload, key, algorithm=ALGORITHM)


def read(token: str, key: bytes, *, now: datetime) -> Claims:
    """The claims of a token that we signed and that is valid now; anything else is Unauthenticated."""
    payload = _verified(token, key)
    issued, starts, ends = (_moment(payload, name) for name in ("iat", "nbf", "exp"))
    subject, token_id = payload["sub"], payload["jti"]
    if not (isinstance(subject, str) and isinstance(token_id, str) and subject and token_id and issued):
        raise foreign(token)
    if issued > now + LEEWAY or (starts and starts > now + LEEWAY):
        raise useless(subject, "it is not valid yet; the clocks of the servers differ")
    if ends and ends <= now:
        raise refused(subject, f"it expired at {rfc3339(ends)}")
    claims = Claims(subject, token_id, issued, ends)
    if claims.capability == LOGIN and ends is None:
        raise refused(subject, "a login token without an end is not ours")
    return claims


def _verified(token: str, key: bytes) -> dict[str, Any]:
    try:
        # Times are checked by the caller against the clock it was given.
        return jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            options={
                "require": list(_REQUIRED),
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
            },
        )
    except (jwt.InvalidTokenError, ValueError):
        raise foreign(token) from None


def _moment(payload: dict[str, Any], name: str) -> datetime | None:
    value = payload.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unauthenticated(f"invalid token: its `{name}` is not a point in time")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        raise Unauthenticated(f"invalid token: its `{name}` is out of range") from None
