"""The normal form of a desired object: what Git says, without what means nothing to the API server.

Here belongs only what is exact for every cluster. What a certain API server makes of a value (defaults,
number formats) is for that server to say.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import orjson

from gitops.model.resource import GroupKind, Manifest, ResourceKey, group_kind_of, group_of, key_of

# Fields the API server sets; a manifest that carries them was exported from a cluster.
SERVER_METADATA = frozenset(
    {"managedFields", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "uid", "selfLink"}
)

# Groups served by kube-apiserver itself: its types are Go structs, where null, empty list and absent are one.
BUILT_IN_GROUPS = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "extensions",
        "flowcontrol.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
    }
)


class Desired(msgspec.Struct, frozen=True):
    """The objects one application declares for one cluster."""

    manifests: tuple[Manifest, ...] = ()
    repeated: tuple[ResourceKey, ...] = ()  # declared more than once; the last one counts
    without_namespace: tuple[ResourceKey, ...] = ()  # namespaced, but nothing says into which namespace


def desired_for(
    manifests: Iterable[Manifest],
    *,
    namespace: str,
    is_namespaced: Callable[[GroupKind], bool | None],
) -> Desired:
    """Manifests as rendered -> the objects to have in the destination.

    `is_namespaced` answers None for a kind the cluster does not serve (yet): such an object keeps the
    namespace it names and gets the destination's if it names none, which is right for most and is
    looked at again as soon as the kind is served.
    """
    chosen: dict[ResourceKey, Manifest] = {}
    repeated: dict[ResourceKey, None] = {}
    lacking: list[ResourceKey] = []
    for manifest in manifests:
        normal = placed(normalized(manifest), namespace, is_namespaced(group_kind_of(manifest)))
        key = key_of(normal)
        if not key.name:
            # A hook with generateName: each run makes its own object, so none repeats another.
            key = key._replace(name=f"{normal['metadata'].get('generateName', '')}*{len(chosen)}")
        if key in chosen:
            repeated[key] = None
            del chosen[key]
        if not key.namespace and is_namespaced(key.group_kind):
            lacking.append(key)
        chosen[key] = normal
    return Desired(tuple(chosen.values()), tuple(repeated), tuple(lacking))


def placed(manifest: Manifest, namespace: str, namespaced: bool | None) -> Manifest:
    """The manifest with the namespace it belongs to, or without one if its kind has none."""
    metadata: dict[str, Any] = manifest["metadata"]
    present = metadata.get("namespace")
    if namespaced is False:
        if "namespace" not in metadata:
            return manifest
        kept = {key: value for key, value in metadata.items() if key != "namespace"}
        return {**manifest, "metadata": kept}
    if present or not namespace:
        return manifest
    return {**manifest, "metadata": {**metadata, "namespace": namespace}}


def normalized(manifest: Manifest) -> Manifest:
    """Without status, server-set metadata and empty maps; Secrets with `data` only. Idempotent."""
    group = group_of(manifest)
    changed: dict[str, Any] = {key: value for key, value in manifest.items() if key != "status"}
    changed["metadata"] = _normal_metadata(manifest.get("metadata") or {})
    if group == "" and manifest.get("kind") == "Secret":
        changed = _with_encoded_data(changed)
    if group in BUILT_IN_GROUPS:
        changed = without_nulls(changed)
    return changed


def _normal_metadata(metadata: Manifest) -> dict[str, Any]:
    kept = {key: value for key, value in metadata.items() if key not in SERVER_METADATA and value is not None}
    for key in ("labels", "annotations"):
        entries = kept.get(key)
        if not isinstance(entries, dict):
            continue
        if any(value is None for value in entries.values()):
            # `key: null` in a template is how charts switch an entry off.
            entries = kept[key] = {name: value for name, value in entries.items() if value is not None}
        if not entries:
            del kept[key]
    return kept


def _with_encoded_data(secret: dict[str, Any]) -> dict[str, Any]:
    """`stringData` is write-only: the API server moves it into `data`, where it wins over what is there."""
    plain = secret.get("stringData")
    if not isinstance(plain, dict):
        return secret
    data = dict(secret.get("data") or {})
    for key, value in plain.items():
        text = value if isinstance(value, str) else "" if value is None else None
        if text is None:
            return secret  # not text: the API server refuses it, and says why
        data[key] = base64.b64encode(text.encode()).decode()
    encoded = {key: value for key, value in secret.items() if key != "stringData"}
    encoded["data"] = data
    return encoded


def without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    """Map entries that are null left out, at any depth; shares every part that holds none."""
    cleaned: dict[str, Any] = _cleaned(value)
    return cleaned


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        rebuilt: dict[str, Any] | None = None
        for key, entry in value.items():
            clean = None if entry is None else _cleaned(entry) if isinstance(entry, dict | list) else entry
            if clean is not entry or entry is None:
                rebuilt = dict(value) if rebuilt is None else rebuilt
                if entry is None:
                    del rebuilt[key]
                else:
                    rebuilt[key] = clean
        return value if rebuilt is None else rebuilt
    if isinstance(value, list):
        items = [_cleaned(item) if isinstance(item, dict | list) else item for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value


def digest_of(manifest: Manifest) -> bytes:
    """A short fingerprint of a manifest's content, whatever the order of its keys."""
    return hashlib.blake2b(orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
