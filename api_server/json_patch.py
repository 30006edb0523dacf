"""JSON patches (RFC 6902) on decoded JSON. Pure: the document given stays as it is."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gitops.model.errors import InvalidRequest

MOST_OPERATIONS = 1_000
MOST_COPIED = 10_000  # values a patch may duplicate: copies of copies grow exponentially


def apply_json_patch(document: Any, patch: Any) -> Any:
    """The document after every operation, in order; InvalidRequest names the operation that does not fit."""
    if not isinstance(patch, list):
        raise InvalidRequest("a JSON patch is a list of operations")
    if len(patch) > MOST_OPERATIONS:
        raise InvalidRequest(f"a JSON patch may hold at most {MOST_OPERATIONS} operations")
    root = {"": copy.deepcopy(document)}  # so that the document itself can be replaced, too
    copied = 0
    for number, operation in enumerate(patch):
        try:
            copied += _apply(root, operation)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise InvalidRequest(f"operation {number} of the JSON patch does not fit: {_reason(error)}") from None
        if copied > MOST_COPIED:
            raise InvalidRequest("the JSON patch copies too much")
    return root[""]


def _apply(root: dict[str, Any], operation: Any) -> int:
    if not isinstance(operation, Mapping):
        raise ValueError("it is not an object")
    run = OPERATIONS.get(str(operation.get("op")))
    if run is None:
        raise ValueError(f"op must be one of {', '.join(OPERATIONS)}")
    return run(root, operation)


def _add(root: Any, operation: Mapping[str, Any]) -> int:
    _insert(root, _pointer(operation, "path"), copy.deepcopy(_value(operation)))
    return 0


def _remove(root: Any, operation: Mapping[str, Any]) -> int:
    _take(root, _pointer(operation, "path"))
    return 0


def _replace(root: Any, operation: Mapping[str, Any]) -> int:
    parts = _pointer(operation, "path")
    container = _at(root, parts[:-1])
    container[_existing(container, parts[-1])] = copy.deepcopy(_value(operation))
    return 0


def _move(root: Any, operation: Mapping[str, Any]) -> int:
    source, path = _pointer(operation, "from"), _pointer(operation, "path")
    if path[: len(source)] == source and path != source:
        raise ValueError("a value cannot move into itself")
    _insert(root, path, _take(root, source))
    return 0


def _copy(root: Any, operation: Mapping[str, Any]) -> int:
    value = copy.deepcopy(_at(root, _pointer(operation, "from")))
    _insert(root, _pointer(operation, "path"), value)
    return _size(value)


def _test(root: Any, operation: Mapping[str, Any]) -> int:
    path = _pointer(operation, "path")
    if _at(root, path) != _value(operation):
        raise ValueError(f"the value at {operation['path']} is another one")
    return 0


OPERATIONS: Mapping[str, Callable[[Any, Mapping[str, Any]], int]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _pointer(operation: Mapping[str, Any], member: str) -> list[str]:
    """The steps of a JSON pointer, beneath the root that holds the document."""
    text = operation.get(member)
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise ValueError(f"`{member}` must be a JSON pointer, such as /spec/project")
    return [step.replace("~1", "/").replace("~0", "~") for step in text.split("/")]


def _value(operation: Mapping[str, Any]) -> Any:
    if "value" not in operation:
        raise ValueError("`value` is missing")
    return operation["value"]


def _at(root: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        root = root[_existing(root, step)]
    return root


def _existing(container: Any, step: str) -> Any:
    """The key or index of something that is there."""
    if isinstance(container, dict):
        if step not in container:
            raise ValueError(f"there is no `{step}`")
        return step
    if isinstance(container, list):
        index = _index(step)
        if index >= len(container):
            raise ValueError(f"the list has no item {step}")
        return index
    raise ValueError(f"`{step}` is looked for in a value that is no object and no list")


def _index(step: str) -> int:
    if not (step.isascii() and step.isdigit()) or (len(step) > 1 and step[0] == "0") or len(step) > 9:
        raise ValueError(f"`{step}` is not an index")
    return int(step)


def _insert(root: Any, steps: Sequence[str], value: Any) -> None:
    container, last = _at(root, steps[:-1]), steps[-1]
    if isinstance(container, dict):
        container[last] = value
    elif isinstance(container, list):
        index = len(container) if last == "-" else _index(last)
        if index > len(container):
            raise ValueError(f"the list ends before item {last}")
        container.insert(index, value)
    else:
        raise ValueError(f"`{last}` cannot be added to a value that is no object and no list")


def _take(root: Any, steps: Sequence[str]) -> Any:
    if len(steps) == 1:
        raise ValueError("the document itself cannot be taken away")
    container = _at(root, steps[:-1])
    return container.pop(_existing(container, steps[-1]))


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(_size(each) for each in value.values())
    if isinstance(value, list):
        return 1 + sum(_size(each) for each in value)
    return 1


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError) else "a path or value has the wrong shape"
