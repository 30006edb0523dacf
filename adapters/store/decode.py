"""From a custom resource's JSON, as lax as people and tools write it, to our frozen values."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from gitops.model.application import Application
from gitops.model.appset import AppSet
from gitops.model.errors import InvalidSpec
from gitops.model.project import Project
from gitops.model.resource import Manifest, is_deleting, name_of, namespace_of, uid_of

Value = TypeVar("Value")

# Inside these a null means something to somebody else (Helm: "remove this default").
_OPAQUE = frozenset({"valuesObject", "template", "elements", "plugin", "parameters"})


def decode(type: type[Value], raw: Mapping[str, Any]) -> Value:
    """Unknown fields are passed over, nulls count as absent; else `InvalidSpec` names the field."""
    try:
        return msgspec.convert(raw, type, strict=False)
    except msgspec.ValidationError:
        # Explicit nulls are rare: only who trips over one pays for a copy.
        try:
            return msgspec.convert(without_nulls(raw), type, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidSpec(f"{type.__name__} `{_name(raw)}`: {error}") from error


def without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: inner if key in _OPAQUE else without_nulls(inner) for key, inner in value.items() if inner is not None
        }
    if isinstance(value, list):
        return [without_nulls(inner) for inner in value]
    return value


def application(raw: Manifest) -> Application:
    return decode(Application, raw)


def project(raw: Manifest) -> Project:
    return decode(Project, {"name": name_of(raw), "spec": raw.get("spec") or {}})


def appset(raw: Manifest) -> AppSet:
    record = {
        "namespace": namespace_of(raw),
        "name": name_of(raw),
        "uid": uid_of(raw),
        "deleting": is_deleting(raw),
        "spec": raw.get("spec") or {},
    }
    return decode(AppSet, record)


def _name(raw: Mapping[str, Any]) -> str:
    return str(raw.get("name") or name_of(raw))
