"""Decoded JSON that must be Kubernetes objects, because it was made for nothing else."""

from typing import Any

import orjson

from gitops.manifest.decode import decode_json
from gitops.model.errors import ManifestInvalid
from gitops.model.resource import Manifest


def objects(value: Any, file: str) -> list[Manifest]:
    """One object, a List, or an array of either; ManifestInvalid naming the file for anything else."""
    try:
        return decode_json(orjson.dumps(_flat(value)))
    except ManifestInvalid as error:
        raise ManifestInvalid(f"{file}: {error}") from None


def _flat(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [inner for each in value for inner in _flat(each)]
    if isinstance(value, dict) and str(value.get("kind", "")).endswith("List") and "items" in value:
        items = value["items"]
        if items is None or isinstance(items, list):
            return _flat(items or [])
    return [value]
