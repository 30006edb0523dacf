"""What an installation decided once and keeps: its clusters, ports, users and secrets."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tiphys.local.layout import Layout, write_private
from tiphys.local.ports import free_ports, is_free

MGMT = "mgmt"
ENVIRONMENTS = ("dev", "stage", "prod")
USERS = ("admin", "operator", "developer", "readonly")
NAMESPACE = "argocd"
PREFERRED_PORT = 8080  # of the API server and dashboard, where nothing else has it

# Written into the clusters' own records (repository address), so it stays what it was.
FIXED_PORTS = ("git",)
CHANGEABLE_PORTS = (
    "cache",
    "repo_server",
    "repo_server_metrics",
    "app_controller",
    "app_controller_metrics",
    "api_server_metrics",
)


class Installation(msgspec.Struct, frozen=True):
    """Holds secrets: kept in a private file, and `repr` shows nothing of it."""

    clusters: tuple[str, ...]  # mgmt and the environments there are
    ports: Mapping[str, int]
    users: Mapping[str, str]  # name -> the password it was given at first
    cache_password: str
    push_token: str
    contexts: Mapping[str, str] = {}  # cluster -> context of the user's kubeconfig; empty: clusters of our own
    namespace: str = NAMESPACE

    def __repr__(self) -> str:
        return f"Installation({', '.join(self.clusters)})"

    @property
    def environments(self) -> tuple[str, ...]:
        return tuple(name for name in self.clusters if name != MGMT)

    @property
    def owns_clusters(self) -> bool:
        return not self.contexts

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['api_server']}"

    @property
    def repository_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['git']}/gitops.git"


def decide(contexts: Mapping[str, str]) -> Installation:
    """A new installation, with passwords nobody has had before."""
    return Installation(
        clusters=tuple(sorted(contexts, key=lambda name: (name != MGMT, name))) or (MGMT, *ENVIRONMENTS),
        ports=_ports({}),
        users={name: secrets.token_urlsafe(12) for name in USERS},
        cache_password=secrets.token_urlsafe(24),
        push_token=secrets.token_urlsafe(24),
        contexts=dict(contexts),
    )


def with_free_ports(installation: Installation) -> Installation:
    """The same installation, where ports that somebody else took meanwhile are replaced, as far as they can be."""
    return msgspec.structs.replace(installation, ports=_ports(installation.ports))


def _ports(known: Mapping[str, int]) -> dict[str, int]:
    kept = {name: port for name, port in known.items() if name in FIXED_PORTS or is_free(port)}
    missing = [name for name in (*FIXED_PORTS, *CHANGEABLE_PORTS) if name not in kept]
    ports = {**kept, **dict(zip(missing, free_ports(len(missing)), strict=True))}
    if "api_server" not in ports:
        ports["api_server"] = PREFERRED_PORT if is_free(PREFERRED_PORT) else free_ports(1)[0]
    return ports


def load(layout: Layout) -> Installation | None:
    return _decoded(layout.installation)


def save(layout: Layout, installation: Installation) -> None:
    write_private(layout.installation, msgspec.json.format(msgspec.json.encode(installation)))


def _decoded(path: Path) -> Installation | None:
    try:
        return msgspec.convert(json.loads(path.read_text()), Installation)
    except FileNotFoundError:
        return None
