"""Local accounts as argocd-cm and argocd-secret describe them. Pure."""

import json
from collections.abc import Mapping
from datetime import datetime

import msgspec

from gitops.model.errors import InvalidSpec
from gitops.model.moments import parse_rfc3339

ADMIN = "admin"
LOGIN = "login"
API_KEY = "apiKey"
PREFIX = "accounts."


class ApiToken(msgspec.Struct, frozen=True):
    """One API key of an account; it is valid as long as it is listed."""

    id: str = ""
    iat: int = 0
    exp: int = 0


class Account(msgspec.Struct, frozen=True):
    name: str
    enabled: bool = True
    capabilities: frozenset[str] = frozenset()
    password_hash: bytes = b""
    password_mtime: datetime | None = None
    tokens: tuple[ApiToken, ...] = ()

    def __repr__(self) -> str:
        return f"Account({self.name!r})"

    def may(self, capability: str) -> bool:
        return self.enabled and capability in self.capabilities

    def has_token(self, token_id: str) -> bool:
        return any(token.id == token_id for token in self.tokens)


def accounts_of(config: Mapping[str, str], secret: Mapping[str, bytes]) -> Mapping[str, Account]:
    """Every account by name; `admin` exists unless it is switched off."""
    names = {ADMIN} | {
        name for key in config if key.startswith(PREFIX) and (name := key[len(PREFIX) :]) and not _is_setting(name)
    }
    return {name: _account(name, config, secret) for name in sorted(names)}


def password_key(name: str) -> str:
    return "admin.password" if name == ADMIN else f"{PREFIX}{name}.password"


def mtime_key(name: str) -> str:
    return f"{password_key(name)}Mtime"


def tokens_key(name: str) -> str:
    return f"{PREFIX}{name}.tokens" if name != ADMIN else "admin.tokens"


def encoded_tokens(tokens: tuple[ApiToken, ...]) -> bytes:
    """As Argo CD keeps them in argocd-secret: a JSON list, `exp` only where there is an end."""
    listed = [{"id": each.id, "iat": each.iat} | ({"exp": each.exp} if each.exp else {}) for each in tokens]
    return json.dumps(listed).encode()


def _is_setting(name: str) -> bool:
    return name.rpartition(".")[2] in ("enabled", "password", "passwordMtime", "tokens") and "." in name


def _account(name: str, config: Mapping[str, str], secret: Mapping[str, bytes]) -> Account:
    enabled = config.get("admin.enabled" if name == ADMIN else f"{PREFIX}{name}.enabled", "true")
    return Account(
        name=name,
        enabled=enabled.strip().lower() != "false",
        capabilities=_capabilities(name, config.get(PREFIX + name, "")),
        password_hash=secret.get(password_key(name), b"").strip(),
        password_mtime=_mtime(secret.get(mtime_key(name), b"")),
        tokens=_tokens(name, secret.get(tokens_key(name), b"")),
    )


def _capabilities(name: str, declared: str) -> frozenset[str]:
    named = {part.strip() for part in declared.split(",") if part.strip()}
    return frozenset(named | ({LOGIN} if name == ADMIN else set()))


def _mtime(raw: bytes) -> datetime | None:
    try:
        return parse_rfc3339(raw.decode()) if raw else None
    except ValueError:
        return None


def _tokens(name: str, raw: bytes) -> tuple[ApiToken, ...]:
    if not raw:
        return ()
    try:
        return msgspec.json.decode(raw, type=tuple[ApiToken, ...])
    except msgspec.MsgspecError as error:
        raise InvalidSpec(f"argocd-secret: {tokens_key(name)} is not a JSON list of tokens: {error}") from None
