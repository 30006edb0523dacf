"""What a Git host's push announcement says: which repository, which reference, which commit. Pure."""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from gitops.model.errors import InvalidRequest, Unauthenticated
from gitops.model.repository import normalized_url

Buffer = bytes | bytearray
ZERO_SHA = "0" * 40  # stands for "no commit": the reference was deleted


class Push(msgspec.Struct, frozen=True):
    """One announced push. `ref` is a short branch or tag name, empty when any may have moved."""

    urls: tuple[str, ...]
    ref: str = ""
    revision: str = ""


class Proof(Protocol):
    """That a body comes from where it says, found out while it is read."""

    def update(self, part: bytes, /) -> object: ...
    def check(self) -> None:
        """Raises Unauthenticated unless it does."""
        ...


class Provider(msgspec.Struct, frozen=True):
    name: str
    header: str  # tells this provider's requests from others
    event_header: str
    events: frozenset[str]
    secret_key: str  # in argocd-secret
    proof: Callable[[Mapping[str, str], bytes], Proof | None]  # None: no body could make this right any more
    parsed: Callable[[Buffer], Push]


# Of a Git host whose requests we do not read: it counts as one more that is set up to be checked.
OTHER_SECRETS = ("webhook.azuredevops.username", "webhook.azuredevops.password")


def provider_of(headers: Mapping[str, str]) -> Provider:
    # Gitea also sends the headers of GitHub and Gogs, so it comes first.
    for provider in PROVIDERS:
        if provider.header in headers:
            return provider
    known = ", ".join(sorted({each.name for each in PROVIDERS}))
    raise InvalidRequest(f"unknown webhook event: no header of a known Git host ({known})")


def proof_of(provider: Provider, headers: Mapping[str, str], secrets: Mapping[str, str]) -> Proof:
    """What the body has to prove. Raises Unauthenticated when it cannot any more, whatever it holds.

    Where nobody has a secret, everybody is believed. Where one has, none may do without: who wants to be believed
    without a signature would otherwise only have to say that he is another.
    """
    if secret := secrets.get(provider.secret_key, ""):
        proof = provider.proof(headers, secret.encode())
        if proof is None:
            raise Unauthenticated(_mismatch(provider.secret_key))
        return proof
    if any(secrets.get(each) for each in (*(known.secret_key for known in PROVIDERS), *OTHER_SECRETS)):
        raise Unauthenticated(
            f"argocd-secret holds a webhook secret, but none for {provider.name}: "
            f"set {provider.secret_key} there and at the Git host"
        )
    return _Unasked()


def push_of(provider: Provider, headers: Mapping[str, str], body: Buffer) -> Push | None:
    """The push a request announces; None for an event that concerns nobody, such as a ping."""
    if headers.get(provider.event_header, "") not in provider.events:
        return None
    try:
        push = provider.parsed(body)
    except msgspec.ValidationError:
        raise InvalidRequest(f"the webhook's body is not a {provider.name} push: a field is missing or odd") from None
    except (msgspec.DecodeError, RecursionError):
        raise InvalidRequest("the webhook's body is not valid JSON") from None
    if not push.urls:
        raise InvalidRequest(f"the {provider.name} push names no repository")
    return push


def same_repository(one: str, other: str) -> bool:
    """Whether two addresses lead to one repository, whatever the protocol, user, port and spelling."""
    return _place(one) == _place(other)


