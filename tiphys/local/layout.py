"""Where everything lives: one state folder per installation, one cache for what is built once per machine.

Whatever holds a secret is written with mode 0600, by one function.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

PROJECT = Path(__file__).resolve().parents[2]
SERVICES = ("repo_server", "app_controller", "api_server")  # in the order they start


class Layout(msgspec.Struct, frozen=True):
    """The paths of one installation, all below its state folder."""

    root: Path

    @property
    def kubeconfigs(self) -> Path:
        return self.root / "kubeconfigs"

    @property
    def clusters(self) -> Path:
        return self.root / "clusters"

    @property
    def pki(self) -> Path:
        return self.root / "pki"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def repositories(self) -> Path:
        """Bare repositories, as the Git server serves them."""
        return self.root / "repos"

    @property
    def worktree(self) -> Path:
        return self.root / "worktree"

    @property
    def bin(self) -> Path:
        """Links to every tool, so that one folder has them all."""
        return self.root / "bin"

    @property
    def installation(self) -> Path:
        """What `up` decided: ports, clusters, users."""
        return self.root / "installation.json"

    @property
    def plan(self) -> Path:
        """The processes the supervisor keeps alive."""
        return self.root / "processes.json"

    @property
    def supervisor(self) -> Path:
        """What the supervisor reports: its own pid, its children, how often they were restarted."""
        return self.root / "supervisor.json"

    def kubeconfig(self, cluster: str) -> Path:
        return self.kubeconfigs / f"{cluster}.yaml"

    def log(self, process: str) -> Path:
        return self.logs / f"{process}.log"

    def make(self) -> None:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.kubeconfigs, self.clusters, self.pki, self.logs, self.repositories, self.bin):
            folder.mkdir(mode=0o700, exist_ok=True)


def default_state_folder(environment: Mapping[str, str]) -> Path:
    """`.tiphys` of the project, or wherever TIPHYS_STATE says."""
    chosen = environment.get("TIPHYS_STATE")
    return Path(chosen).expanduser().resolve() if chosen else PROJECT / ".tiphys"


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where tools are kept between installations: TIPHYS_CACHE, else the user's cache folder."""
    if chosen := environment.get("TIPHYS_CACHE"):
        return Path(chosen).expanduser().resolve()
    base = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME", "~")).expanduser() / ".cache"
    return Path(base) / "tiphys"


def write_private(path: Path, content: str | bytes) -> None:
    """Replace a file in one step, readable by its owner alone from its first byte on."""
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
    temporary.replace(path)
