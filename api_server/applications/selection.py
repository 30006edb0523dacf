"""Which applications a request wants: the query parameters of lists and streams. Pure."""

import re
from collections.abc import Callable
from typing import Annotated

import msgspec
from fastapi import Depends, Query

from gitops.model.errors import InvalidRequest
from gitops.model.repository import normalized_url
from gitops.model.resource import Manifest, labels_of, name_of, namespace_of

Requirement = Callable[[dict[str, str]], bool]

_SET = re.compile(r"^(?P<key>[\w./-]+)\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUAL = re.compile(r"^(?P<key>[\w./-]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^\s!=,()]*)$")
_EXISTS = re.compile(r"^(?P<absent>!?)\s*(?P<key>[\w./-]+)$")


class Selection(msgspec.Struct, frozen=True):
    name: str = ""
    namespace: str = ""
    projects: frozenset[str] = frozenset()
    repo: str = ""
    labels: tuple[Requirement, ...] = ()

    def wants(self, app: Manifest) -> bool:
        return (
            (not self.name or name_of(app) == self.name)
            and (not self.namespace or namespace_of(app) == self.namespace)
            and (not self.projects or str((app.get("spec") or {}).get("project") or "default") in self.projects)
            and (not self.repo or self.repo in _repositories(app))
            and all(holds(dict(labels_of(app))) for holds in self.labels)
        )


async def _selection(
    name: Annotated[str, Query()] = "",
    app_namespace: Annotated[str, Query(alias="appNamespace")] = "",
    projects: Annotated[list[str] | None, Query()] = None,
    project: Annotated[list[str] | None, Query()] = None,
    selector: Annotated[str, Query()] = "",
    repo: Annotated[str, Query()] = "",
) -> Selection:
    return Selection(
        name=name,
        namespace=app_namespace,
        projects=frozenset(each for each in (*(projects or ()), *(project or ())) if each),
        repo=normalized_url(repo) if repo else "",
        labels=parse_selector(selector),
    )


Selected = Annotated[Selection, Depends(_selection)]


def parse_selector(text: str) -> tuple[Requirement, ...]:
    """A Kubernetes label selector: `a=b,c!=d,e in (f,g),h notin (i),j,!k`."""
    return tuple(_requirement(part.strip()) for part in _split(text) if part.strip())


def _split(text: str) -> list[str]:
    """At commas, but not at those inside parentheses."""
    return re.split(r",(?![^()]*\))", text)


def _requirement(text: str) -> Requirement:
    if found := _SET.match(text):
        key, values = found["key"], frozenset(each.strip() for each in found["values"].split(","))
        if found["op"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if found := _EQUAL.match(text):
        key, value = found["key"], found["value"]
        if found["op"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _EXISTS.match(text):
        key, absent = found["key"], bool(found["absent"])
        return lambda labels: (key in labels) is not absent
    raise InvalidRequest(f"`{text}` is not a label selector; write it like env=dev,tier in (web,api),!legacy")


def _repositories(app: Manifest) -> set[str]:
    spec = app.get("spec") or {}
    sources = spec.get("sources") or [spec.get("source") or {}]
    return {normalized_url(str(each.get("repoURL") or "")) for each in sources}
