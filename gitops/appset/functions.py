"""The template functions ApplicationSets may call: Go's own, the common ones of sprig, and Argo CD's.

One line in the table each. Nothing here reads anything but its arguments.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from gitops.manifest.decode import decode_documents

_LONGEST_NAME = 253
_LONGEST_TEXT = 65_536


def is_true(value: Any) -> bool:
    """Go's truth: zero and empty are false."""
    return bool(value)


def shown(value: Any) -> str:
    """As Go prints a value."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{key}:{shown(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(shown(each) for each in value) + "]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def normalize(text: Any) -> str:
    """Fit for an object's name: lower case letters, digits, `-` and `.`."""
    lowered = re.sub(r"[^-a-z0-9.]", "-", shown(text).lower())
    return lowered[:_LONGEST_NAME].strip("-.")


def slugify(*arguments: Any) -> str:
    """`slugify [longest [smart]] text`: words joined by dashes, cut to a length (between words if smart)."""
    *options, text = arguments
    longest = int(options[0]) if options else 50
    smart = bool(options[1]) if len(options) > 1 else False
    slug = re.sub(r"[^a-z0-9]+", "-", shown(text).lower()).strip("-")
    if len(slug) <= longest:
        return slug
    cut = slug[:longest]
    if smart and slug[longest] != "-" and "-" in cut:
        cut = cut[: cut.rindex("-")]
    return cut.strip("-")


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(shown(key))
        elif isinstance(key, int) and 0 <= key < len(value):
            value = value[key]
        else:
            raise IndexError(f"index {shown(key)} is out of range")
    return value


def _print(*values: Any) -> str:
    """With a space between two of which neither is a text."""
    written = ""
    for position, value in enumerate(values):
        apart = position and not isinstance(value, str) and not isinstance(values[position - 1], str)
        written += (" " if apart else "") + shown(value)
    return written


def _printf(layout: str, *values: Any) -> str:
    remaining = iter(values)

    def filled(found: re.Match[str]) -> str:
        verb = found[2]
        if verb == "%":
            return "%"
        value = next(remaining)
        if verb == "q":
            return json.dumps(shown(value))
        if verb == "d":
            return f"{int(value):{found[1]}d}"
        return f"{shown(value):{found[1].replace('-', '<')}}"

    try:
        return re.sub(r"%(-?0?\d{0,4})([sdvq%])", filled, layout)
    except StopIteration as missing:
        raise ValueError(f"`{layout}` wants more values than it is given") from missing


def _replace(old: str, new: str, text: Any) -> str:
    replaced = shown(text).replace(old, new)
    if len(replaced) > _LONGEST_TEXT:
        raise ValueError("the result is too long")
    return replaced


def _trunc(length: int, text: Any) -> str:
    return shown(text)[:length] if length >= 0 else shown(text)[length:]


def _default(fallback: Any, value: Any = None) -> Any:
    return value if is_true(value) else fallback


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if is_true(value)), None)


def _equal(first: Any, *others: Any) -> bool:
    return any(first == other for other in others)


def _all(*values: Any) -> Any:
    return next((value for value in values if not is_true(value)), values[-1])


def _any(*values: Any) -> Any:
    return next((value for value in values if is_true(value)), values[-1])


def _dictionary(*pairs: Any) -> dict[str, Any]:
    return {shown(pairs[at]): pairs[at + 1] if at + 1 < len(pairs) else "" for at in range(0, len(pairs), 2)}


def _dig(*arguments: Any) -> Any:
    *keys, fallback, value = arguments
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return fallback
        value = value[key]
    return value


def _words_joined(joint: str, text: Any) -> str:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", joint, shown(text))
    return re.sub(r"[\s_-]+", joint, parted).lower()


def _to_yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=True, default_flow_style=False).rstrip("\n")


def _from_yaml(text: str) -> Any:
    documents = decode_documents(text, "fromYaml")
    return documents[0] if documents else None


def _b64dec(text: Any) -> str:
    return base64.b64decode(shown(text), validate=True).decode()


def _sum(*values: Any) -> int:
    return sum(int(value) for value in values)


def _list(*values: Any) -> list[Any]:
    return list(values)


def _split(separator: str, text: Any) -> dict[str, str]:
    return {f"_{number}": part for number, part in enumerate(shown(text).split(separator))}


def _join(joint: str, values: Sequence[Any]) -> str:
    return joint.join(shown(value) for value in values)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    # Go's own
    "and": _all,
    "or": _any,
    "not": lambda value: not is_true(value),
    "eq": _equal,
    "ne": lambda first, second: first != second,
    "lt": lambda first, second: first < second,
    "le": lambda first, second: first <= second,
    "gt": lambda first, second: first > second,
    "ge": lambda first, second: first >= second,
    "index": _index,
    "len": lambda value: len(value),
    "print": _print,
    "printf": _printf,
    # texts
    "lower": lambda text: shown(text).lower(),
    "upper": lambda text: shown(text).upper(),
    "title": lambda text: shown(text).title(),
    "trim": lambda text: shown(text).strip(),
    "trimAll": lambda cut, text: shown(text).strip(cut),
    "trimPrefix": lambda prefix, text: shown(text).removeprefix(prefix),
    "trimSuffix": lambda suffix, text: shown(text).removesuffix(suffix),
    "replace": _replace,
    "trunc": _trunc,
    "quote": lambda text: json.dumps(shown(text), ensure_ascii=False),
    "squote": lambda text: f"'{shown(text)}'",
    "nospace": lambda text: re.sub(r"\s", "", shown(text)),
    "kebabcase": lambda text: _words_joined("-", text),
    "snakecase": lambda text: _words_joined("_", text),
    "contains": lambda part, text: part in shown(text),
    "hasPrefix": lambda prefix, text: shown(text).startswith(prefix),
    "hasSuffix": lambda suffix, text: shown(text).endswith(suffix),
    "toString": shown,
    "b64enc": lambda text: base64.b64encode(shown(text).encode()).decode(),
    "b64dec": _b64dec,
    "sha256sum": lambda text: hashlib.sha256(shown(text).encode()).hexdigest(),
    # choices
    "default": _default,
    "coalesce": _coalesce,
    "empty": lambda value: not is_true(value),
    "ternary": lambda yes, no, condition: yes if is_true(condition) else no,
    # lists and maps
    "list": _list,
    "dict": _dictionary,
    "get": lambda values, key: values.get(key, ""),
    "hasKey": lambda values, key: key in values,
    "dig": _dig,
    "has": lambda value, values: value in values,
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
    "rest": lambda values: values[1:],
    "initial": lambda values: values[:-1],
    "join": _join,
    "split": _split,
    "splitList": lambda separator, text: shown(text).split(separator),
    "sortAlpha": lambda values: sorted(shown(value) for value in values),
    "uniq": lambda values: list(dict.fromkeys(values)),
    # numbers
    "int": lambda value: int(float(value)),
    "add": _sum,
    "sub": lambda first, second: int(first) - int(second),
    "mul": lambda first, second: int(first) * int(second),
    # Argo CD's and formats
    "normalize": normalize,
    "slugify": slugify,
    "toJson": lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True),
    "fromJson": json.loads,
    "toYaml": _to_yaml,
    "fromYaml": _from_yaml,
    "fromYamlArray": _from_yaml,
}
