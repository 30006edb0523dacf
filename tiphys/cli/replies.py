"""The server's JSON as frozen values, for reading only: what is sent back is always the user's own JSON."""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from gitops.model.application import Application
from gitops.model.status import Health
from tiphys.cli.errors import ServerError

T = TypeVar("T")


class Reply(msgspec.Struct, frozen=True, rename="camel"):
    """Base of the parts we read; fields we do not know are skipped."""


class Info(Reply, frozen=True):
    name: str = ""
    value: str = ""


class Parent(Reply, frozen=True):
    uid: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    group: str = ""


class Node(Reply, frozen=True):
    """One object of a resource tree."""

    kind: str = ""
    name: str = ""
    uid: str = ""
    group: str = ""
    namespace: str = ""
    parent_refs: tuple[Parent, ...] = ()
    health: Health = Health(status="")
    info: tuple[Info, ...] = ()


class ResourceTree(Reply, frozen=True):
    nodes: tuple[Node, ...] = ()
    orphaned_nodes: tuple[Node, ...] = ()


class ManagedResource(Reply, frozen=True):
    """One object's states, each as JSON text; `null` or empty where there is none."""

    kind: str = ""
    name: str = ""
    group: str = ""
    namespace: str = ""
    target_state: str = ""
    live_state: str = ""
    normalized_live_state: str = ""
    predicted_live_state: str = ""
    hook: bool = False
    modified: bool = False


class ConnectionState(Reply, frozen=True):
    status: str = ""
    message: str = ""


class ClusterInfo(Reply, frozen=True):
    applications_count: int = 0


class Cluster(Reply, frozen=True):
    server: str = ""
    name: str = ""
    project: str = ""
    namespaces: tuple[str, ...] = ()
    connection_state: ConnectionState = ConnectionState()
    server_version: str = ""
    info: ClusterInfo = ClusterInfo()


class Repository(Reply, frozen=True):
    repo: str = ""
    type: str = ""
    name: str = ""
    project: str = ""
    connection_state: ConnectionState = ConnectionState()


class SkippedFile(Reply, frozen=True):
    path: str = ""
    reason: str = ""


class Manifests(Reply, frozen=True):
    manifests: tuple[str, ...] = ()
    revision: str = ""
    skipped_files: tuple[SkippedFile, ...] = ()


def read(kind: type[T], json: Any) -> T:
    """Decoded JSON as `kind`; Go writes null where a field is simply absent."""
    try:
        return msgspec.convert(without_nulls(json), kind)
    except msgspec.ValidationError as error:
        raise ServerError(f"the server's answer is not the {kind.__name__} expected: {error}") from error


def read_items(kind: type[T], listed: Any) -> list[T]:
    return [read(kind, each) for each in items(listed)]


def items(listed: Any) -> list[Any]:
    """A list answer's items; an empty one may be null."""
    found = listed.get("items") if isinstance(listed, dict) else None
    return list(found or [])


def applications(listed: Any) -> list[Application]:
    return read_items(Application, listed)


def without_nulls(json: Any) -> Any:
    if isinstance(json, dict):
        return {key: without_nulls(value) for key, value in json.items() if value is not None}
    if isinstance(json, list):
        return [without_nulls(value) for value in json]
    return json


def only(listed: Any, kept: Iterable[int]) -> Any:
    """The same list answer with some of its items."""
    found = items(listed)
    return {**listed, "items": [found[index] for index in kept]}
