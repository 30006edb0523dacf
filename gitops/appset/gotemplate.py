"""The part of Go's text/template that ApplicationSets use; anything else is refused by name.

Parsing makes a tree of nodes, rendering walks it over the parameters. Templates see nothing but the
parameters and the functions of `functions.FUNCTIONS`.
"""

import re
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from gitops.appset.functions import FUNCTIONS, is_true, shown
from gitops.model.errors import InvalidSpec

_TOKEN = re.compile(
    r"\s*(?:(?P<string>\"(?:[^\"\\]|\\.)*\"|`[^`]*`)|(?P<number>-?\d+(?:\.\d+)?)|(?P<assign>:?=)"
    r"|(?P<variable>\$\w*(?:\.\w+)*)|(?P<field>\.(?:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)?)|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<mark>[|(),]))"
)
_LONGEST_TEMPLATE = 256 * 1024
_LONGEST_RESULT = 1024 * 1024
_LONGEST_ACTION = 10_000
_BUDGET = 1_000_000  # what one rendering may do: rounds of its `range`s, and what its functions make

# What values of the wrong kind or size do to the functions and to Python; said to the author instead.
_MISUSES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class Text(msgspec.Struct, frozen=True):
    text: str


class Path(msgspec.Struct, frozen=True):
    """`.a.b`, or the same below a variable."""

    names: tuple[str, ...]
    variable: str = ""


class Literal(msgspec.Struct, frozen=True):
    value: Any


class Call(msgspec.Struct, frozen=True):
    function: str
    arguments: tuple["Expression", ...]


Expression = Path | Literal | Call


class Show(msgspec.Struct, frozen=True):
    value: Expression


class Assign(msgspec.Struct, frozen=True):
    variable: str
    value: Expression
    declares: bool


class Block(msgspec.Struct, frozen=True):
    """`if`, `with` or `range`, with what follows its `else`."""

    kind: str
    variables: tuple[str, ...]
    subject: Expression
    body: tuple["Node", ...]
    otherwise: tuple["Node", ...]


Node = Text | Show | Assign | Block


def render(template: str, parameters: Mapping[str, Any], *, missing_is_error: bool = False) -> str:
    """Raises InvalidSpec for what the template or its parameters do not allow."""
    if "{{" not in template:
        return template
    if len(template) > _LONGEST_TEMPLATE:
        raise InvalidSpec(f"template `{_short(template)}` is longer than {_LONGEST_TEMPLATE} characters")
    try:
        scope = _Scope(parameters, ChainMap({"$": parameters}), missing_is_error, _Budget())
        return _joined(_rendered(parse(template), scope), template)
    except _MISUSES as error:
        raise InvalidSpec(f"template `{_short(template)}` cannot be filled in: {error}") from error


def _joined(pieces: Iterator[str], template: str) -> str:
    found, length = list[str](), 0
    for piece in pieces:
        found.append(piece)
        length += len(piece)
        if length > _LONGEST_RESULT:
            raise InvalidSpec(f"template `{_short(template)}` makes more than {_LONGEST_RESULT} characters")
    return "".join(found)


def _short(template: str) -> str:
    return template if len(template) <= 200 else template[:200] + "…"


# --- parsing -------------------------------------------------------------------------------------------


@lru_cache(maxsize=2048)
def parse(template: str) -> tuple[Node, ...]:
    pieces = _Pieces(list(_split(template)), template)
    nodes, closer = pieces.nodes()
    if closer:
        raise InvalidSpec(f"template `{template}`: `{closer}` without a block before it")
    return nodes


def _split(template: str) -> Iterator[tuple[bool, str]]:
    """Text and actions in turn; a dash beside a brace eats the white space on its side."""
    at, eat = 0, False
    while (opening := template.find("{{", at)) >= 0:
        closing = template.find("}}", opening + 2)
        if closing < 0:
            raise InvalidSpec(f"template `{_short(template)}`: a `{{{{` has no `}}}}`")
        action, text = template[opening + 2 : closing], template[at:opening]
        if len(action) > _LONGEST_ACTION:
            raise InvalidSpec(f"template action `{_short(action)}` is longer than {_LONGEST_ACTION} characters")
        text = text.lstrip() if eat else text
        left, eat = action[:1] == "-" and action[1:2].isspace(), action[-1:] == "-" and action[-2:-1].isspace()
        yield False, text.rstrip() if left else text
        yield True, action[left : len(action) - eat].strip()
        at = closing + 2
    rest = template[at:]
    yield False, rest.lstrip() if eat else rest


