"""Local accounts: what they may be used for, and where argocd-secret keeps their parts. Pure."""

import json
from collections.abc import Iterable

from adapters.store.settings_values import Account, AccountToken

ADMIN = "admin"
LOGIN = "login"
API_KEY = "apiKey"


def may_be_used_for(account: Account, capability: str) -> bool:
    return account.enabled and capability in account.capabilities


def lists_token(account: Account, token_id: str) -> bool:
    return any(token.id == token_id for token in account.tokens)


def password_key(name: str) -> str:
    return "admin.password" if name == ADMIN else f"accounts.{name}.password"


def mtime_key(name: str) -> str:
    return f"{password_key(name)}Mtime"


def tokens_key(name: str) -> str:
    return f"accounts.{name}.tokens"


def encoded_tokens(tokens: Iterable[AccountToken]) -> bytes:
    """As Argo CD keeps them: a JSON list, `exp` only where there is an end."""
    listed = [
        {"id": each.id, "iat": each.issued_at} | ({"exp": each.expires_at} if each.expires_at else {})
        for each in tokens
    ]
    return json.dumps(listed).encode()
