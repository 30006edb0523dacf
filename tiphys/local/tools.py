"""The control-plane and rendering tools: built from the pinned modules in tools/, once per machine and pin.

A finished tool lies in `<cache>/tools/<name>-<pin>/`, where the pin is a hash of its go.mod, go.sum and
link flags. It appears there whole or not at all, so several builders never see each other's halves.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tiphys.local import toolchain
from tiphys.local.errors import BuildFailed
from tiphys.local.layout import PROJECT
from tiphys.local.progress import Say, step

KUBERNETES = "v1.34.4"


class Tool(msgspec.Struct, frozen=True):
    """One module of tools/ and the binaries it makes: file name -> Go package."""

    name: str
    binaries: Mapping[str, str]
    variables: Mapping[str, str] = {}  # set at link time, mostly the version a binary reports


TOOLS: tuple[Tool, ...] = (
    Tool("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}),
    Tool(
        "kubernetes",
        {
            name: f"k8s.io/kubernetes/cmd/{name}"
            for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
        },
        {
            "k8s.io/component-base/version.gitVersion": KUBERNETES,
            "k8s.io/component-base/version.gitMajor": "1",
            "k8s.io/component-base/version.gitMinor": "34",
        },
    ),
    Tool(
        "kwok",
        {name: f"sigs.k8s.io/kwok/cmd/{name}" for name in ("kwokctl", "kwok")},
        {"sigs.k8s.io/kwok/pkg/consts.Version": "v0.8.0"},
    ),
    Tool("kustomize", {"kustomize": "sigs.k8s.io/kustomize/kustomize/v5"}),
    Tool(
        "helm",
        {"helm": "helm.sh/helm/v3/cmd/helm"},
        {
            "helm.sh/helm/v3/internal/version.version": "v3.22.0",
            "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": "1",
            "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": "34",
        },
    ),
)
RENDERERS = ("kustomize", "helm")  # all that is needed where clusters exist already


def link_flags(tool: Tool) -> str:
    """Without symbol tables: a third smaller, and quicker to link."""
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in tool.variables.items())])


def pin_of(tool: Tool, module: Path) -> str:
    digest = hashlib.sha256(link_flags(tool).encode())
    for name in ("go.mod", "go.sum"):
        digest.update((module / name).read_bytes())
    return digest.hexdigest()[:16]


def folder_of(tool: Tool, cache: Path, modules: Path = PROJECT / "tools") -> Path:
    return cache / "tools" / f"{tool.name}-{pin_of(tool, modules / tool.name)}"


def is_built(tool: Tool, cache: Path) -> bool:
    return all((folder_of(tool, cache) / name).exists() for name in tool.binaries)


def ensure(cache: Path, environment: Mapping[str, str], say: Say, names: tuple[str, ...] = ()) -> dict[str, Path]:
    """Every binary of the named tools (all, when none is named), built if missing: file name -> path."""
    wanted = [tool for tool in TOOLS if not names or tool.name in names]
    missing = [tool for tool in wanted if not is_built(tool, cache)]
    if missing:
        with _only_builder(cache, say):
            _build_all([tool for tool in missing if not is_built(tool, cache)], cache, environment, say)
    return {name: folder_of(tool, cache) / name for tool in wanted for name in tool.binaries}


def link_into(folder: Path, binaries: Mapping[str, Path]) -> None:
    """One folder that has every tool, for programs that look in one place."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, binary in binaries.items():
        link = folder / name
        temporary = folder / f".{name}.{os.getpid()}"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(binary)
        temporary.replace(link)


@contextmanager
def _only_builder(cache: Path, say: Say) -> Iterator[None]:
    """Builds compete for every core, so a second builder waits and finds the work done."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "build.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("  another build of the tools is under way; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_all(tools: list[Tool], cache: Path, environment: Mapping[str, str], say: Say) -> None:
    if not tools:
        return
    go_folder = toolchain.folder_of(toolchain.GO, cache, environment, say)
    for tool in tools:
        with step(say, f"building {tool.name} ({', '.join(tool.binaries)})"):
            toolchain.made_atomically(
                folder_of(tool, cache),
                lambda folder, tool=tool: _build(tool, go_folder, folder, environment),  # type: ignore[misc]
            )


def _build(tool: Tool, go_folder: Path, target: Path, environment: Mapping[str, str]) -> None:
    command = [
        str(go_folder / "go"),
        "build",
        "-trimpath",
        "-ldflags",
        link_flags(tool),
        "-o",
        f"{target}/",
        *tool.binaries.values(),
    ]
    ran = subprocess.run(
        command,
        cwd=PROJECT / "tools" / tool.name,
        env=build_environment(environment, go_folder),
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        raise BuildFailed(f"{tool.name} did not build:\n{ran.stderr.strip()[-3000:]}")
    for name, package in tool.binaries.items():
        built = target / built_name(package)
        if built.name != name:
            shutil.move(built, target / name)


def built_name(package: str) -> str:
    """What `go build` calls a package's binary: its last element, a major version left out."""
    parts = package.split("/")
    return parts[-2] if parts[-1].startswith("v") and parts[-1][1:].isdigit() else parts[-1]


def build_environment(environment: Mapping[str, str], go_folder: Path) -> dict[str, str]:
    """The user's own, so proxies and caches stay theirs, but nothing that would change what is built."""
    return {
        **environment,
        "PATH": f"{go_folder}{os.pathsep}{environment.get('PATH', '')}",
        "CGO_ENABLED": "0",  # no C compiler may be assumed
        "GOFLAGS": "-buildvcs=false -mod=readonly",
        "GOWORK": "off",
        "GOOS": "",
        "GOARCH": "",
    }
