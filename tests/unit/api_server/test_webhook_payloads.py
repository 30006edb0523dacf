import hashlib
import hmac
import json
import tracemalloc
from typing import Any

import pytest

from api_server.webhook_payloads import PROVIDERS, Provider, Push, proof_of, provider_of, push_of, same_repository
from gitops.model.errors import InvalidRequest, Unauthenticated

SHA = "a" * 40
GITHUB = {
    "ref": "refs/heads/main",
    "after": SHA,
    "repository": {"html_url": "https://github.com/team/app", "ssh_url": "git@github.com:team/app.git"},
}
GITLAB = {
    "ref": "refs/tags/v1.2.3",
    "checkout_sha": SHA,
    "project": {"web_url": "https://gitlab.com/team/app", "git_http_url": "https://gitlab.com/team/app.git"},
}
BITBUCKET = {
    "repository": {"links": {"html": {"href": "https://bitbucket.org/team/app"}}},
    "push": {"changes": [{"new": {"name": "main", "target": {"hash": SHA}}, "old": None}]},
}


def told(headers: dict[str, str], payload: Any, secret: bytes = b"") -> Push | None:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    provider = provider_of(headers)
    proof = proof_of(provider, headers, {provider.secret_key: secret.decode()} if secret else {})
    for start in range(0, len(body), 7):
        proof.update(body[start : start + 7])
    proof.check()
    return push_of(provider, headers, body)


@pytest.mark.parametrize(
    ("headers", "payload", "ref"),
    [
        ({"x-github-event": "push"}, GITHUB, "main"),
        ({"x-gitea-event": "push", "x-gogs-event": "push", "x-github-event": "push"}, GITHUB, "main"),
        ({"x-gogs-event": "push"}, GITHUB, "main"),
        ({"x-gitlab-event": "Push Hook"}, GITLAB, "v1.2.3"),
        ({"x-hook-uuid": "1", "x-event-key": "repo:push"}, BITBUCKET, "main"),
    ],
)
def test_a_push_names_its_repository_reference_and_commit(headers: dict[str, str], payload: Any, ref: str) -> None:
    push = told(headers, payload)
    assert push is not None
    assert (push.ref, push.revision) == (ref, SHA)
    assert any(same_repository(url, f"ssh://git@{url.partition('://')[2]}.git") for url in push.urls)


def test_other_events_concern_nobody() -> None:
    assert told({"x-github-event": "ping"}, {"zen": "…"}) is None


def test_a_deleted_branch_has_no_commit() -> None:
    push = told({"x-github-event": "push"}, {**GITHUB, "after": "0" * 40})
    assert push is not None
    assert push.revision == ""


@pytest.mark.parametrize(
    ("headers", "payload"),
    [
        ({"x-github-event": "push"}, b"{"),
        ({"x-github-event": "push"}, b"[]"),
        ({"x-github-event": "push"}, b"null"),
        ({"x-github-event": "push"}, {"ref": "refs/heads/main"}),
        ({"x-github-event": "push"}, {**GITHUB, "repository": None}),  # A26
        ({"x-gogs-event": "push"}, {**GITHUB, "repository": None}),  # A26
        ({"x-github-event": "push"}, {**GITHUB, "repository": {"html_url": 7}}),
        ({"x-gitlab-event": "Push Hook"}, {**GITLAB, "project": "x"}),
        ({"x-hook-uuid": "1", "x-event-key": "repo:push"}, {"repository": {"links": {}}, "push": {}}),  # A25
        ({"x-hook-uuid": "1", "x-event-key": "repo:push"}, {**BITBUCKET, "push": {"changes": [None]}}),
        ({"x-github-event": "push"}, b"[" * 100_000),
    ],
)
def test_A25_A26_odd_payloads_are_a_clean_400(headers: dict[str, str], payload: Any) -> None:
    with pytest.raises(InvalidRequest):
        told(headers, payload)


def test_a_stranger_is_told_which_hosts_are_known() -> None:
    with pytest.raises(InvalidRequest, match="GitHub"):
        provider_of({"x-other": "push"})


