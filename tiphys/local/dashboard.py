"""Builds the dashboard with Node and npm; skipped while its sources are the ones built last."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from tiphys.local import toolchain
from tiphys.local.errors import BuildFailed
from tiphys.local.layout import PROJECT
from tiphys.local.progress import Say, step

SOURCES = PROJECT / "api_server" / "dashboard"
BUILT = SOURCES / "dist"
STAMP = ".built-from"
NOT_SOURCES = frozenset({"node_modules", "dist", "coverage", "test-results"})


def ensure(cache: Path, environment: Mapping[str, str], say: Say) -> Path:
    """The folder with the built pages."""
    key = digest_of(source_files(SOURCES), SOURCES)
    if not _says(BUILT / STAMP, key):
        npm = npm_command(cache, environment, say)
        install_packages(npm, say)
        with step(say, "building the dashboard"):
            npm.run("run", "build")
        (BUILT / STAMP).write_text(key)
    return BUILT


def test(cache: Path, environment: Mapping[str, str], say: Say) -> None:
    """The dashboard's own tests."""
    npm = npm_command(cache, environment, say)
    install_packages(npm, say)
    with step(say, "testing the dashboard"):
        npm.run("test")


class Npm:
    def __init__(self, command: tuple[str, ...], environment: Mapping[str, str]) -> None:
        self._command = command
        self._environment = environment

    def run(self, *arguments: str) -> None:
        ran = subprocess.run(
            [*self._command, *arguments],
            cwd=SOURCES,
            env={**self._environment, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode != 0:
            output = f"{ran.stdout}\n{ran.stderr}".strip()[-4000:]
            raise BuildFailed(f"`npm {' '.join(arguments)}` failed in {SOURCES}:\n{output}")


def npm_command(cache: Path, environment: Mapping[str, str], say: Say) -> Npm:
    folder = toolchain.folder_of(toolchain.NODE, cache, environment, say)
    if not (npm := _npm_beside(folder, environment)):
        # A Node without npm is of no use to us.
        folder = toolchain.folder_of(toolchain.NODE, cache, {**environment, "PATH": ""}, say)
        npm = _npm_beside(folder, {})
    if not npm:
        raise BuildFailed(f"the Node.js of {folder} has no npm; remove that folder and try again")
    return Npm(npm, {**environment, "PATH": f"{folder}{os.pathsep}{environment.get('PATH', '')}"})


def _npm_beside(folder: Path, environment: Mapping[str, str]) -> tuple[str, ...] | None:
    # The wheel keeps npm's launcher as a copy where Node has a link, so its script is called directly.
    script = folder.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if script.exists():
        return (str(folder / "node"), str(script))
    found = shutil.which("npm", path=environment.get("PATH", ""))
    return (found,) if found else None


def install_packages(npm: Npm, say: Say) -> None:
    lock = SOURCES / "package-lock.json"
    key = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = SOURCES / "node_modules" / STAMP
    if not _says(stamp, key):
        with step(say, "installing the dashboard's packages"):
            npm.run("ci", "--no-audit", "--no-fund", "--loglevel=error")
        stamp.write_text(key)


def source_files(root: Path) -> list[Path]:
    found: list[Path] = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_SOURCES]
        found.extend(Path(folder, name) for name in files)
    return sorted(found)


def digest_of(files: Iterable[Path], root: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.relative_to(root)} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _says(stamp: Path, key: str) -> bool:
    return stamp.exists() and stamp.read_text() == key
