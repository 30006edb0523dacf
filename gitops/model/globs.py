"""Glob patterns in the three dialects that Argo CD's users know, each read as its original reads it.

dialect      where                                                     `*` crosses   `**`             also
glob         policies, projects, sync windows, settings, directories   all but sep.  anything         `[!a-z]` `{a,b}`
name_glob    kinds in projects, directories of ApplicationSets         all but `/`   the same as `*`  `[^a-z]`
path_glob    value files, files of ApplicationSets                     all but `/`   any directories  `[!a-z]` `{a,b}`

Each becomes a regular expression that RE2 matches in linear time. A pattern that cannot be read raises
InvalidSpec; where a match permits it matches nothing, where a match forbids the question is refused.
"""

import re
from functools import lru_cache

from gitops.model.errors import InvalidSpec
from gitops.model.patterns import Pattern, check_length, compiled

_REMEMBERED = 4096
_MOST_ALTERNATIVES = 64
_ANYTHING = "(?s:.)*"


def glob_matches(pattern: str, text: str, *, separator: str = "") -> bool:
    """Whether the whole text matches; for patterns that permit: one that cannot be read matches nothing."""
    try:
        return glob(pattern, separator).matches(text)
    except InvalidSpec:
        return False


def name_matches(pattern: str, text: str) -> bool:
    """As `glob_matches`, with a name pattern."""
    try:
        return name_glob(pattern).matches(text)
    except InvalidSpec:
        return False


def has_wildcard(pattern: str) -> bool:
    return any(mark in pattern for mark in "*?[{\\")


@lru_cache(_REMEMBERED)
def glob(pattern: str, separator: str = "") -> Pattern:
    """gobwas/glob's language."""
    check_length(pattern)
    return compiled(_Glob(pattern, separator).translated(), pattern)


@lru_cache(_REMEMBERED)
def name_glob(pattern: str) -> Pattern:
    """The language of Go's `path.Match`."""
    check_length(pattern)
    return compiled(_Name(pattern).translated(), pattern)


@lru_cache(_REMEMBERED)
def path_glob(pattern: str) -> Pattern:
    """doublestar's language."""
    check_length(pattern)
    expressions = [_Path(each).translated() for each in _alternatives(pattern)]
    return compiled("|".join(f"(?:{each})" for each in expressions), pattern)


class _Reader:
    """A pattern read from left to right; dialects say what each mark means."""

    def __init__(self, pattern: str, separator: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.single = f"[^{re.escape(separator)}]" if separator else "(?s:.)"

    def refuse(self, why: str) -> InvalidSpec:
        return InvalidSpec(f"`{self.pattern}` cannot be used as a pattern: {why}")

    def peek(self, length: int = 1) -> str:
        return self.pattern[self.at : self.at + length]

    def take(self) -> str:
        """The next character; an escape in it is resolved."""
        if self.peek() == "\\":
            self.at += 1
        found = self.peek()
        if not found:
            raise self.refuse("it ends in the middle")
        self.at += 1
        return found

    def skip(self, text: str) -> bool:
        if not self.pattern.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def members(self, *, negations: str) -> str:
        """A class behind its `[`, as Go and doublestar read it, but for what may begin a member."""
        negated = self.peek() != "" and self.peek() in negations
        self.at += negated
        ranges: list[tuple[str, str]] = []
        while self.peek() != "]" or not ranges:
            ranges.append(self.range())
        self.at += 1
        return _class(ranges, negated)

    def range(self) -> tuple[str, str]:
        raise NotImplementedError

    def simple(self, *, negations: str) -> str:
        """The next mark as Go's dialects have it: nothing in it crosses the separator."""
        if self.skip("*"):
            return self.single + "*"
        if self.skip("?"):
            return self.single
        if self.skip("["):
            return self.members(negations=negations)
        return _quoted(self.take())


class _Glob(_Reader):
    """gobwas/glob. Its classes hold either one range or characters, never both."""

    def translated(self) -> str:
        written: list[str] = []
        depth = 0
        while mark := self.peek():
            self.at += 1
            if mark == "*":
                written.append(_ANYTHING if self.skip("*") else self.single + "*")
            elif mark == "?":
                written.append(self.single)
            elif mark == "[":
                written.append(self._class())
            elif mark == "{":
                depth += 1
                written.append("(?:")
            elif mark == "," and depth:
                written.append("|")
            elif mark == "}" and depth:
                depth -= 1
                written.append(")")
            elif mark == "\\":
                written.append(_quoted(self.peek()))
                self.at += 1
            else:
                written.append(_quoted(mark))
        if depth:
            raise self.refuse("a `{` has no `}`")
        return "".join(written)

    def _class(self) -> str:
        negated = self.skip("!")
        if self.peek(2)[1:] == "-" and self.peek() != "":
            low, high = self.peek(), self.peek(3)[2:]
            self.at += 3
            if not high or high < low or not self.skip("]"):
                raise self.refuse(f"`[{low}-{high}` is not a range with its end")
            return _class([(low, high)], negated)
        characters = []
        while self.peek() not in ("]", ""):
            characters.append(self.take())
        if not characters or not self.skip("]"):
            raise self.refuse("a `[` has no `]`, or nothing before it")
        return _class([(each, each) for each in characters], negated)


class _Name(_Reader):
    """Go's `path.Match`."""

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern, "/")

    def translated(self) -> str:
        written: list[str] = []
        while self.peek():
            written.append(self.simple(negations="^"))
        return "".join(written)

    def range(self) -> tuple[str, str]:
        low = self._member()
        return (low, self._member()) if self.skip("-") else (low, low)

    def _member(self) -> str:
        if self.peek() in ("-", "]"):
            raise self.refuse(f"`{self.peek()}` cannot stand there in a `[…]`")
        return self.take()


