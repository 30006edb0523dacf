"""Version ranges over tags: `1.x`, `~1.2`, `^1.2.3`, `>=1.0 <2.0`, `1.2 - 1.4`, `*`, `a || b`.

As in Argo CD, versions may carry a leading `v`, and pre-releases only count if the range names one.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

_NUMBER = "[0-9]{1,19}"  # what fits the 64 bits that other tools give a number
_VERSION = re.compile(rf"v?({_NUMBER})(?:\.({_NUMBER}))?(?:\.({_NUMBER}))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_PART = rf"(?:{_NUMBER}|[xX*])"
_LONGEST = 512  # characters of a version or a range
_OPERAND = rf"v?{_PART}(?:\.{_PART})?(?:\.{_PART})?(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
_TERM = re.compile(rf"(?P<op>=|!=|>=|=>|<=|=<|>|<|~>|~|\^)?\s*(?P<operand>{_OPERAND})")
_HYPHEN = re.compile(rf"(?P<low>{_OPERAND})\s+-\s+(?P<high>{_OPERAND})")
_GAP = re.compile(r"[\s,]*")

Identifier = tuple[int, int, str]  # numbers before words, each among themselves


class Version(NamedTuple):
    """Compares as semver says: a pre-release comes before its release."""

    core: tuple[int, int, int]
    is_release: bool
    prerelease: tuple[Identifier, ...] = ()


class Span(NamedTuple):
    """All versions v with low <= v < high, of which `prereleases` may be part; `outside` inverts it."""

    low: Version
    high: Version | None
    prereleases: bool = False
    outside: bool = False

    def holds(self, version: Version) -> bool:
        if not version.is_release and not self.prereleases:
            return False
        inside = self.low <= version and (self.high is None or version < self.high)
        return inside is not self.outside


def _identifier(text: str) -> Identifier:
    return (0, int(text), "") if text.isdigit() and len(text) < 20 else (1, 0, text)


def parse_version(text: str) -> Version | None:
    found = _VERSION.fullmatch(text) if len(text) <= _LONGEST else None
    if not found:
        return None
    major, minor, patch, prerelease = found.groups()
    core = (int(major), int(minor or 0), int(patch or 0))
    if not prerelease:
        return Version(core, True)
    return Version(core, False, tuple(_identifier(each) for each in prerelease.split(".")))


def _first(*core: int) -> Version:
    """Before every version of that core, its pre-releases included."""
    padded = (*core, 0, 0, 0)
    return Version((padded[0], padded[1], padded[2]), False)


class _Operand(NamedTuple):
    given: tuple[int, ...]  # the numbers that are not wildcards
    version: Version
    prerelease: bool

    @property
    def after(self) -> Version | None:
        """The first version past everything the operand names."""
        if len(self.given) == 3:
            return Version(self.version.core, self.version.is_release, (*self.version.prerelease, (-1, 0, "")))
        return self.next_at(len(self.given))

    def next_at(self, places: int) -> Version | None:
        if places == 0:
            return None
        head = self.given[:places]
        return _first(*head[:-1], head[-1] + 1)


def _operand(text: str) -> _Operand:
    plain = text.removeprefix("v").partition("+")[0]
    numbers, _, prerelease = plain.partition("-")
    given: list[int] = []
    for part in numbers.split("."):
        if not part.isdigit():
            break
        given.append(int(part))
    core = (*given, 0, 0, 0)
    identifiers = tuple(_identifier(each) for each in prerelease.split(".")) if prerelease else ()
    version = Version((core[0], core[1], core[2]), not prerelease, identifiers)
    return _Operand(tuple(given), version, bool(prerelease))


_LOWEST = _first(0)


def _caret_places(operand: _Operand) -> int:
    """How many leading numbers `^` keeps: up to the first that is not zero."""
    for place, number in enumerate(operand.given, 1):
        if number:
            return place
    return len(operand.given)


def _span(op: str, operand: _Operand) -> Span:
    version, pre, after = operand.version, operand.prerelease, operand.after
    places = len(operand.given)
    match op:
        case ">=" | "=>":
            return Span(version, None, pre)
        case ">":
            return Span(after or version, None, pre)
        case "<":
            return Span(_LOWEST, version, pre)
        case "<=" | "=<":
            return Span(_LOWEST, after, pre)
        case "!=":
            return Span(version, after, pre, outside=True)
        case "~" | "~>":
            return Span(version, operand.next_at(min(2, places)), pre)
        case "^":
            return Span(version, operand.next_at(_caret_places(operand)), pre)
        case _:
            return Span(version, after, pre)


def _spans(text: str) -> tuple[Span, ...] | None:
    hyphen = _HYPHEN.fullmatch(text.strip())
    if hyphen:
        low, high = _operand(hyphen["low"]), _operand(hyphen["high"])
        return (Span(low.version, high.after, low.prerelease or high.prerelease),)
    spans: list[Span] = []
    rest = text.strip()
    while rest:
        term = _TERM.match(rest)
        if not term:
            return None
        spans.append(_span(term["op"] or "=", _operand(term["operand"])))
        behind = rest[term.end() :]
        gap = _GAP.match(behind)
        rest = behind[gap.end() if gap else 0 :]
        if rest and not (gap and gap.group()):
            return None
    # Where one part names a pre-release, all parts beside it may match some.
    prereleases = any(span.prereleases for span in spans)
    return tuple(span._replace(prereleases=prereleases) for span in spans) or None


def parse_range(text: str) -> tuple[tuple[Span, ...], ...] | None:
    """Alternatives of spans that must all hold; None if the text is no range."""
    if len(text) > _LONGEST:
        return None
    alternatives = [_spans(each) for each in text.split("||")]
    if any(each is None for each in alternatives):
        return None
    return tuple(each for each in alternatives if each is not None)


def highest(text: str, tags: Iterable[str]) -> str | None:
    """The tag with the highest version inside the range; None if there is none or the text is no range."""
    alternatives = parse_range(text)
    if alternatives is None:
        return None
    versions = ((parse_version(tag), tag) for tag in tags)
    fitting = [
        (version, tag)
        for version, tag in versions
        if version and any(all(span.holds(version) for span in spans) for spans in alternatives)
    ]
    return max(fitting)[1] if fitting else None