@pytest.mark.parametrize(
    ("header", "event", "signature", "prefix"),
    [
        ("x-github-event", "push", "x-hub-signature-256", "sha256="),
        ("x-gitea-event", "push", "x-gitea-signature", ""),
        ("x-gogs-event", "push", "x-gogs-signature", ""),
    ],
)
def test_a_signature_must_be_that_of_the_body(header: str, event: str, signature: str, prefix: str) -> None:
    body, secret = json.dumps(GITHUB).encode(), b"shared"
    right = prefix + hmac.new(secret, body, hashlib.sha256).hexdigest()
    assert told({header: event, signature: right}, body, secret)
    for wrong in ("", right[:-1], prefix + "0" * 64, "ü"):
        with pytest.raises(Unauthenticated):
            told({header: event, signature: wrong}, body, secret)
    with pytest.raises(Unauthenticated):
        told({header: event, signature: right}, body + b" ", secret)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda each: each.name)
def test_once_one_host_has_a_secret_none_is_believed_without(provider: Provider) -> None:
    headers = {provider.header: "1", provider.event_header: next(iter(provider.events))}
    proof_of(provider, headers, {}).check()
    others = {each.secret_key for each in PROVIDERS} | {"webhook.azuredevops.password"}
    for other in others:
        with pytest.raises(Unauthenticated, match=provider.secret_key):
            proof_of(provider, headers, {other: "shared"})


@pytest.mark.parametrize(
    "headers",
    [
        {"x-github-event": "push"},
        {"x-github-event": "push", "x-hub-signature-256": "sha256=" + "0" * 63},
        {"x-github-event": "push", "x-hub-signature-256": "sha1=" + "0" * 64},
        {"x-gitlab-event": "Push Hook", "x-gitlab-token": "wrong"},
        {"x-gitlab-event": "Push Hook", "x-gitlab-token": "\udcff"},
        {"x-hook-uuid": "wrong", "x-event-key": "repo:push"},
    ],
)
def test_what_no_body_could_make_right_is_refused_before_one_is_read(headers: dict[str, str]) -> None:
    provider = provider_of(headers)
    with pytest.raises(Unauthenticated):
        proof_of(provider, headers, {provider.secret_key: "shared"})


def test_a_body_costs_what_is_needed_of_it_and_not_what_is_in_it() -> None:
    """Of megabytes of small values none is made an object."""
    padding = b"[" + b"[]," * 1_000_000 + b"[]]"
    bodies = {
        "x-github-event": b'{"commits":' + padding + b"," + json.dumps(GITHUB).encode()[1:],
        "x-gitlab-event": b'{"commits":' + padding + b"," + json.dumps(GITLAB).encode()[1:],
        "x-hook-uuid": json.dumps(BITBUCKET).encode().replace(b'"changes": [', b'"changes": [' + b"{}," * 1_000_000),
    }
    events = {"x-github-event": "push", "x-gitlab-event": "Push Hook", "x-hook-uuid": "1"}
    for header, body in bodies.items():
        headers = {header: events[header], "x-event-key": "repo:push"}
        tracemalloc.start()
        assert push_of(provider_of(headers), headers, body) is not None
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < len(body) / 2, header


def test_gitlab_and_bitbucket_show_a_shared_token() -> None:
    assert told({"x-gitlab-event": "Push Hook", "x-gitlab-token": "t"}, GITLAB, b"t")
    with pytest.raises(Unauthenticated):
        told({"x-gitlab-event": "Push Hook"}, GITLAB, b"t")
    with pytest.raises(Unauthenticated):
        told({"x-hook-uuid": "other", "x-event-key": "repo:push"}, BITBUCKET, b"uuid")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://github.com/Team/App.git", "git@GitHub.com:team/app", True),
        ("http://127.0.0.1:8930/repo.git", "http://127.0.0.1:9999/repo", True),
        ("https://user:secret@git.example.com/a/b", "ssh://git@git.example.com:2222/a/b.git/", True),
        ("https://github.com/team/app", "https://github.com/team/app2", False),
        ("https://github.com/team/app", "https://example.com/team/app", False),
        ("https://github.com/team/app", "https://evil.example/github.com/team/app", False),
        ("http://[::1", "http://[::1", True),
        ("http://[::1", "https://github.com/team/app", False),
    ],
)
def test_one_repository_has_many_spellings(one: str, other: str, same: bool) -> None:
    assert same_repository(one, other) is same
