"""Whatever a stranger writes at the edges of the API, it is refused in our own words and never ends in a bug."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import msgspec
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from api_server.applications.selection import parse_selector
from api_server.auth import tokens
from api_server.auth.cookies import token_from
from api_server.fields import Fields
from api_server.json_patch import apply_json_patch
from api_server.repositories.views import shown_url
from api_server.strict_json import StrictJson
from api_server.webhook_payloads import PROVIDERS, proof_of, push_of, same_repository
from gitops.model.errors import GitOpsError

NOW = datetime(2026, 1, 2, tzinfo=UTC)
KEY = b"k" * 32
texts = st.text(st.characters(codec=None), max_size=30)  # lone surrogates too
hostile = texts | st.sampled_from(
    ["", "/", "~", "http://[::1", "https://[", "\ud800", "//@:", "a:b", "ssh://u:p@h:99999/x", "\0", "-" * 9]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | hostile
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(hostile, inner, max_size=4), max_leaves=12
)
pointers = st.lists(st.sampled_from(["", "a", "b", "0", "1", "-", "~1", "~0", "99999999999", "²"]), max_size=3).map(
    lambda steps: "".join(f"/{each}" for each in steps)
)
operations = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"]) | values},
    optional={"path": pointers | values, "from": pointers | values, "value": values},
)


def known_names(*names: str) -> Any:
    return st.dictionaries(st.sampled_from(names), values | st.deferred(lambda: bodies), max_size=4)


bodies: Any = known_names(
    "ref", "after", "repository", "project", "push", "changes", "new", "old", "target", "hash", "links", "html",
    "href", "clone_url", "html_url", "web_url", "checkout_sha", "name",
)  # fmt: skip


@given(values, st.lists(operations, max_size=4) | values)
def test_a_json_patch_fits_or_is_refused(document: Any, patch: Any) -> None:
    with contextlib.suppress(GitOpsError):
        apply_json_patch(document, patch)


@given(st.sampled_from(PROVIDERS), bodies | values, st.binary(max_size=20), st.booleans())
def test_a_webhook_is_understood_or_refused(provider: Any, payload: Any, raw: bytes, is_json: bool) -> None:
    headers = {provider.header: "1", provider.event_header: next(iter(provider.events))}
    body = json.dumps(payload).encode() if is_json else raw
    try:
        push = push_of(provider, headers, body)
    except GitOpsError:
        return
    for url in push.urls if push else ():
        same_repository(url, "https://git.example.com/a/b")
        shown_url(url)


@given(
    st.sampled_from(PROVIDERS),
    st.dictionaries(
        st.sampled_from(
            ["x-hub-signature-256", "x-gitea-signature", "x-gogs-signature", "x-gitlab-token", "x-hook-uuid"]
        ),
        hostile,
    ),
)
def test_a_proof_of_anything_is_none(provider: Any, headers: dict[str, str]) -> None:
    try:
        proof = proof_of(provider, headers, {provider.secret_key: "a long and secret word"})
        proof.update(b"{}")
        proof.check()
    except GitOpsError:
        return
    raise AssertionError("believed")


@given(hostile, hostile)
def test_addresses_are_compared_and_shown_whatever_they_are(one: str, other: str) -> None:
    assert same_repository(one, other) == same_repository(other, one)
    assert same_repository(one, one)
    assert "p@h" not in shown_url(one)


@given(hostile, values)
def test_a_selection_of_fields_never_fails(text: str, value: Any) -> None:
    fields = Fields.parse(text)
    if fields is not None:
        fields.applied(value)


@given(hostile)
def test_a_selector_is_understood_or_refused(text: str) -> None:
    try:
        for holds in parse_selector(text):
            holds({"a": "b"})
    except GitOpsError:
        pass


claims = st.dictionaries(st.sampled_from(["iss", "sub", "iat", "nbf", "exp", "jti", "aud"]), values | st.just("argocd"))


@given(claims)
def test_even_a_token_with_our_signature_is_only_believed_when_it_is_whole(payload: dict[str, Any]) -> None:
    try:
        token = jwt.api_jws.encode(json.dumps(payload).encode(), KEY, algorithm="HS256")
    except (ValueError, TypeError):
        return
    with contextlib.suppress(GitOpsError):
        tokens.read(token, KEY, now=NOW)


@given(st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")) | st.lists(hostile, max_size=4).map(".".join))
def test_what_is_no_token_is_refused_in_our_words(token: str) -> None:
    try:
        tokens.read(token, KEY, now=NOW)
    except GitOpsError:
        return
    raise AssertionError("believed")


@given(st.dictionaries(st.sampled_from(["argocd.token", "argocd.token-1", "argocd.token-2"]), hostile | st.just("3:x")))
def test_cookies_hold_a_token_or_none(cookies: dict[str, str]) -> None:
    assert isinstance(token_from(cookies), str)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """What FastAPI makes of a body, stored and answered again as we do."""
    value = await Request(scope, receive).json()
    msgspec.json.encode(value)
    await PlainTextResponse("ok")(scope, receive, send)


@given(
    values.map(lambda value: json.dumps(value).encode())
    | st.binary(min_size=1, max_size=30)
    | st.integers(1, 20_000).map(lambda depth: b"[" * depth + b"]" * depth)
    | st.integers(1, 6_000).map(lambda digits: b"1" * digits)
    | st.sampled_from([b'"\\ud800"', b"NaN", b"-Infinity", b"1e999", b'{"a":"\\udc00"}', b"\xff", b"\xef\xbb\xbf{}"])
)
async def test_a_body_that_comes_through_can_be_stored_and_answered(body: bytes) -> None:
    transport = httpx.ASGITransport(StrictJson(echo))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        answer = await client.post("/api/v1/applications", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400)
