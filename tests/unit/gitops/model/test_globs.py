"""Glob patterns: what the originals answer, and what no pattern may do."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.model.errors import InvalidSpec
from gitops.model.globs import glob, glob_matches, name_glob, name_matches, path_glob
from gitops.model.patterns import LONGEST, Pattern, regex

# Answers of gobwas/glob 0.2.3 (plain, and with `/` as its separator), Go's path.Match and doublestar 4.10.
CORPUS = Path(__file__).parents[3] / "corpora" / "globs.jsonl"

DIALECTS: dict[str, Callable[[str], Pattern]] = {
    "plain": glob,
    "slash": lambda pattern: glob(pattern, "/"),
    "match": name_glob,
    "doublestar": path_glob,
}


def answered() -> Iterator[tuple[str, str, str, bool]]:
    for line in CORPUS.read_text().splitlines():
        dialect, pattern, text, matches = json.loads(line)
        yield dialect, pattern, text, matches


def verdict(dialect: str, pattern: str, text: str) -> bool:
    try:
        return DIALECTS[dialect](pattern).matches(text)
    except InvalidSpec:
        return False


def test_each_dialect_answers_as_its_original() -> None:
    wrong = [case for case in answered() if verdict(*case[:3]) is not case[3]]
    assert wrong == []
    assert len(list(answered())) > 1000


# Seven stars over 63 letters took a backtracking engine 13 seconds; these would take it for ever.
HOSTILE = [
    ("*a" * 30 + "b", "a" * 5000),
    ("*{a,b}" * 100, "ab" * 3000 + "c"),
    ("**a" * 60 + "*b", "a" * 5000),
    ("?*" * 200 + "b", "a" * 5000),
]


@pytest.mark.parametrize(("pattern", "text"), HOSTILE)
def test_no_glob_takes_more_than_one_pass(pattern: str, text: str) -> None:
    assert not glob(pattern).matches(text)
    assert not glob(pattern, "/").matches(text)
    assert not name_glob(pattern).matches(text)


def test_no_path_glob_and_no_regular_expression_takes_more_than_one_pass() -> None:
    assert not path_glob("**/a/" * 50 + "b").matches("/".join("a" * 300))
    assert not regex("(a|aa)+$").occurs_in("a" * 5000 + "b")
    assert not regex("(x+x+)+y").occurs_in("x" * 5000)


@pytest.mark.parametrize("make", [*DIALECTS.values(), regex])
def test_what_is_too_large_is_an_error_that_quotes_no_more_than_its_beginning(make: Callable[[str], Pattern]) -> None:
    with pytest.raises(InvalidSpec, match="longer than") as found:
        make("a" * (LONGEST + 1))
    assert len(str(found.value)) < 200


def test_regular_expressions_that_grow_past_their_memory_are_refused() -> None:
    for written in ("((a{100}){100}){100}", "(", "(?=a)b", r"(a)\1"):
        with pytest.raises(InvalidSpec) as found:
            regex(written)
        assert f"`{written}`" in str(found.value)


def test_braces_that_stand_for_too_many_paths_are_refused() -> None:
    with pytest.raises(InvalidSpec, match="write fewer braces"):
        path_glob("{a,b}" * 20)


@pytest.mark.parametrize("pattern", ["[", "[a", "[]", "[z-a]", "{a", "[a-b-c]"])
def test_a_pattern_that_cannot_be_read_matches_nothing_and_says_why(pattern: str) -> None:
    assert not glob_matches(pattern, pattern)
    with pytest.raises(InvalidSpec) as found:
        glob(pattern)
    assert f"`{pattern}` cannot be used as a pattern" in str(found.value)


MARKS = st.text(st.sampled_from("ab/*?[]{}!^-\\,.é\0\ud800"), max_size=30)


@given(MARKS, MARKS)
def test_any_pattern_is_read_or_refused(pattern: str, text: str) -> None:
    for dialect in DIALECTS:
        assert verdict(dialect, pattern, text) in (True, False)
    assert name_matches(pattern, text) in (True, False)
    with suppress(InvalidSpec):
        regex(pattern).occurs_in(text)


@given(st.text(st.characters(codec="utf-8", exclude_characters="*?[]{}\\,!^"), max_size=30), st.text(max_size=5))
def test_a_plain_text_matches_itself_and_a_star_anything(text: str, more: str) -> None:
    for dialect in DIALECTS:
        assert verdict(dialect, text, text)
    assert glob_matches("*", text + more)
    assert glob_matches("**", text + more, separator="/")
