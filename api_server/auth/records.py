"""What has to outlive this process and reach every replica: revoked tokens and failed logins."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from adapters.store.settings_values import Settings
from api_server.auth.attempts import WINDOW, Failures

SESSIONS_SECRET = "tiphys-revoked-tokens"  # noqa: S105
REVOKED = "revoked."
FAILURES = "failures."


class AuthRecords(Protocol):
    """All that sessions need of the management cluster."""

    @property
    def settings(self) -> Settings:
        """As they are now."""
        ...

    @property
    def sessions(self) -> Mapping[str, bytes]:
        """The Secret of this module, decoded."""
        ...

    async def patch_secret(self, changes: Mapping[str, bytes | None]) -> None:
        """Sets or (None) removes entries of argocd-secret."""
        ...

    async def patch_sessions(self, changes: Mapping[str, bytes | None]) -> None: ...


def revocation_key(token_id: str) -> str:
    # An API token's id is chosen by a user; a digest is always a valid key of a Secret.
    return REVOKED + hashlib.sha256(token_id.encode()).hexdigest()


def failures_key(name: str) -> str:
    return FAILURES + name


def encoded_end(expires_at: datetime | None) -> bytes:
    return str(int(expires_at.timestamp())).encode() if expires_at else b"never"


def encoded_failures(failures: Failures) -> bytes:
    return msgspec.json.encode(failures)


def decoded_failures(sessions: Mapping[str, bytes]) -> Mapping[str, Failures]:
    found = {}
    for key, raw in sessions.items():
        if key.startswith(FAILURES):
            try:
                found[key.removeprefix(FAILURES)] = msgspec.json.decode(raw, type=Failures)
            except msgspec.MsgspecError:
                continue  # written by someone else; the count in memory still holds
    return found


def outdated(sessions: Mapping[str, bytes], now: datetime) -> Mapping[str, None]:
    """Entries that say nothing any more: tokens that have expired anyway, failures that are forgiven."""
    forgiven = {failures_key(name) for name, each in decoded_failures(sessions).items() if not each.standing(now)}
    return {key: None for key, raw in sessions.items() if key in forgiven or _has_ended(key, raw, now - WINDOW)}


def _has_ended(key: str, raw: bytes, moment: datetime) -> bool:
    if not key.startswith(REVOKED) or not raw.isdigit() or len(raw) > 11:
        return False
    return datetime.fromtimestamp(int(raw), UTC) < moment
