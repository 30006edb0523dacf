"""The registered repositories and credential templates, and which of them an address uses."""

from collections.abc import Iterable, Mapping

import msgspec

from adapters.store.feed import Feed
from adapters.store.kinds import KNOWN_HOSTS, TLS_CERTIFICATES, RecordName
from adapters.store.mirror import Mirror
from adapters.store.secrets import data_of, is_type, texts_of
from gitops.model.errors import InvalidSpec
from gitops.model.repository import Repository, RepositoryCredentials, normalized_url
from gitops.model.resource import Manifest, name_of

REPOSITORY, TEMPLATE = "repository", "repo-creds"
_TRUST = frozenset({KNOWN_HOSTS, TLS_CERTIFICATES})


def repository_of(secret: Manifest) -> Repository:
    texts = texts_of(secret)
    if not texts.get("url"):
        raise InvalidSpec(f"repository Secret `{name_of(secret)}` has no `url`")
    return Repository(
        url=texts["url"],
        type=texts.get("type") or "git",
        name=texts.get("name", ""),
        project=texts.get("project", ""),
        credentials=_credentials(texts, data_of(secret)),
    )


def _credentials(texts: Mapping[str, str], data: Mapping[str, bytes]) -> RepositoryCredentials:
    return RepositoryCredentials(
        username=texts.get("username", ""),
        password=texts.get("password", ""),
        bearer_token=texts.get("bearerToken", ""),
        # A private key without its last line end is no key to OpenSSH, so this one is not stripped.
        ssh_private_key=data.get("sshPrivateKey", b"").decode("utf-8", "replace"),
        tls_client_cert=texts.get("tlsClientCertData", ""),
        tls_client_key=texts.get("tlsClientCertKey", ""),
        insecure="true" in {texts.get("insecure"), texts.get("insecureIgnoreHostKey")},
        proxy=texts.get("proxy", ""),
    )


def has_credentials(credentials: RepositoryCredentials) -> bool:
    return bool(
        credentials.username
        or credentials.password
        or credentials.bearer_token
        or credentials.ssh_private_key
        or credentials.tls_client_cert
    )


def matching(url: str, project: str, repositories: Iterable[Repository], templates: Iterable[Repository]) -> Repository:
    """The repository as registered for this project, else for all; its own credentials win over a template's.

    What is registered for another project is never used, so that no project borrows its credentials.
    """
    wanted = normalized_url(url)
    scopes = (project, "") if project else ("",)
    candidates = [each for each in repositories if normalized_url(each.url) == wanted and each.project in scopes]
    found = min(candidates, key=lambda each: scopes.index(each.project), default=None)
    if found is not None and has_credentials(found.credentials):
        return msgspec.structs.replace(found, url=url)
    fitting = [each for each in templates if each.project in scopes and _begins_with(wanted, normalized_url(each.url))]
    template = max(fitting, key=lambda each: (len(normalized_url(each.url)), each.project != ""), default=None)
    base = found or Repository(url, type=template.type if template else "git", project=project)
    if template is None:
        return msgspec.structs.replace(base, url=url)
    return msgspec.structs.replace(base, url=url, credentials=_completed(base.credentials, template.credentials))


def _begins_with(url: str, prefix: str) -> bool:
    """A prefix may end within a path segment, as in Argo CD, but never within the host: `git.example.com`
    must not hand its password to `git.example.com.evil.org`."""
    if not prefix or not url.startswith(prefix):
        return False
    inside_path = "/" in prefix.partition("://")[2]
    return inside_path or url[len(prefix) :][:1] in {"", "/"}


def _completed(own: RepositoryCredentials, template: RepositoryCredentials) -> RepositoryCredentials:
    return msgspec.structs.replace(
        template, insecure=own.insecure or template.insecure, proxy=own.proxy or template.proxy
    )


def host_of(url: str) -> str:
    """Without user and port, as Argo CD keys its certificates."""
    authority = normalized_url(url).partition("://")[2].partition("/")[0].rpartition("@")[2]
    return authority.partition("]")[0].lstrip("[") if authority.startswith("[") else authority.partition(":")[0]


class Repositories:
    def __init__(self, secrets: Mirror[Manifest], config_maps: Mirror[Manifest]) -> None:
        self._secrets = secrets
        self._config_maps = config_maps
        self._generation = -1
        self._repositories: list[Repository] = []
        self._templates: list[Repository] = []
        self._unreadable: dict[str, InvalidSpec] = {}

    def for_url(self, url: str, project: str = "") -> Repository:
        """How to reach `url` for an application of `project`; an address that is not registered needs nothing."""
        self._refresh()
        found = matching(url, project, self._repositories, self._templates)
        trust = msgspec.structs.replace(
            found.credentials,
            known_hosts=self._config(KNOWN_HOSTS).get("ssh_known_hosts", ""),
            ca_bundle=self._config(TLS_CERTIFICATES).get(host_of(url), ""),
        )
        return msgspec.structs.replace(found, credentials=trust)

    def all(self) -> list[Repository]:
        self._refresh()
        return list(self._repositories)

    def templates(self) -> list[Repository]:
        self._refresh()
        return list(self._templates)

    def unreadable(self) -> Mapping[str, InvalidSpec]:
        """Secrets that make no repository, by the Secret's name."""
        self._refresh()
        return self._unreadable

    @property
    def generation(self) -> int:
        return self._secrets.generation + self._config_maps.generation

    def changes(self) -> Feed:
        """Changes of what repositories and their credentials are made of."""
        feed = self._secrets.changes(_is_ours)
        self._config_maps.attach(feed)
        return feed

    def _config(self, name: str) -> Mapping[str, str]:
        found = self._config_maps.raw(RecordName(self._config_maps.namespace, name)) or {}
        data: Mapping[str, str] = found.get("data") or {}
        return data

    def _refresh(self) -> None:
        if self._generation == self._secrets.generation:
            return
        self._generation = self._secrets.generation
        self._repositories, self._templates, self._unreadable = [], [], {}
        for secret in sorted(self._secrets.raws(), key=name_of):
            if not is_type(secret, REPOSITORY, TEMPLATE):
                continue
            try:
                (self._repositories if is_type(secret, REPOSITORY) else self._templates).append(repository_of(secret))
            except InvalidSpec as error:
                self._unreadable[name_of(secret)] = error


def _is_ours(manifest: Manifest) -> bool:
    if manifest.get("kind") == "ConfigMap":
        return name_of(manifest) in _TRUST
    return is_type(manifest, REPOSITORY, TEMPLATE)
