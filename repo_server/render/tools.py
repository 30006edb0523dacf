"""Runs helm or kustomize inside a worker, in an empty environment."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from gitops.model.errors import RenderFailed
from repo_server.render.arguments import Argument

_MESSAGE_LIMIT = 4000


def scrubbed(text: str, scratch: str) -> str:
    """A tool's words with our directories taken out: paths as they are in the repository."""
    for prefix in (f"{scratch}/repo/", f"{scratch}/", scratch):
        text = text.replace(prefix, "")
    return text.strip()[:_MESSAGE_LIMIT]


def environment(scratch: str) -> dict[str, str]:
    home = f"{scratch}/home"
    return {
        "PATH": "",  # a tool must find no other tool: kustomize would run git, helm its plugins
        "HOME": home,
        "TMPDIR": f"{home}/temporary",
        "LC_ALL": "C.UTF-8",
        "HELM_CACHE_HOME": f"{home}/helm/cache",
        "HELM_CONFIG_HOME": f"{home}/helm/config",
        "HELM_DATA_HOME": f"{home}/helm/data",
        "HELM_PLUGINS": f"{home}/helm/plugins",
        "KUBECONFIG": f"{home}/none",
        "GOMAXPROCS": "2",
    }


def run(tool: Path, arguments: Sequence[Argument], scratch: str) -> bytes:
    """The tool's output; RenderFailed with what it said if it failed."""
    if not all(isinstance(each, Argument) for each in arguments):
        raise TypeError("a command line is made of arguments, not of texts")
    (Path(scratch) / "home" / "temporary").mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        # The pool kills worker and tool together when time or memory is up.
        done = subprocess.run(  # noqa: S603
            [str(tool), *(each.text for each in arguments)],
            env=environment(scratch),
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError:
        raise RenderFailed(f"the tool {tool.name} is not installed in REPO_SERVER_TOOLS_DIR") from None
    if done.returncode != 0:
        said = scrubbed(done.stderr.decode(errors="replace"), scratch)
        raise RenderFailed(f"{tool.name}: {said or f'ended with status {done.returncode}'}")
    return done.stdout
