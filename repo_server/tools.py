"""The tools that render, and their versions: part of every render key."""

import asyncio
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from repo_server.inputs.detect import DIRECTORY, HELM, KUSTOMIZE

_TIMEOUT = 20.0
MISSING = "missing"


async def tool_versions(directory: Path) -> Mapping[str, str]:
    """By source type: everything whose change may change what it renders to."""
    async with asyncio.TaskGroup() as both:
        helm = both.create_task(_said(directory / "helm", ("version", "--template", "{{.Version}}")))
        kustomize = both.create_task(_said(directory / "kustomize", ("version",)))
    return {
        HELM: f"helm {helm.result()}, library {version('helm-python-sdk')}",
        KUSTOMIZE: f"kustomize {kustomize.result()}",
        DIRECTORY: f"rjsonnet {version('rjsonnet')}",
    }


async def _said(tool: Path, arguments: Sequence[str]) -> str:
    environment = {"PATH": "", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    try:
        process = await asyncio.create_subprocess_exec(
            tool,
            *arguments,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return MISSING
    try:
        async with asyncio.timeout(_TIMEOUT):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        return MISSING
    return output.decode(errors="replace").strip() or MISSING
