"""Path expressions of `jqPathExpressions`: the part of jq's language that only ever walks down an object.

`.spec.containers[] | select(.name == "web") | .image`, `.a["b/c"][0]?`, `.webhooks[]?.clientConfig`.
No functions, no recursion, no regular expressions: whatever is accepted ends after one pass over the object.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gitops.diff.field_removal import Path
from gitops.model.errors import InvalidSpec

_LONGEST = 2000
_DEEPEST = 20

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<field>\.[A-Za-z_][A-Za-z0-9_]*)
      | (?P<text>"(?:[^"\\]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*")
      | (?P<number>-?[0-9]+(?:\.[0-9]+)?)
      | (?P<word>[A-Za-z_]+)
      | (?P<sign>==|!=|<=|>=|[.\[\]|?()<>,])
    )""",
    re.VERBOSE,
)

# A step yields the (path, value) pairs it leads to.
Place = tuple[Path, Any]
Step = Callable[[Place], Iterator[Place]]
Condition = Callable[[Any], bool]


class PathExpression:
    """One compiled expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._alternatives = _Parser(text).expression()

    def paths(self, value: Any) -> list[Path]:
        """Where in `value` the expression leads."""
        return [path for steps in self._alternatives for path, _ in _walk(steps, ((), value)) if path]


def _walk(steps: list[Step], start: Place) -> Iterator[Place]:
    places: Iterator[Place] = iter((start,))
    for step in steps:
        places = _after(step, places)
    return places


def _after(step: Step, places: Iterator[Place]) -> Iterator[Place]:
    for place in places:
        yield from step(place)


def _field(name: str) -> Step:
    def step(place: Place) -> Iterator[Place]:
        path, value = place
        if isinstance(value, Mapping):
            yield (*path, name), value.get(name)
        elif value is None:
            yield (*path, name), None

    return step


def _index(position: int) -> Step:
    def step(place: Place) -> Iterator[Place]:
        path, value = place
        if isinstance(value, list) and -len(value) <= position < len(value):
            yield (*path, position % len(value)), value[position]

    return step


def _each(place: Place) -> Iterator[Place]:
    path, value = place
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield (*path, key), item
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield (*path, position), item


def _select(condition: Condition) -> Step:
    def step(place: Place) -> Iterator[Place]:
        if condition(place[1]):
            yield place

    return step


def _truth(value: Any) -> bool:
    return value is not None and value is not False


def _ordered(left: Any, right: Any, verdict: Callable[[Any, Any], bool]) -> bool:
    alike = (isinstance(left, str) and isinstance(right, str)) or (_is_number(left) and _is_number(right))
    return alike and verdict(left, right)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equal(left: Any, right: Any) -> bool:
    return bool(left == right) and isinstance(left, bool) is isinstance(right, bool)


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": lambda left, right: _ordered(left, right, lambda a, b: a < b),
    "<=": lambda left, right: _ordered(left, right, lambda a, b: a <= b),
    ">": lambda left, right: _ordered(left, right, lambda a, b: a > b),
    ">=": lambda left, right: _ordered(left, right, lambda a, b: a >= b),
}

_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "startswith": lambda value, text: isinstance(value, str) and isinstance(text, str) and value.startswith(text),
    "endswith": lambda value, text: isinstance(value, str) and isinstance(text, str) and value.endswith(text),
    "contains": lambda value, text: isinstance(value, str) and isinstance(text, str) and text in value,
    "has": lambda value, key: isinstance(value, Mapping) and key in value,
}

_CONSTANTS: Mapping[str, Any] = {"true": True, "false": False, "null": None}


class _Parser:
    """Recursive descent; one method for each rule of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split(text)
        self._at = 0
        self._depth = 0

    def _refuse(self, what: str) -> InvalidSpec:
        return InvalidSpec(
            f"jqPathExpressions: `{self._text}` cannot be used ({what}); allowed are paths such as "
            '`.spec.containers[] | select(.name == "web") | .image`'
        )

    def _split(self, text: str) -> list[tuple[str, str]]:
        if len(text) > _LONGEST:
            raise self._refuse("it is too long")
        tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None:
                raise self._refuse(f"`{text[position:].strip()[:20]}` is not understood")
            tokens.append((str(match.lastgroup), match.group(match.lastgroup or 0)))
            position = match.end()
        return tokens

    def _peek(self, ahead: int = 0) -> tuple[str, str]:
        position = self._at + ahead
        return self._tokens[position] if position < len(self._tokens) else ("end", "")

    def _take(self, text: str | None = None) -> tuple[str, str]:
        token = self._peek()
        if token[0] == "end" or (text is not None and token[1] != text):
            raise self._refuse(f"expected `{text}`" if text else "it ends too early")
        self._at += 1
        return token

    def _skip(self, text: str) -> bool:
        if self._peek() == ("sign", text) or self._peek() == ("word", text):
            self._at += 1
            return True
        return False

    def expression(self) -> list[list[Step]]:
        alternatives = [self._pipeline()]
        while self._skip(","):
            alternatives.append(self._pipeline())
        if self._peek()[0] != "end":
            raise self._refuse(f"`{self._peek()[1]}` is not expected there")
        return alternatives

    def _pipeline(self) -> list[Step]:
        steps = self._stage()
        while self._skip("|"):
            steps.extend(self._stage())
        return steps

    def _stage(self) -> list[Step]:
        if self._peek() == ("word", "select"):
            self._take()
            self._take("(")
            condition = self._any_of()
            self._take(")")
            return [_select(condition), *self._suffixes()]
        if self._skip("("):
            self._deeper()
            steps = self._pipeline()
            self._take(")")
            self._depth -= 1
            return [*steps, *self._suffixes()]
        return self._path()

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._refuse("it is nested too deeply")

    def _path(self) -> list[Step]:
        kind, text = self._peek()
        if kind == "field":
            return self._suffixes()
        if (kind, text) == ("sign", "."):
            self._take()
            if self._peek()[0] == "text":
                return [_field(self._string()), *self._suffixes()]
            return self._suffixes()
        raise self._refuse(f"`{text}` is not a path" if text else "it is empty")

    def _suffixes(self) -> list[Step]:
        steps: list[Step] = []
        while True:
            kind, text = self._peek()
            if kind == "field":
                self._take()
                steps.append(_field(text[1:]))
            elif (kind, text) == ("sign", ".") and self._peek(1)[0] == "text":
                self._take()
                steps.append(_field(self._string()))
            elif (kind, text) == ("sign", ".") and self._peek(1) == ("sign", "["):
                self._take()
            elif (kind, text) == ("sign", "["):
                steps.append(self._bracket())
            elif (kind, text) == ("sign", "?"):
                self._take()  # what does not fit is passed over in any case
            else:
                return steps

    def _bracket(self) -> Step:
        self._take("[")
        kind, text = self._take()
        if (kind, text) == ("sign", "]"):
            return _each
        if kind == "text":
            step = _field(_unquoted(text))
        elif kind == "number" and "." not in text:
            step = _index(int(text))
        else:
            raise self._refuse(f"`[{text}` is neither a name, a position nor `[]`")
        self._take("]")
        return step

    def _string(self) -> str:
        return _unquoted(self._take()[1])

    def _any_of(self) -> Condition:
        options = [self._all_of()]
        while self._skip("or"):
            options.append(self._all_of())
        return options[0] if len(options) == 1 else lambda value: any(option(value) for option in options)

    def _all_of(self) -> Condition:
        parts = [self._condition()]
        while self._skip("and"):
            parts.append(self._condition())
        return parts[0] if len(parts) == 1 else lambda value: all(part(value) for part in parts)

    def _condition(self) -> Condition:
        condition = self._plain_condition()
        while self._peek() == ("sign", "|") and self._peek(1) == ("word", "not"):
            self._at += 2
            condition = _negated(condition)
        return condition

    def _plain_condition(self) -> Condition:
        self._deeper()
        if self._skip("("):
            inner = self._any_of()
            self._take(")")
            self._depth -= 1
            return inner
        kind, text = self._peek()
        steps = [] if kind == "word" and text in _TESTS else self._path()
        if steps and self._peek() == ("sign", "|") and self._peek(1)[1] in _TESTS:
            self._take("|")
        self._depth -= 1
        return self._test(steps)

    def _test(self, steps: list[Step]) -> Condition:
        kind, text = self._peek()
        if kind == "word" and text in _TESTS:
            self._take()
            self._take("(")
            operand, verdict = self._constant(), _TESTS[text]
            self._take(")")
        elif kind == "sign" and text in _COMPARISONS:
            self._take()
            operand, verdict = self._constant(), _COMPARISONS[text]
        else:
            return lambda value: any(_truth(found) for _, found in _walk(steps, ((), value)))
        return lambda value: any(verdict(found, operand) for _, found in _walk(steps, ((), value)))

    def _constant(self) -> Any:
        kind, text = self._take()
        if kind == "text":
            return _unquoted(text)
        if kind == "number":
            return float(text) if "." in text else int(text)
        if kind == "word" and text in _CONSTANTS:
            return _CONSTANTS[text]
        raise self._refuse(f"`{text}` is not a constant")


def _negated(condition: Condition) -> Condition:
    return lambda value: not condition(value)


_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _unquoted(text: str) -> str:
    return re.sub(
        r"\\(?:u([0-9a-fA-F]{4})|(.))",
        lambda found: chr(int(found[1], 16)) if found[1] else _ESCAPES.get(found[2], found[2]),
        text[1:-1],
    )