class _Path(_Reader):
    """doublestar, once its braces are expanded: `**` counts where it is a whole segment."""

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern, "/")

    def translated(self) -> str:
        written: list[str] = []
        while self.peek():
            begins = self.at == 0 or self.pattern[self.at - 1] == "/"
            if self.pattern[self.at :] == "/**":
                written.append(f"(?:/{_ANYTHING})?")
                break
            if self.pattern[self.at :] == "/**/":
                written.append("(?:/(?:[^/]*/)*)?")
                break
            if begins and self.pattern[self.at :] == "**":
                written.append(_ANYTHING)
                break
            if begins and self.skip("**/"):
                written.append("(?:[^/]*/)*")
            else:
                written.append(self.simple(negations="!^"))
        return "".join(written)

    def range(self) -> tuple[str, str]:
        if self.peek() == "]":
            raise self.refuse("a `[…]` is empty")
        low = self.take()
        if self.peek() == "-" and self.peek(2) not in ("-", "-]"):
            self.at += 1
            return low, self.take()
        return low, low


def _alternatives(pattern: str) -> list[str]:
    """A pattern without its braces: `a{b,c}` stands for `ab` and `ac`."""
    unexpanded, expanded = [(pattern, 0)], list[str]()
    while unexpanded:
        each, start = unexpanded.pop()
        opening = _opening_brace(each, start)
        if opening < 0:
            expanded.append(each)
            continue
        options, closing = _options(each, opening + 1)
        unexpanded += [(each[:opening] + option + each[closing + 1 :], opening) for option in reversed(options)]
        if len(unexpanded) + len(expanded) > _MOST_ALTERNATIVES:
            raise InvalidSpec(f"`{pattern}` stands for more than {_MOST_ALTERNATIVES} patterns; write fewer braces")
    return expanded


def _opening_brace(pattern: str, at: int) -> int:
    """Where the first brace is that is neither escaped nor in a class; -1 if there is none."""
    in_class = False
    while at < len(pattern):
        mark = pattern[at]
        if mark == "\\":
            at += 1
        elif mark == "[":
            in_class = True
        elif mark == "]":
            in_class = False
        elif mark == "{" and not in_class:
            return at
        at += 1
    return -1


def _options(pattern: str, begin: int) -> tuple[list[str], int]:
    """What stands between commas up to the closing brace, and where that is."""
    options, depth, at = list[str](), 1, begin
    while at < len(pattern):
        mark = pattern[at]
        if mark == "\\":
            at += 1
        elif mark == "{":
            depth += 1
        elif mark == "}":
            depth -= 1
        if (mark == "," and depth == 1) or depth == 0:
            options.append(pattern[begin:at])
            begin = at + 1
        if not depth:
            return options, at
        at += 1
    raise InvalidSpec(f"`{pattern}` cannot be used as a pattern: a `{{` has no `}}`")


def _class(ranges: list[tuple[str, str]], negated: bool) -> str:
    # A range that runs backwards holds nothing.
    held = [(low, high) for low, high in ranges if low <= high]
    if not held:
        return "(?s:.)" if negated else r"[^\x00-\x{10FFFF}]"
    inside = "".join(f"{_point(low)}-{_point(high)}" for low, high in held)
    return f"[{'^' if negated else ''}{inside}]"


def _point(character: str) -> str:
    return rf"\x{{{ord(character):X}}}"


def _quoted(text: str) -> str:
    return "".join(each if each.isalnum() and each.isascii() else _point(each) for each in text)
