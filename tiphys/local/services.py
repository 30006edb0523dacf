"""What runs: the command and environment of each process, from what the installation decided. Pure."""

import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tiphys.local.installation import MGMT, Installation
from tiphys.local.layout import Layout


class Child(msgspec.Struct, frozen=True):
    """A process to keep alive. Its environment may hold secrets: `repr` shows none of it."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: str

    def __repr__(self) -> str:
        return f"Child({self.name})"


def children(
    layout: Layout,
    installation: Installation,
    base: Mapping[str, str],
    *,
    cache_command: tuple[str, ...],
    cache_url: str,
    dashboard: Path | None,
) -> list[Child]:
    """In the order they start. `base` is the environment everything inherits."""
    ports = installation.ports
    git = (
        *_module("tiphys.local.git_server"),
        "--port", str(ports["git"]),
        "--root", str(layout.repositories),
        "--push-token-file", str(push_token_file(layout)),
    )  # fmt: skip
    inherited = {name: value for name, value in base.items() if name not in ("KUBECONFIG", "PYTHONPATH")}
    own = {
        "repo_server": repo_server(layout, installation),
        "app_controller": app_controller(installation),
        "api_server": api_server(installation, dashboard),
    }
    return [
        Child("valkey", cache_command, inherited, str(layout.log("valkey"))),
        Child("git_server", git, inherited, str(layout.log("git_server"))),
        *(
            Child(
                name,
                _module(name),
                {**inherited, **common(layout, installation, name, cache_url, base), **settings},
                str(layout.log(name)),
            )
            for name, settings in own.items()
        ),
    ]


def common(
    layout: Layout, installation: Installation, service: str, cache_url: str, base: Mapping[str, str]
) -> dict[str, str]:
    """What each of the three services is told."""
    return {
        "TIPHYS_NAMESPACE": installation.namespace,
        "TIPHYS_KUBECONFIG": str(layout.kubeconfig(MGMT)),
        "TIPHYS_REDIS_URL": cache_url,
        "TIPHYS_TLS_DIR": str(layout.pki / service),
        "TIPHYS_CACHE_KEY_FILE": str(cache_key_file(layout)),
        "TIPHYS_LOG_FORMAT": base.get("TIPHYS_LOG_FORMAT", "text"),
        "TIPHYS_LOG_LEVEL": base.get("TIPHYS_LOG_LEVEL", "info"),
        "PATH": f"{layout.bin}:{base.get('PATH', '')}",
        # glibc gives every thread a heap of its own and keeps it; two are plenty for services this size.
        "MALLOC_ARENA_MAX": "2",
    }


def repo_server(layout: Layout, installation: Installation) -> dict[str, str]:
    ports = installation.ports
    return {
        "REPO_SERVER_LISTEN": f"127.0.0.1:{ports['repo_server']}",
        "REPO_SERVER_METRICS_PORT": str(ports["repo_server_metrics"]),
        "REPO_SERVER_STATE_DIR": str(layout.root / "repo-server"),
        "REPO_SERVER_TOOLS_DIR": str(layout.bin),
    }


def app_controller(installation: Installation) -> dict[str, str]:
    ports = installation.ports
    return {
        "CONTROLLER_LISTEN": f"127.0.0.1:{ports['app_controller']}",
        "CONTROLLER_METRICS_PORT": str(ports["app_controller_metrics"]),
        "CONTROLLER_REPO_SERVER": f"127.0.0.1:{ports['repo_server']}",
    }


def api_server(installation: Installation, dashboard: Path | None) -> dict[str, str]:
    ports = installation.ports
    settings = {
        "API_SERVER_HOST": "127.0.0.1",
        "API_SERVER_PORT": str(ports["api_server"]),
        "API_SERVER_METRICS_PORT": str(ports["api_server_metrics"]),
        "API_SERVER_REPO_SERVER": f"127.0.0.1:{ports['repo_server']}",
        "API_SERVER_CONTROLLER": f"127.0.0.1:{ports['app_controller']}",
    }
    return {**settings, "API_SERVER_DASHBOARD_DIR": str(dashboard)} if dashboard else settings


def health_urls(installation: Installation) -> dict[str, str]:
    """Where each service says that it is well."""
    return {name: url.replace("/metrics", "/healthz") for name, url in metrics_urls(installation).items()}


def metrics_urls(installation: Installation) -> dict[str, str]:
    names = ("api_server", "repo_server", "app_controller")
    return {name: f"http://127.0.0.1:{installation.ports[f'{name}_metrics']}/metrics" for name in names}


def push_token_file(layout: Layout) -> Path:
    return layout.pki / "push.token"


def cache_key_file(layout: Layout) -> Path:
    return layout.pki / "cache.key"


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name)
