"""Local accounts: who there is, passwords, API tokens, and what one may do."""

import uuid
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from adapters.store.settings_values import Account, AccountToken
from api_server.access import CurrentUser, Segment, Served, check
from api_server.answers import json_answer, token_answer
from api_server.auth import tokens
from api_server.auth.accounts import (
    API_KEY,
    encoded_tokens,
    lists_token,
    may_be_used_for,
    mtime_key,
    password_key,
    tokens_key,
)
from api_server.auth.passwords import check_acceptable
from api_server.auth.sessions import Subject
from api_server.errors import FailedPrecondition
from api_server.services import Services
from gitops.model.errors import InvalidRequest, NotFound, NotPermitted
from gitops.model.moments import rfc3339

router = APIRouter(prefix="/api/v1/account", tags=["accounts"])

MOST_QUESTIONS = 200  # a screenful of rows asks about each


class PasswordRequest(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    name: str = ""
    new_password: Annotated[str, Field(min_length=1, max_length=1024, repr=False)]
    current_password: Annotated[str, Field(max_length=4096, repr=False)] = ""


class TokenRequest(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    name: str = ""
    id: str = Field("", max_length=128)
    expires_in: int | str = 0  # seconds; 0: never


@router.get("", summary="Every account the user may see")
async def list_accounts(services: Served, user: CurrentUser) -> Response:
    found = [each for each in services.sessions.accounts.values() if _may_see(services, user, each.name)]
    return json_answer({"items": [_view(each) for each in found]})


@router.get("/can-i/{resource}/{action}/{subresource:path}", summary="May the user do this: yes or no")
async def can_i(
    request: Request, services: Served, user: CurrentUser, resource: Segment, action: Segment, subresource: Segment
) -> Response:
    allowed = services.policy.allows(user, resource, action, subresource or "*")
    return json_answer({"value": "yes" if allowed else "no"})


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    resource: Annotated[str, Field(min_length=1, max_length=64)]
    action: Annotated[str, Field(min_length=1, max_length=512)]
    object: Annotated[str, Field(max_length=1024)] = "*"


class Questions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    questions: Annotated[tuple[Question, ...], Field(max_length=MOST_QUESTIONS)]


@router.post("/can-i", summary="May the user do these: yes or no to each")
async def can_i_each(services: Served, user: CurrentUser, asked: Questions) -> Response:
    allowed = [services.policy.allows(user, each.resource, each.action, each.object) for each in asked.questions]
    return json_answer({"values": ["yes" if each else "no" for each in allowed]})


@router.put("/password", summary="Set a password; the caller proves to be who he is with his own")
async def update_password(services: Served, user: CurrentUser, wanted: PasswordRequest) -> Response:
    name = wanted.name or user.name
    if user.is_anonymous or (user.claims and user.claims.is_project_token):
        raise NotPermitted("permission denied: only local accounts have passwords")
    if name != user.name:
        check(services, user, "accounts", "update", name)
    if not await services.sessions.confirm_password(user.name, wanted.current_password):
        services.audit.record(user, "accounts/password", name, result="refused")
        raise InvalidRequest("current password does not match")
    _account(services, name)
    check_acceptable(wanted.new_password, services.store.settings().password_pattern)
    hashed = await services.passwords.hashed(wanted.new_password)
    now = rfc3339(services.clock.now())
    await services.records.patch_secret({password_key(name): hashed, mtime_key(name): now.encode()})
    await services.sessions.forget_failures(name)
    if name == user.name and user.claims:
        # A token of this very second would otherwise survive the change.
        await services.sessions.revoke(user.claims)
    services.audit.record(user, "accounts/password", name)
    return json_answer({})


@router.get("/{name}", summary="One account")
async def get_account(services: Served, user: CurrentUser, name: Segment) -> Response:
    if not _may_see(services, user, name):
        raise NotPermitted(f"permission denied: accounts, get, {name}, sub: {user.name}")
    return json_answer(_view(_account(services, name)))


@router.post("/{name}/token", summary="Make an API token; it is shown this once")
async def create_token(services: Served, user: CurrentUser, name: Segment, wanted: TokenRequest) -> Response:
    check(services, user, "accounts", "update", name)
    account = _account(services, name)
    if not may_be_used_for(account, API_KEY):
        raise FailedPrecondition(f"account `{name}` does not have the capability {API_KEY}; add it in argocd-cm")
    token_id = wanted.id or str(uuid.uuid4())
    if lists_token(account, token_id):
        raise InvalidRequest(f"account `{name}` has a token `{token_id}` already")
    claims = tokens.api_key_claims(name, token_id, lifetime=_lifetime(wanted.expires_in), now=services.clock.now())
    ends = int(claims.expires_at.timestamp()) if claims.expires_at else 0
    listed = (*account.tokens, AccountToken(token_id, int(claims.issued_at.timestamp()), ends))
    await services.records.patch_secret({tokens_key(name): encoded_tokens(listed)})
    services.audit.record(user, "accounts/create-token", name, id=token_id)
    return token_answer(tokens.sign(claims, services.sessions.key()))


@router.delete("/{name}/token/{token_id}", summary="End an API token")
async def delete_token(services: Served, user: CurrentUser, name: Segment, token_id: Segment) -> Response:
    check(services, user, "accounts", "update", name)
    account = _account(services, name)
    if not lists_token(account, token_id):
        raise NotFound(f"account `{name}` has no token `{token_id}`")
    kept = [each for each in account.tokens if each.id != token_id]
    await services.records.patch_secret({tokens_key(name): encoded_tokens(kept)})
    services.audit.record(user, "accounts/delete-token", name, id=token_id)
    return json_answer({})


def _may_see(services: Services, user: Subject, name: str) -> bool:
    return name == user.name or services.policy.allows(user, "accounts", "get", name)


def _account(services: Services, name: str) -> Account:
    account = services.sessions.accounts.get(name)
    if account is None:
        raise NotFound(f"account `{name}` does not exist")
    return account


def _view(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "enabled": account.enabled,
        "capabilities": sorted(account.capabilities),
        "tokens": [
            {"id": each.id, "issuedAt": each.issued_at} | ({"expiresAt": each.expires_at} if each.expires_at else {})
            for each in account.tokens
        ],
    }


def _lifetime(seconds: int | str) -> timedelta | None:
    """Go clients send 64-bit numbers as text."""
    text = str(seconds)
    if not (text.isascii() and text.isdigit()) or len(text) > 10:
        raise InvalidRequest("body expiresIn: whole seconds are expected, 0 for a token without an end")
    return timedelta(seconds=int(text)) if int(text) else None
