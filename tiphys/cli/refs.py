"""Names as a user types them: applications, and objects within one."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tiphys.cli.errors import NotFound, Usage


@dataclass(frozen=True)
class AppRef:
    """An application as it was named; without a namespace, the server's own one is meant."""

    name: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        return metadata.get("name") == self.name and self.namespace in ("", metadata.get("namespace"))


def made_by(metadata: Mapping[str, Any]) -> str:
    """The ApplicationSet that controls an application, or nothing."""
    owners = metadata.get("ownerReferences") or ()
    return next((str(each.get("name")) for each in owners if each.get("kind") == "ApplicationSet"), "")


def app_ref(text: str) -> AppRef:
    namespace, _, name = text.rpartition("/")
    if not name or "/" in namespace:
        raise Usage(f"`{text}` is not an application", "write NAME or NAMESPACE/NAME")
    return AppRef(name, namespace)


@dataclass(frozen=True)
class Choice:
    """`[GROUP:]KIND:[NAMESPACE/]NAME`; a group of None was not said."""

    group: str | None
    kind: str
    namespace: str
    name: str

    def fits(self, resource: Mapping[str, Any]) -> bool:
        return (
            self.group in (None, resource.get("group", ""))
            and self.kind.lower() == str(resource.get("kind", "")).lower()
            and self.namespace in ("", resource.get("namespace", ""))
            and self.name == resource.get("name")
        )


def choice(text: str) -> Choice:
    parts = text.split(":")
    group = parts[0] if len(parts) == 3 else None
    kind, place = parts[-2:] if len(parts) in (2, 3) else ("", "")
    namespace, _, name = place.rpartition("/")
    if not kind or not name or "/" in namespace:
        raise Usage(f"`{text}` is not a resource", "write KIND:NAME, KIND:NAMESPACE/NAME or GROUP:KIND:NAMESPACE/NAME")
    return Choice(group, kind, namespace, name)


def chosen_resources(choices: Sequence[Choice], resources: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The body of `operation.sync.resources`: each choice must name exactly what the application has.

    A choice with its group may name what only the new revision brings; without, it has to be known.
    """
    known = list(resources)
    return [one for each in choices for one in _resolved(each, known)]


def _resolved(wanted: Choice, known: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    fitting = [each for each in known if wanted.fits(each)]
    if len({each.get("group", "") for each in fitting}) > 1:
        groups = ", ".join(sorted(str(each.get("group", "")) or "core" for each in fitting))
        raise Usage(f"{wanted.kind} {wanted.name} is of several groups ({groups})", "write GROUP:KIND:NAME")
    if fitting:
        return [{field: each.get(field, "") for field in ("group", "kind", "namespace", "name")} for each in fitting]
    if wanted.group is None:
        raise NotFound(
            f"the application has no {wanted.kind} {wanted.name}",
            "`tiphys app resources NAME` lists what it has; name a new one as GROUP:KIND:NAME",
        )
    return [{"group": wanted.group, "kind": wanted.kind, "namespace": wanted.namespace, "name": wanted.name}]


def known_states(option: str, asked: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    """What was asked for, as it is spelt; a state that does not exist would only ever match nothing."""
    spelt = {each.lower(): each for each in known}
    for each in asked or ():
        if each.lower() not in spelt:
            close = difflib.get_close_matches(each.lower(), spelt, n=1)
            meant = f"did you mean {spelt[close[0]]}? " if close else ""
            raise Usage(f"{option} {each}: there is no such state", f"{meant}It is one of {', '.join(known)}")
    return [spelt[each.lower()] for each in asked or ()]
