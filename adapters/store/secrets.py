"""The Secrets that concern us, and how their data is read and written."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from adapters.store.kinds import ARGOCD_SECRET, LAST_APPLIED_ANNOTATION, PART_OF_LABEL, SECRET_TYPE_LABEL
from gitops.model.errors import InvalidSpec
from gitops.model.resource import Manifest, annotations_of, labels_of, name_of


def concerns_us(secret: Manifest) -> bool:
    """Ours by label or name; others (Helm's releases, say) are not even kept in memory."""
    labels = labels_of(secret)
    return (
        SECRET_TYPE_LABEL in labels
        or labels.get(PART_OF_LABEL) == "argocd"
        or name_of(secret).startswith(ARGOCD_SECRET)
    )


def is_type(secret: Manifest, *types: str) -> bool:
    return labels_of(secret).get(SECRET_TYPE_LABEL) in types


def data_of(secret: Manifest) -> dict[str, bytes]:
    data = secret.get("data") or {}
    try:
        return {key: base64.b64decode(value or "", validate=True) for key, value in data.items()}
    except (binascii.Error, ValueError) as error:
        raise InvalidSpec(f"Secret `{name_of(secret)}` holds data that is not base64") from error


def texts_of(secret: Manifest) -> dict[str, str]:
    return {key: value.decode("utf-8", "replace").strip() for key, value in data_of(secret).items()}


def encoded_data(values: Mapping[str, str | bytes | None]) -> dict[str, str | None]:
    """For a merge patch: a None removes the key."""
    return {
        key: None if value is None else base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
        for key, value in values.items()
    }


def public_annotations(secret: Manifest) -> dict[str, str]:
    """Without kubectl's copy of the whole Secret."""
    return {key: value for key, value in annotations_of(secret).items() if key != LAST_APPLIED_ANNOTATION}


def hashed_name(prefix: str, url: str, project: str = "") -> str:
    """Argo CD's names for Secrets: prefix, host for clusters, and a hash of the address."""
    number = 0x811C9DC5
    for byte in (url + project).encode():
        number = ((number ^ byte) * 0x01000193) & 0xFFFFFFFF
    host = (urlsplit(url).netloc.rpartition("@")[2]).lower().strip("[]").split(":")[0] if prefix == "cluster" else ""
    return "-".join(part for part in (prefix, host, str(number)) if part)


def secret_manifest(name: str, type: str, values: Mapping[str, str | bytes | None], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": name, **metadata, "labels": {**(metadata.get("labels") or {}), SECRET_TYPE_LABEL: type}},
        "data": {key: value for key, value in encoded_data(values).items() if value is not None},
    }
