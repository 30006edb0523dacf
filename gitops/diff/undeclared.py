"""Fields a kind's schema does not know: server-side apply refuses the object for them, other writes leave them out.

The API server names them in its refusal. Nothing here knows any schema.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gitops.model.resource import Manifest

_TOLD = re.compile(r"(?:^|\s)(\.[^\n]+?): field not declared in schema", re.MULTILINE)
_ITEM = re.compile(
    r'\[([^\]"=]+=(?:"(?:[^"\\]|\\.)*"|[^,\]"]*)(?:,[^\]"=]+=(?:"(?:[^"\\]|\\.)*"|[^,\]"]*))*)\]|\[(\d+)\]'
)
_PAIR = re.compile(r'([^,="]+)=("(?:[^"\\]|\\.)*"|[^,\]"]*)')


def undeclared_fields(refusal: str) -> tuple[str, ...]:
    """The paths a refusal names, such as `.spec.template.spec.containers[name="main"].imag`."""
    return tuple(dict.fromkeys(_TOLD.findall(refusal)))


def without_fields(manifest: Manifest, paths: Iterable[str]) -> Manifest | None:
    """The manifest without these fields; None when one of them is not found in it."""
    made: Any = manifest
    for path in paths:
        made = _without(made, path)
        if made is None:
            return None
    return dict(made)


def _without(value: Any, path: str) -> Any:
    """A copy of the value without what the path leads to; None: it leads nowhere."""
    if isinstance(value, Mapping) and path.startswith("."):
        return _without_entry(value, path[1:])
    if isinstance(value, list) and (found := _ITEM.match(path)):
        number = _index(value, found)
        if number is None or found.end() == len(path):
            return None
        below = _without(value[number], path[found.end() :])
        return None if below is None else [*value[:number], below, *value[number + 1 :]]
    return None


def _without_entry(value: Mapping[str, Any], path: str) -> Any:
    # A name may itself hold dots: the longest one that is there is meant.
    for name in sorted((each for each in value if path.startswith(each)), key=len, reverse=True):
        rest = path[len(name) :]
        if not rest:
            return {key: entry for key, entry in value.items() if key != name}
        if rest[0] in ".[" and (below := _without(value[name], rest)) is not None:
            return {**value, name: below}
    return None


def _index(items: Sequence[Any], found: re.Match[str]) -> int | None:
    if found[2] is not None:
        number = int(found[2]) if len(found[2]) < 9 else len(items)
        return number if number < len(items) else None
    wanted = [(name, _scalar(text)) for name, text in _PAIR.findall(found[1])]
    for number, item in enumerate(items):
        # A key that Git leaves out has the schema's default, which is not known here.
        if isinstance(item, Mapping) and all(item.get(name, value) == value for name, value in wanted):
            return number
    return None


def _scalar(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
