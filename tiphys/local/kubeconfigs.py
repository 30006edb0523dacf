"""A kubeconfig of our own for a cluster that exists: one context, self-contained. The user's is only read."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tiphys.local.errors import LocalError

# Fields that name a file, and the field that holds the file's content instead.
FILES = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
}


def extract(source: Path, context: str) -> str:
    """The text of a kubeconfig that has this context alone."""
    try:
        config = yaml.safe_load(source.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise LocalError(f"the kubeconfig {source} cannot be read: {error}") from error
    return yaml.safe_dump(single_context(config or {}, context, source), sort_keys=False)


def single_context(config: Mapping[str, Any], context: str, source: Path) -> dict[str, Any]:
    found = _entry(config, "contexts", context, source)
    cluster = _entry(config, "clusters", found["context"]["cluster"], source)
    user = _entry(config, "users", found["context"]["user"], source)
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [found],
        "clusters": [{**cluster, "cluster": _inlined(cluster["cluster"], source.parent)}],
        "users": [{**user, "user": _inlined(user.get("user") or {}, source.parent)}],
    }


def _entry(config: Mapping[str, Any], section: str, name: str, source: Path) -> dict[str, Any]:
    known = config.get(section) or []
    for entry in known:
        if entry.get("name") == name:
            return dict(entry)
    names = ", ".join(sorted(str(entry.get("name")) for entry in known)) or "none"
    raise LocalError(f"the kubeconfig {source} has no {section.removesuffix('s')} `{name}`; it has: {names}")


def _inlined(fields: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    found = dict(fields)
    for named, held in FILES.items():
        if name := found.pop(named, None):
            found[held] = base64.b64encode((folder / name).read_bytes()).decode()
    if token_file := found.get("tokenFile"):
        found["tokenFile"] = str((folder / token_file).resolve())
    return found