class _Pieces:
    """The pieces of one template, consumed from the front."""

    def __init__(self, pieces: list[tuple[bool, str]], template: str) -> None:
        self._pieces = pieces
        self._at = 0
        self._template = template

    def nodes(self) -> tuple[tuple[Node, ...], str]:
        """Nodes up to the end or to an `end` or `else`, which is returned too."""
        found: list[Node] = []
        while self._at < len(self._pieces):
            is_action, text = self._pieces[self._at]
            self._at += 1
            if not is_action:
                found += [Text(text)] if text else []
                continue
            word = text.partition(" ")[0]
            if word in ("end", "else"):
                return tuple(found), text
            if not text.startswith("/*"):
                found.append(self._block(text) if word in ("if", "with", "range") else _statement(text))
        return tuple(found), ""

    def _block(self, text: str) -> Block:
        kind, _, head = text.partition(" ")
        variables, subject = _head(head)
        if len(variables) > (2 if kind == "range" else 1):
            raise InvalidSpec(f"template action `{_short(text)}` names too many variables")
        body, closer = self.nodes()
        otherwise: tuple[Node, ...] = ()
        if closer.startswith("else "):
            otherwise = (self._block(closer.removeprefix("else ").strip()),)  # `else if` shares the `end`
        elif closer == "else":
            otherwise, closer = self.nodes()
        if not closer:
            raise InvalidSpec(f"template `{self._template}`: `{text}` has no `end`")
        return Block(kind, variables, subject, body, otherwise)


def _head(text: str) -> tuple[tuple[str, ...], Expression]:
    names, assign, value = text.partition(":=")
    if not assign:
        return (), _expression(text)
    return tuple(name.strip() for name in names.split(",")), _expression(value)


def _statement(text: str) -> Show | Assign:
    if found := re.match(r"(\$\w+)\s*(:?)=\s*", text):
        return Assign(found[1], _expression(text[found.end() :]), bool(found[2]))
    return Show(_expression(text))


def _expression(text: str) -> Expression:
    tokens = list(_tokens(text))
    value, rest = _pipeline(tokens, text)
    if rest:
        raise InvalidSpec(f"template action `{text}` cannot be read at `{rest[0][1]}`")
    return value


_Token = tuple[str, str]


def _tokens(text: str) -> Iterator[_Token]:
    at, end = 0, len(text.rstrip())
    while at < end:
        token = _TOKEN.match(text, at)
        if token is None or token.lastgroup is None:
            raise InvalidSpec(f"template action `{text}` cannot be read at `{text[at:].strip()}`")
        yield token.lastgroup, token[token.lastgroup]
        at = token.end()


def _pipeline(tokens: list[_Token], text: str) -> tuple[Expression, list[_Token]]:
    value, rest = _command(tokens, text, piped=None)
    while rest and rest[0] == ("mark", "|"):
        value, rest = _command(rest[1:], text, piped=value)
    return value, rest


def _command(tokens: list[_Token], text: str, piped: Expression | None) -> tuple[Expression, list[_Token]]:
    if not tokens:
        raise InvalidSpec(f"template action `{text}` is not complete")
    (kind, word), last = tokens[0], () if piped is None else (piped,)
    if kind == "word" and word not in _CONSTANTS:
        if word not in FUNCTIONS:
            raise InvalidSpec(f"template function `{word}` (in `{text}`) is not supported; {_KNOWN}")
        arguments, rest = _operands(tokens[1:], text)
        return Call(word, (*arguments, *last)), rest
    value, rest = _operand(tokens, text)
    if piped is not None:
        raise InvalidSpec(f"template action `{text}` pipes into `{word}`, which is not a function")
    return value, rest


def _operands(tokens: list[_Token], text: str) -> tuple[list[Expression], list[_Token]]:
    found: list[Expression] = []
    while tokens and tokens[0] not in (("mark", "|"), ("mark", ")")):
        value, tokens = _operand(tokens, text)
        found.append(value)
    return found, tokens


_CONSTANTS: Mapping[str, Any] = {"true": True, "false": False, "nil": None}
_KNOWN = "supported are " + ", ".join(sorted(FUNCTIONS))


def _operand(tokens: list[_Token], text: str) -> tuple[Expression, list[_Token]]:
    (kind, word), rest = tokens[0], tokens[1:]
    match kind:
        case "string":
            return Literal(word[1:-1] if word[0] == "`" else _unescaped(word, text)), rest
        case "number":
            return Literal(float(word) if "." in word else int(word)), rest
        case "field":
            return Path(tuple(each for each in word.split(".") if each)), rest
        case "variable":
            name, *names = word.split(".")
            return Path(tuple(names), name), rest
        case "word" if word in _CONSTANTS:
            return Literal(_CONSTANTS[word]), rest
        case "word" if word in FUNCTIONS:
            return Call(word, ()), rest
        case "mark" if word == "(":
            value, rest = _pipeline(rest, text)
            if not rest or rest[0] != ("mark", ")"):
                raise InvalidSpec(f"template action `{text}` lacks a `)`")
            return value, rest[1:]
    raise InvalidSpec(f"template action `{text}` cannot be read at `{word}`")


