"""Real objects behind the API server's ports, kept in memory."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import bcrypt

from adapters.store.settings_parsing import Sources, parse_settings
from adapters.store.settings_values import Settings

KEY = b"k" * 32


def hashed(password: str) -> bytes:
    """Cheap on purpose: what is tested is the protocol, not bcrypt's cost."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4))


class ClockByHand:
    """Stands still until told; sleeping moves it on and is remembered."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
        self.slept: list[timedelta] = []

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, duration: timedelta) -> None:
        self.slept.append(duration)

    def forward(self, **span: float) -> None:
        self.moment += timedelta(**span)


class RecordsInMemory:
    """argocd-cm, argocd-secret and the Secret of sessions; shared by the replicas of one installation."""

    def __init__(self, config: Mapping[str, str] | None = None, secret: Mapping[str, bytes] | None = None) -> None:
        self.config: Mapping[str, str] = dict(config or {})
        self.secret: Mapping[str, bytes] = {"server.secretkey": KEY, **(secret or {})}
        self.sessions: Mapping[str, bytes] = {}

    @property
    def settings(self) -> Settings:
        texts = {key: value.decode() for key, value in self.secret.items()}
        return parse_settings(Sources(self.config, {}, {}, texts), Settings())

    async def patch_secret(self, changes: Mapping[str, bytes | None]) -> None:
        self.secret = _patched(self.secret, changes)

    async def patch_sessions(self, changes: Mapping[str, bytes | None]) -> None:
        self.sessions = _patched(self.sessions, changes)


def _patched(data: Mapping[str, bytes], changes: Mapping[str, bytes | None]) -> Mapping[str, bytes]:
    merged = {**data, **changes}
    return {key: value for key, value in merged.items() if value is not None}
