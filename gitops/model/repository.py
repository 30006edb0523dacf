"""Repositories and clusters as registered, with the credentials to reach them."""

import msgspec


class RepositoryCredentials(msgspec.Struct, frozen=True):
    """How to reach a repository. Secret: `repr` shows nothing of it."""

    username: str = ""
    password: str = ""
    bearer_token: str = ""
    ssh_private_key: str = ""
    tls_client_cert: str = ""
    tls_client_key: str = ""
    ca_bundle: str = ""  # PEM; empty means the system's
    known_hosts: str = ""  # OpenSSH known_hosts text
    insecure: bool = False  # skip TLS or host-key verification
    proxy: str = ""

    def __repr__(self) -> str:
        return "RepositoryCredentials(…)"


class SkippedFile(msgspec.Struct, frozen=True):
    """A file among a source's manifests that nothing was made of, on purpose."""

    path: str  # in the repository
    reason: str


class Repository(msgspec.Struct, frozen=True):
    url: str
    type: str = "git"  # git | helm | oci
    name: str = ""
    project: str = ""
    credentials: RepositoryCredentials = RepositoryCredentials()

    @property
    def access(self) -> "RepositoryAccess":
        address, user = normalized_url(self.url), self.url.rpartition("@")[0]  # a user's name has its case
        return RepositoryAccess(address, user, self.type, self.credentials)


class RepositoryAccess(msgspec.Struct, frozen=True):
    """Whose answers may be shared: those to one address and credentials, whoever asks. Secret as the latter."""

    address: str
    user: str
    type: str
    credentials: RepositoryCredentials

    def __repr__(self) -> str:
        return "RepositoryAccess(…)"


class ClusterCredentials(msgspec.Struct, frozen=True):
    """How to reach an API server. Secret: `repr` shows nothing of it."""

    bearer_token: str = ""
    username: str = ""
    password: str = ""
    ca_data: bytes = b""  # PEM
    cert_data: bytes = b""  # PEM
    key_data: bytes = b""  # PEM
    server_name: str = ""
    insecure: bool = False
    exec_command: tuple[str, ...] = ()
    exec_env: tuple[tuple[str, str], ...] = ()
    exec_api_version: str = ""
    proxy_url: str = ""
    token_file: str = ""  # read again and again: Kubernetes rotates it
    address: str = ""  # where to dial, if not at `Cluster.server`

    def __repr__(self) -> str:
        return "ClusterCredentials(…)"


class Cluster(msgspec.Struct, frozen=True):
    server: str
    name: str
    credentials: ClusterCredentials = ClusterCredentials()
    namespaces: tuple[str, ...] = ()  # empty: the whole cluster
    cluster_resources: bool = False  # with `namespaces`: cluster-scoped objects too
    project: str = ""
    shard: int | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


IN_CLUSTER_SERVER = "https://kubernetes.default.svc"
IN_CLUSTER_NAME = "in-cluster"


def normalized_url(url: str) -> str:
    """One spelling per repository: scp-style becomes ssh://, host lower case, no `.git`, no trailing slash."""
    text = url.strip()
    if "://" not in text and ":" in text and not text.startswith("/"):
        user_host, _, path = text.partition(":")
        text = f"ssh://{user_host}/{path.lstrip('/')}"
    scheme, separator, rest = text.partition("://")
    if separator:
        authority, slash, path = rest.partition("/")
        text = f"{scheme.lower()}://{authority.lower()}{slash}{path}"
    return text.rstrip("/").removesuffix(".git")
