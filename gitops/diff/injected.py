"""What well-known controllers put into maps that are owned as one piece, where Git could never keep it.

Server-side apply replaces such a map as a whole, so writing it as Git has it would undo their work and be
undone in turn, for ever.
"""

from collections.abc import Mapping

from gitops.model.resource import GroupKind, Manifest, group_kind_of

# Kind -> the map within spec, and the keys in it that are never Git's.
_INJECTED: Mapping[GroupKind, tuple[str, frozenset[str]]] = {
    # Argo Rollouts turns a Service to the pods of one version by this key.
    GroupKind("", "Service"): ("selector", frozenset({"rollouts-pod-template-hash"})),
}


def with_injected(desired: Manifest, live: Manifest) -> Manifest:
    """The desired object with what such a controller has put into the live one, unless Git says it itself."""
    field, keys = _INJECTED.get(group_kind_of(desired), ("", frozenset()))
    wanted, present = _map(desired, field), _map(live, field)
    if not wanted or not present:
        return desired
    injected = {key: value for key, value in present.items() if key in keys and key not in wanted}
    if not injected:
        return desired
    return {**desired, "spec": {**desired["spec"], field: {**wanted, **injected}}}


def _map(manifest: Manifest, field: str) -> Mapping[str, object] | None:
    spec = manifest.get("spec")
    found = spec.get(field) if isinstance(spec, Mapping) else None
    return found if isinstance(found, Mapping) else None
