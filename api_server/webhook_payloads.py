"""What a Git host's push announcement says: which repository, which reference, which commit. Pure."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gitops.model.errors import InvalidRequest, Unauthenticated
from gitops.model.repository import normalized_url

ZERO_SHA = "0" * 40  # stands for "no commit": the reference was deleted


class Push(msgspec.Struct, frozen=True):
    """One announced push. `ref` is a short branch or tag name, empty when any may have moved."""

    urls: tuple[str, ...]
    ref: str = ""
    revision: str = ""


class Provider(msgspec.Struct, frozen=True):
    name: str
    header: str  # tells this provider's requests from others
    event_header: str
    events: frozenset[str]
    secret_key: str  # in argocd-secret
    verified: Callable[[Mapping[str, str], bytes, bytes], bool]
    parsed: Callable[[Mapping[str, Any]], Push]


def provider_of(headers: Mapping[str, str]) -> Provider:
    # Gitea also sends the headers of GitHub and Gogs, so it comes first.
    for provider in PROVIDERS:
        if provider.header in headers:
            return provider
    known = ", ".join(sorted({each.name for each in PROVIDERS}))
    raise InvalidRequest(f"unknown webhook event: no header of a known Git host ({known})")


def push_of(provider: Provider, headers: Mapping[str, str], body: bytes, secret: bytes) -> Push | None:
    """The push a request announces; None for an event that concerns nobody, such as a ping."""
    if secret and not provider.verified(headers, body, secret):
        raise Unauthenticated(f"the webhook's signature does not match {provider.secret_key} of argocd-secret")
    if headers.get(provider.event_header, "") not in provider.events:
        return None
    try:
        payload = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise InvalidRequest("the webhook's body is not valid JSON") from None
    try:
        push = provider.parsed(payload)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError):
        raise InvalidRequest(f"the webhook's body is not a {provider.name} push: a field is missing or odd") from None
    if not push.urls:
        raise InvalidRequest(f"the {provider.name} push names no repository")
    return push


def same_repository(one: str, other: str) -> bool:
    """Whether two addresses lead to one repository, whatever the protocol, user, port and spelling."""
    return _place(one) == _place(other)


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(normalized_url(url))
    return (parts.hostname or "").lower(), parts.path.strip("/").removesuffix(".git").lower()


def short_ref(ref: str) -> str:
    for prefix in ("refs/heads/", "refs/tags/"):
        if ref.startswith(prefix):
            return ref.removeprefix(prefix)
    return "" if ref.startswith("refs/") else ref


def _texts(*values: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if isinstance(value, str) and value))


def _commit(value: Any) -> str:
    return value if isinstance(value, str) and value != ZERO_SHA else ""


def _github(payload: Mapping[str, Any]) -> Push:
    repository = payload["repository"]
    urls = _texts(*(repository.get(name) for name in ("html_url", "clone_url", "ssh_url", "git_url", "url")))
    return Push(urls, short_ref(str(payload["ref"])), _commit(payload.get("after")))


def _gitlab(payload: Mapping[str, Any]) -> Push:
    project = payload["project"]
    urls = _texts(*(project.get(name) for name in ("web_url", "git_http_url", "git_ssh_url", "http_url", "ssh_url")))
    return Push(urls, short_ref(str(payload["ref"])), _commit(payload.get("checkout_sha") or payload.get("after")))


def _bitbucket(payload: Mapping[str, Any]) -> Push:
    html = payload["repository"]["links"]["html"]["href"]
    changes = payload["push"]["changes"]
    moved = [change["new"] or change["old"] for change in changes]
    only = moved[0] if len(moved) == 1 else {}
    return Push(_texts(html), str(only.get("name", "")), _commit((only.get("target") or {}).get("hash")))


def _hmac_of(header: str, prefix: str) -> Callable[[Mapping[str, str], bytes, bytes], bool]:
    def verified(headers: Mapping[str, str], body: bytes, secret: bytes) -> bool:
        right = prefix + hmac.new(secret, body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(right.encode(), headers.get(header, "").encode())

    return verified


def _gitlab_token(headers: Mapping[str, str], _: bytes, secret: bytes) -> bool:
    return hmac.compare_digest(secret, headers.get("x-gitlab-token", "").encode())


def _bitbucket_uuid(headers: Mapping[str, str], _: bytes, secret: bytes) -> bool:
    return hmac.compare_digest(secret, headers.get("x-hook-uuid", "").encode())


PUSH = frozenset({"push", "create", "delete"})
GITLAB_PUSH = frozenset({"Push Hook", "Tag Push Hook"})
BITBUCKET_PUSH = frozenset({"repo:push"})
_GITEA = _hmac_of("x-gitea-signature", "")
_GOGS = _hmac_of("x-gogs-signature", "")
_GITHUB = _hmac_of("x-hub-signature-256", "sha256=")
PROVIDERS = (
    Provider("Gitea", "x-gitea-event", "x-gitea-event", PUSH, "webhook.gogs.secret", _GITEA, _github),
    Provider("Gogs", "x-gogs-event", "x-gogs-event", PUSH, "webhook.gogs.secret", _GOGS, _github),
    Provider("GitHub", "x-github-event", "x-github-event", PUSH, "webhook.github.secret", _GITHUB, _github),
    Provider(
        "GitLab", "x-gitlab-event", "x-gitlab-event", GITLAB_PUSH, "webhook.gitlab.secret", _gitlab_token, _gitlab
    ),
    Provider(
        "Bitbucket", "x-hook-uuid", "x-event-key", BITBUCKET_PUSH, "webhook.bitbucket.uuid", _bitbucket_uuid, _bitbucket
    ),
)
