"""The source as it counts: the user's JSON, merged with what the repository says about itself."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gitops.manifest.decode import decode_documents
from gitops.model.application import Source
from gitops.model.errors import InvalidSpec, ManifestInvalid
from repo_server.tree import TreeReader, joined

OVERRIDES = ".argocd-source.yaml"

# The repository may say how it is rendered, not which repository that is.
_NOT_OVERRIDABLE = ("repoURL", "targetRevision", "path", "chart", "ref", "name")


def decoded_source(raw: bytes) -> Mapping[str, Any]:
    try:
        source = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise InvalidSpec(f"the source is not JSON: {error}") from error
    if not isinstance(source, dict):
        raise InvalidSpec("the source is not an object")
    return source


def source_path(source: Mapping[str, Any]) -> str:
    path = joined("", str(source.get("path") or ""))
    if path is None or str(source.get("path") or "").startswith("/"):
        raise InvalidSpec("the source's path must be relative and may not leave the repository")
    return path


def merged_source(raw: Mapping[str, Any], path: str, app_name: str, reader: TreeReader) -> Source:
    """`.argocd-source.yaml`, then `.argocd-source-<app>.yaml` of the path, merged onto the source."""
    merged = dict(raw)
    for name in (OVERRIDES, f".argocd-source-{app_name}.yaml"):
        file = f"{path}/{name}" if path else name
        content = reader.described(file)
        if content is None:
            continue
        for overrides in decode_documents(content, file):
            if not isinstance(overrides, dict):
                raise ManifestInvalid(f"{file}: this is not an object with the source's fields, such as `helm:`")
            merged = merge_patch(merged, {k: v for k, v in overrides.items() if k not in _NOT_OVERRIDABLE})
    try:
        return msgspec.convert(merged, Source)
    except msgspec.ValidationError as error:
        raise InvalidSpec(f"the source is not as the Application schema wants it: {error}") from error


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: objects merge, null removes, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged
