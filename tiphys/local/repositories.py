"""Bare repositories that the Git server serves, and worktrees of them, all with settings of their own."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tiphys.local import push_hook
from tiphys.local.errors import LocalError
from tiphys.local.git_server import basic_authorization
from tiphys.local.layout import write_private

AUTHOR = {
    "GIT_AUTHOR_NAME": "Tiphys sample",
    "GIT_AUTHOR_EMAIL": "sample@tiphys.invalid",
    "GIT_COMMITTER_NAME": "Tiphys sample",
    "GIT_COMMITTER_EMAIL": "sample@tiphys.invalid",
}


def git(*arguments: str, cwd: Path) -> str:
    """Run git apart from the user's own settings (signing, hooks, templates) and without any prompt."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        **AUTHOR,
    }
    ran = subprocess.run(
        ["git", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    if ran.returncode != 0:
        raise LocalError(f"git {' '.join(arguments)}: {ran.stderr.strip()}")
    return ran.stdout.strip()


def make_bare(folder: Path) -> None:
    """A bare repository with branch main, to which one may push over HTTP."""
    folder.mkdir(parents=True)
    git("init", "--quiet", "--bare", "--initial-branch=main", ".", cwd=folder)
    git("config", "http.receivepack", "true", cwd=folder)


def announce_pushes(bare: Path, webhook: Mapping[str, str]) -> None:
    """Tell the API server of every push: `webhook` has url, secret and clone_url."""
    write_private(bare / push_hook.SETTINGS, json.dumps(dict(webhook)))
    hook = bare / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -S {shlex.quote(push_hook.__file__)}\n")
    hook.chmod(0o700)


def fill(bare: Path, content: Path, message: str) -> str:
    """The first commit of an empty repository: a copy of a folder. Returns the commit."""
    scratch = bare.with_name(f".{bare.name}.first")
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(content, scratch)
    try:
        git("init", "--quiet", "--initial-branch=main", ".", cwd=scratch)
        git("add", "--all", ".", cwd=scratch)
        git("commit", "--quiet", "--message", message, cwd=scratch)
        git("push", "--quiet", str(bare), "main", cwd=scratch)
        return git("rev-parse", "HEAD", cwd=scratch)
    finally:
        shutil.rmtree(scratch)


def make_worktree(folder: Path, bare: Path, url: str, push_token: str) -> None:
    """A clone from which `git push` works as it stands, whatever the user's own settings are."""
    git("clone", "--quiet", str(bare), str(folder), cwd=bare.parent)
    (folder / ".git" / "config").chmod(0o600)
    settings = {
        "remote.origin.url": url,
        f"http.{url}.extraHeader": f"Authorization: {basic_authorization(push_token)}",
        f"http.{url}.proxy": "",
        "user.name": AUTHOR["GIT_AUTHOR_NAME"],
        "user.email": AUTHOR["GIT_AUTHOR_EMAIL"],
        "commit.gpgSign": "false",
        "core.hooksPath": str(folder / ".git" / "hooks"),
        "push.default": "simple",
    }
    for name, value in settings.items():
        git("config", name, value, cwd=folder)
    (folder / ".git" / "config").chmod(0o600)
