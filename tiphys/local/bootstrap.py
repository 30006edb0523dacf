"""Makes .venv as requirements.lock says, with nothing but the machine's own Python 3.11 or newer.

Run as a file by the Makefile, before any package is there, so it keeps to the standard library.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

UV = "uv==0.13.9"
PROJECT = Path(__file__).resolve().parents[2]
VENV = PROJECT / ".venv"
STAMP = VENV / ".made-from"
INSTALLER = PROJECT / ".tiphys" / "bootstrap"
OLDEST = (3, 11)


LOCK = ("--quiet", "--universal", "--generate-hashes", "--no-header", "--group", "dev", "-o", "requirements.lock")


def main() -> int:
    if sys.argv[1:] == ["lock"]:
        run(str(installer()), "pip", "compile", *LOCK, "pyproject.toml")
        return 0
    if sys.version_info < OLDEST:
        print(f"Python {'.'.join(map(str, OLDEST))} or newer is needed; set PYTHON to one", file=sys.stderr)
        return 1
    wanted = digest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return 0
    print("  making .venv from requirements.lock", file=sys.stderr, flush=True)
    uv = str(installer())
    if not (VENV / "bin" / "python").exists():
        run(uv, "venv", "--quiet", "--python", sys.executable, "--no-python-downloads", str(VENV))
    target = ("--quiet", "--python", str(VENV / "bin" / "python"))
    run(uv, "pip", "sync", *target, "--require-hashes", "requirements.lock")
    run(uv, "pip", "install", *target, "--no-deps", "--editable", ".")
    STAMP.write_text(wanted)
    return 0


def digest() -> str:
    """What the environment depends on; a change of any of it makes the environment anew."""
    parts = [sys.version.encode(), *((PROJECT / name).read_bytes() for name in ("requirements.lock", "pyproject.toml"))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def installer() -> Path:
    """uv, in an environment of its own."""
    home = INSTALLER / hashlib.sha256(f"{UV} {sys.version}".encode()).hexdigest()[:12]
    uv = home / "bin" / "uv"
    if not uv.exists():
        shutil.rmtree(home, ignore_errors=True)
        install_uv(home)
    return uv


def install_uv(home: Path) -> None:
    quiet = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    try:
        venv.create(home, with_pip=True)
        run(str(home / "bin" / "python"), *quiet, UV)
    except (subprocess.CalledProcessError, OSError):
        # Some systems ship Python without ensurepip; then its own pip has to do.
        shutil.rmtree(home, ignore_errors=True)
        run(sys.executable, *quiet, "--target", str(home), UV)


def run(*command: str) -> None:
    environment = {**os.environ, "UV_LINK_MODE": os.environ.get("UV_LINK_MODE", "copy")}
    environment.pop("VIRTUAL_ENV", None)
    # Trust the certificates the machine trusts, as pip and git do.
    environment.setdefault("UV_SYSTEM_CERTS", "true")
    subprocess.run(command, cwd=PROJECT, env=environment, check=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        print(f"error: `{' '.join(error.cmd[:4])} …` failed; see above", file=sys.stderr)
        sys.exit(1)
