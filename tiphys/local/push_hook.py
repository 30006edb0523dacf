"""Git's post-receive hook: announces each pushed branch to the API server, the way GitHub does.

Started by `git receive-pack` in the bare repository, with the standard library alone, so that a push
waits for it as briefly as can be. A push never fails because nobody could be told of it.
"""

import hashlib
import hmac
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

SETTINGS = "tiphys-webhook.json"  # in the bare repository: {"url", "secret", "clone_url"}
NOTHING = "0" * 40
COMMITS = 50  # told of one by one; with more, the receiver asks Git itself
FIELDS = {"A": "added", "M": "modified", "T": "modified", "D": "removed"}


def main() -> int:
    settings_file = Path(SETTINGS)
    if not settings_file.exists():
        return 0
    settings = json.loads(settings_file.read_text())
    for line in sys.stdin:
        before, after, ref = line.split()
        try:
            announce(settings, event_of(settings, before, after, ref))
        except OSError as error:
            print(f"tiphys was not told of {ref} ({error}); it will see the push by itself", file=sys.stderr)
    return 0


def event_of(settings: Mapping[str, str], before: str, after: str, ref: str) -> dict[str, Any]:
    """The body of a push event."""
    commits = [] if after == NOTHING else [commit_of(sha, _changes(sha)) for sha in _new_commits(before, after)]
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "created": before == NOTHING,
        "deleted": after == NOTHING,
        "repository": {
            "clone_url": settings["clone_url"],
            "html_url": settings["clone_url"].removesuffix(".git"),
            "default_branch": "main",
        },
        "commits": commits,
        "head_commit": commits[-1] if commits else None,
    }


def commit_of(sha: str, changes: Iterable[str]) -> dict[str, Any]:
    """One commit, from the lines of `git diff-tree --name-status`."""
    found: dict[str, list[str]] = {"added": [], "modified": [], "removed": []}
    for change in changes:
        status, _, path = change.partition("\t")
        if status in FIELDS:
            found[FIELDS[status]].append(path)
    return {"id": sha, **found}


def signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def announce(settings: Mapping[str, str], event: Mapping[str, Any]) -> None:
    body = json.dumps(event).encode()
    request = urllib.request.Request(  # noqa: S310 - the address is our own, from a file only we can write
        settings["url"],
        data=body,
        headers={
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-Hub-Signature-256": signature(settings["secret"], body),
        },
    )
    # No proxy stands between a machine and itself.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=3):
        pass


def _new_commits(before: str, after: str) -> list[str]:
    span = [after] if before == NOTHING else [f"{before}..{after}"]
    return _git("rev-list", "--reverse", f"--max-count={COMMITS}", *span)


def _changes(sha: str) -> list[str]:
    return _git("-c", "core.quotePath=off", "diff-tree", "--root", "-r", "--no-commit-id", "--no-renames", "-m",
                "--first-parent", "--name-status", sha)  # fmt: skip


def _git(*arguments: str) -> list[str]:
    ran = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=20, check=False)
    return ran.stdout.splitlines() if ran.returncode == 0 else []


if __name__ == "__main__":
    sys.exit(main())