def _unescaped(literal: str, text: str) -> str:
    try:
        return msgspec.json.decode(literal, type=str)
    except msgspec.DecodeError as error:
        raise InvalidSpec(f"template action `{text}`: {literal} is not a string") from error


# --- rendering -----------------------------------------------------------------------------------------


class _Budget:
    """What one rendering may still do: values can be made of values, so that few actions could make a lot."""

    def __init__(self) -> None:
        self._left = _BUDGET

    def spend(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise InvalidSpec("the template does too much; its `range`s or what its functions make are too large")

    def take(self, value: Any) -> Any:
        """A value a function made, paid for by its size."""
        unpaid = [value]
        while unpaid:
            each = unpaid.pop()
            self.spend(1 + len(each) // 8 if isinstance(each, str) else 1)
            if isinstance(each, int) and each.bit_length() > 64:
                raise ValueError("a number does not fit into 64 bits")
            if isinstance(each, Mapping):
                unpaid += each.values()
            elif isinstance(each, list | tuple):
                unpaid += each
        return value


class _Scope(msgspec.Struct, frozen=True):
    dot: Any
    variables: ChainMap[str, Any]  # of this block, then of those around it
    missing_is_error: bool
    budget: _Budget

    def at(self, dot: Any, names: Sequence[str] = (), values: Sequence[Any] = ()) -> "_Scope":
        inner = self.variables.new_child(dict(zip(names, values, strict=True)))
        return _Scope(dot, inner, self.missing_is_error, self.budget)

    def assign(self, name: str, value: Any) -> None:
        """Where the variable was declared, also outside of this block."""
        declared = next((each for each in self.variables.maps if name in each), None)
        if declared is None:
            raise InvalidSpec(f"template variable `{name}` is not defined")
        declared[name] = value


def _rendered(nodes: tuple[Node, ...], scope: _Scope) -> Iterator[str]:
    for node in nodes:
        match node:
            case Text(text):
                yield text
            case Show(value):
                yield shown(_value(value, scope))
            case Assign(name, value, declares=True):
                scope.variables[name] = _value(value, scope)
            case Assign(name, value):
                scope.assign(name, _value(value, scope))
            case Block("range"):
                yield from _rendered_range(node, scope)
            case Block():
                yield from _rendered_choice(node, scope)


def _rendered_choice(block: Block, scope: _Scope) -> Iterator[str]:
    subject = _value(block.subject, scope)
    if not is_true(subject):
        yield from _rendered(block.otherwise, scope)
        return
    names = block.variables[:1]
    dot = subject if block.kind == "with" else scope.dot
    yield from _rendered(block.body, scope.at(dot, names, (subject,) * len(names)))


def _rendered_range(block: Block, scope: _Scope) -> Iterator[str]:
    subject = _value(block.subject, scope)
    empty = True
    for key, item in _items(subject):
        empty = False
        scope.budget.spend(1)
        values = (key, item) if len(block.variables) == 2 else (item,) * len(block.variables)
        yield from _rendered(block.body, scope.at(item, block.variables, values))
    if empty:
        yield from _rendered(block.otherwise, scope)


def _items(subject: Any) -> Iterable[tuple[Any, Any]]:
    """What Go's `range` goes over: a map by its sorted keys, a list, a whole number from zero on."""
    if subject is None:
        return ()
    if isinstance(subject, Mapping):
        return sorted(subject.items())
    if isinstance(subject, list | tuple):
        return enumerate(subject)
    if isinstance(subject, int) and not isinstance(subject, bool):
        return ((number, number) for number in range(subject))
    raise InvalidSpec(f"`range` cannot go over {shown(subject)[:40]}; it wants a list, a map or a whole number")


def _value(expression: Expression, scope: _Scope) -> Any:
    match expression:
        case Literal(value):
            return value
        case Path(names, variable):
            return _found(names, variable, scope)
        case Call(name, arguments):
            return scope.budget.take(_called(name, [_value(each, scope) for each in arguments]))


def _found(names: tuple[str, ...], variable: str, scope: _Scope) -> Any:
    if variable and variable not in scope.variables:
        raise InvalidSpec(f"template variable `{variable}` is not defined")
    value = scope.variables[variable] if variable else scope.dot
    is_missing = False  # what is below something that is not there is not there either
    for name in names:
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif scope.missing_is_error or not (is_missing or isinstance(value, Mapping)):
            raise InvalidSpec(f"template parameter `{variable}.{'.'.join(names)}` is not there")
        else:
            value, is_missing = None, True
    return value


def _called(name: str, arguments: list[Any]) -> Any:
    try:
        return FUNCTIONS[name](*arguments)
    except _MISUSES as error:
        raise InvalidSpec(f"template function `{name}` refuses its arguments: {error}") from error
