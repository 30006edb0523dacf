"""JSON merge patches (RFC 7386): the least that turns one object into another."""

from collections.abc import Mapping
from typing import Any


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The patch that makes `after` of `before`; empty when they are equal.

    A value of None in `after` counts as absent, because a merge patch cannot say otherwise.
    """
    patch: dict[str, Any] = {}
    for name, present in before.items():
        wanted = after.get(name)
        if wanted is None:
            if present is not None:
                patch[name] = None
        elif isinstance(present, Mapping) and isinstance(wanted, Mapping):
            inner = merge_patch(present, wanted)
            if inner:
                patch[name] = inner
        elif present != wanted or isinstance(present, bool) != isinstance(wanted, bool):
            patch[name] = wanted
    for name, wanted in after.items():
        if wanted is not None and name not in before:
            patch[name] = _without_nulls(wanted)
    return patch


def apply_merge_patch(before: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """What an API server makes of `before` under `patch`."""
    after = dict(before)
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        elif isinstance(value, Mapping):
            present = before.get(name)
            after[name] = apply_merge_patch(present if isinstance(present, Mapping) else {}, value)
        else:
            after[name] = value
    return after


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return value
