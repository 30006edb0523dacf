"""Parameters as templates see them: nested for Go templates, flat names with dots for the simple ones."""

from collections.abc import Mapping, Sequence
from posixpath import basename, dirname
from typing import Any

import msgspec

from gitops.appset.functions import normalize, shown
from gitops.model.errors import InvalidSpec

Parameters = Mapping[str, Any]


class Generated(msgspec.Struct, frozen=True):
    """What one generator makes for one Application; its own template wins over the set's."""

    parameters: Parameters
    template: Mapping[str, Any] | None = None


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """`{"a": {"b": 1}}` becomes `{"a.b": "1"}`."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            for position, item in enumerate(value):
                inner = item if isinstance(item, Mapping) else {"": item}
                found |= {
                    key.removesuffix("."): text for key, text in flat(inner, f"{prefix}{name}.{position}.").items()
                }
        else:
            found[f"{prefix}{name}"] = "" if value is None else shown(value)
    return found


def path_parameters(path: str, *, prefix: str, nested: bool, filename: str = "") -> dict[str, Any]:
    """What the git generator says of a directory, or of a file in it."""
    segments = [each for each in path.split("/") if each]
    name = basename(path)
    about = {"path": path, "basename": name, "basenameNormalized": normalize(name)}
    if filename:
        about |= {"filename": filename, "filenameNormalized": normalize(filename)}
    if nested:
        return _under(prefix, {"path": {**about, "segments": segments}})
    start = f"{prefix}.path" if prefix else "path"
    named = {f"{start}.{key}": value for key, value in about.items() if key != "path"}
    indexed = {f"{start}[{position}]": segment for position, segment in enumerate(segments)}
    return {start: path, **named, **indexed}


def _under(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {prefix: values} if prefix else values


def file_parameters(path: str, content: Any, *, prefix: str, nested: bool) -> list[dict[str, Any]]:
    """One set of parameters per object in a file; a list holds several."""
    objects = content if isinstance(content, list) else [content]
    if not all(isinstance(each, Mapping) for each in objects):
        raise InvalidSpec(f"{path}: a parameter file must hold an object or a list of objects")
    about = path_parameters(dirname(path), prefix=prefix, nested=nested, filename=basename(path))
    return [{**(dict(each) if nested else flat(each)), **about} for each in objects]


def merged(first: Parameters, second: Parameters, *, nested: bool) -> dict[str, Any]:
    """The parameters of a matrix's pair. Go templates: the first wins; else the two must not disagree."""
    if nested:
        return _deeply(second, first)
    for name in first.keys() & second.keys():
        if first[name] != second[name]:
            raise InvalidSpec(
                f"matrix generator: both generators make parameter `{name}`, as `{first[name]}` and `{second[name]}`"
            )
    return {**first, **second}


def _deeply(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    joined = dict(base)
    for name, value in over.items():
        present = joined.get(name)
        both = isinstance(present, Mapping) and isinstance(value, Mapping)
        joined[name] = _deeply(present, value) if both and isinstance(present, Mapping) else value
    return joined


def overlaid(base: Mapping[str, Any], over: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """A template with another laid over it: fields of the upper one win."""
    return _deeply(base, over) if over else base


def selected(parameters: Parameters, selector: Mapping[str, Any] | None) -> bool:
    """Whether a label selector matches the parameters, taken as labels."""
    return not selector or selects(selector, flat(parameters))


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    exact = selector.get("matchLabels") or {}
    expressions: Sequence[Mapping[str, Any]] = selector.get("matchExpressions") or ()
    return all(labels.get(name) == value for name, value in exact.items()) and all(
        _holds(each, labels) for each in expressions
    )


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator = expression.get("key", ""), expression.get("operator", "")
    present, within = key in labels, labels.get(key) in (expression.get("values") or ())
    answers = {"In": within, "NotIn": not within, "Exists": present, "DoesNotExist": not present}
    if operator not in answers:
        raise InvalidSpec(f"selector operator `{operator}` is not known; use {', '.join(answers)}")
    return answers[operator]
