import hashlib
import hmac
import json
from typing import Any

import pytest

from api_server.webhook_payloads import Push, provider_of, push_of, same_repository
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
    return push_of(provider_of(headers), headers, body, secret)


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
    ],
)
def test_one_repository_has_many_spellings(one: str, other: str, same: bool) -> None:
    assert same_repository(one, other) is same