def _place(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(normalized_url(url))
        host = parts.hostname or ""
    except ValueError:  # no address at all: only ever the same as itself
        return "", url
    return host.lower(), parts.path.strip("/").removesuffix(".git").lower()


def short_ref(ref: str) -> str:
    for prefix in ("refs/heads/", "refs/tags/"):
        if ref.startswith(prefix):
            return ref.removeprefix(prefix)
    return "" if ref.startswith("refs/") else ref


# --- bodies: only what is needed of them is ever made a value, however much there is -------------------------


class _GitHubRepository(msgspec.Struct):
    html_url: str | None = None
    clone_url: str | None = None
    ssh_url: str | None = None
    git_url: str | None = None
    url: str | None = None


class _GitHubPush(msgspec.Struct):
    ref: str
    repository: _GitHubRepository
    after: str | None = None


class _GitLabProject(msgspec.Struct):
    web_url: str | None = None
    git_http_url: str | None = None
    git_ssh_url: str | None = None
    http_url: str | None = None
    ssh_url: str | None = None


class _GitLabPush(msgspec.Struct):
    ref: str
    project: _GitLabProject
    checkout_sha: str | None = None
    after: str | None = None


class _Link(msgspec.Struct):
    href: str


class _Links(msgspec.Struct):
    html: _Link


class _BitbucketRepository(msgspec.Struct):
    links: _Links


class _Target(msgspec.Struct):
    hash: str | None = None


class _Reference(msgspec.Struct):
    name: str = ""
    target: _Target | None = None


class _Change(msgspec.Struct):
    new: _Reference | None = None
    old: _Reference | None = None


class _Changes(msgspec.Struct):
    changes: msgspec.Raw


class _BitbucketPush(msgspec.Struct):
    repository: _BitbucketRepository
    push: _Changes


MOST_OF_CHANGES = 256 * 1024  # bytes; Bitbucket tells of five references at most


def _github(body: Buffer) -> Push:
    told = msgspec.json.decode(body, type=_GitHubPush)
    return Push(_texts(told.repository), short_ref(told.ref), _commit(told.after))


def _gitlab(body: Buffer) -> Push:
    told = msgspec.json.decode(body, type=_GitLabPush)
    return Push(_texts(told.project), short_ref(told.ref), _commit(told.checkout_sha or told.after))


def _bitbucket(body: Buffer) -> Push:
    told = msgspec.json.decode(body, type=_BitbucketPush)
    raw = told.push.changes
    changes = msgspec.json.decode(raw, type=list[_Change]) if len(memoryview(raw)) <= MOST_OF_CHANGES else []
    only = (changes[0].new or changes[0].old) if len(changes) == 1 else None
    commit = only.target.hash if only is not None and only.target is not None else None
    return Push((told.repository.links.html.href,), only.name if only else "", _commit(commit))


def _texts(addresses: _GitHubRepository | _GitLabProject) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, msgspec.structs.astuple(addresses))))


def _commit(value: str | None) -> str:
    return value if value and value != ZERO_SHA else ""


# --- proofs ---------------------------------------------------------------------------------------------------


def _mismatch(secret_key: str) -> str:
    return f"the webhook's signature does not match {secret_key} of argocd-secret"


class _Unasked:
    def update(self, part: bytes, /) -> None:
        """Nothing is asked of the body, or all that is asked was in the headers."""

    def check(self) -> None:
        """It was right before the body came."""


class _Signature:
    def __init__(self, told: str, secret: bytes, secret_key: str) -> None:
        self._told = told
        self._digest = hmac.new(secret, digestmod=hashlib.sha256)
        self._secret_key = secret_key
        self.update = self._digest.update

    def check(self) -> None:
        if not hmac.compare_digest(self._digest.hexdigest(), self._told):
            raise Unauthenticated(_mismatch(self._secret_key))


_SHA256 = re.compile(r"[0-9a-f]{64}")


def _signed(header: str, prefix: str, secret_key: str) -> Callable[[Mapping[str, str], bytes], Proof | None]:
    def proof(headers: Mapping[str, str], secret: bytes) -> Proof | None:
        told = headers.get(header, "")
        digest = told.removeprefix(prefix)
        if not told.startswith(prefix) or not _SHA256.fullmatch(digest):
            return None
        return _Signature(digest, secret, secret_key)

    return proof


def _shown(header: str) -> Callable[[Mapping[str, str], bytes], Proof | None]:
    def proof(headers: Mapping[str, str], secret: bytes) -> Proof | None:
        right = hmac.compare_digest(secret, headers.get(header, "").encode("utf-8", "replace"))
        return _Unasked() if right else None

    return proof


PUSH = frozenset({"push", "create", "delete"})
GITLAB_PUSH = frozenset({"Push Hook", "Tag Push Hook"})
BITBUCKET_PUSH = frozenset({"repo:push"})
GITHUB_KEY, GITLAB_KEY = "webhook.github.secret", "webhook.gitlab.secret"
GOGS_KEY, BITBUCKET_KEY = "webhook.gogs.secret", "webhook.bitbucket.uuid"
_GITEA = _signed("x-gitea-signature", "", GOGS_KEY)
_GOGS = _signed("x-gogs-signature", "", GOGS_KEY)
_GITHUB = _signed("x-hub-signature-256", "sha256=", GITHUB_KEY)
_GITLAB, _BITBUCKET = _shown("x-gitlab-token"), _shown("x-hook-uuid")
PROVIDERS = (
    Provider("Gitea", "x-gitea-event", "x-gitea-event", PUSH, GOGS_KEY, _GITEA, _github),
    Provider("Gogs", "x-gogs-event", "x-gogs-event", PUSH, GOGS_KEY, _GOGS, _github),
    Provider("GitHub", "x-github-event", "x-github-event", PUSH, GITHUB_KEY, _GITHUB, _github),
    Provider("GitLab", "x-gitlab-event", "x-gitlab-event", GITLAB_PUSH, GITLAB_KEY, _GITLAB, _gitlab),
    Provider("Bitbucket", "x-hook-uuid", "x-event-key", BITBUCKET_PUSH, BITBUCKET_KEY, _BITBUCKET, _bitbucket),
)
