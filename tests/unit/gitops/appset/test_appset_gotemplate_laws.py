"""Go templates: what Go answers, and what no template may do."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.appset.functions import FUNCTIONS
from gitops.appset.gotemplate import render
from gitops.model.errors import InvalidSpec

# Answers of Go 1.26's text/template with sprig 3.3; null where it refuses.
CORPUS = Path(__file__).parents[3] / "corpora" / "gotemplate.jsonl"
PARAMETERS, *CASES = map(json.loads, CORPUS.read_text().splitlines())


@pytest.mark.parametrize(("template", "answer"), CASES)
def test_a_template_says_what_it_says_in_go(template: str, answer: str | None) -> None:
    if answer is None:
        with pytest.raises(InvalidSpec):
            render(template, PARAMETERS)
    else:
        assert render(template, PARAMETERS) == answer


@pytest.mark.parametrize(
    "template",
    [
        "{{range .f}}x{{end}}",
        "{{range 1000000000000}}{{end}}",
        "{{range 2000}}{{range 2000}}x{{end}}{{end}}",
        '{{$x := "aaaaaaaa"}}' + "{{$x = print $x $x}}" * 60 + "{{$x}}",
        "{{$x := list 1}}" + "{{$x = list $x $x}}" * 60 + "{{$x}}",
        "{{$x := 10}}" + "{{$x = mul $x $x}}" * 60 + "{{$x}}",
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{if .t}}" * 3000 + "{{end}}" * 3000,
        "{{" * 100_000,
        "{{ " + " " * 200_000 + "}}",
        '{{ int "1e999" }}',
        '{{ int "\u00b2" }}',
        '{{ int "' + "9" * 5000 + '" }}',
        "{{ $x, $y, $z := .list }}",
        "{{ range $a, $b, $c := .list }}{{ end }}",
    ],
)
def test_one_that_asks_too_much_is_refused_with_a_reason(template: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        render(template, PARAMETERS)
    assert 0 < len(str(refused.value)) < 2000


PIECES = st.lists(
    st.sampled_from(
        [
            *("{{", "}}", "{{-", "-}}", ".", ".name", ".list", ".n", ".map", "$x", ":=", "=", "|", "(", ")", '"', "`"),
            *("if", "range", "with", "else", "end", "-1", "1.5", "\u00b2", '"a"', "nil", "/*", "*/"),
            *sorted(FUNCTIONS),
        ]
    ),
    max_size=25,
)


@given(PIECES)
def test_any_template_is_filled_in_or_refused(pieces: list[str]) -> None:
    with suppress(InvalidSpec):
        assert isinstance(render(" ".join(pieces), PARAMETERS), str)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(FUNCTIONS)), st.lists(VALUES, max_size=4))
def test_any_function_answers_any_arguments_or_is_refused(name: str, arguments: list[Any]) -> None:
    given = {f"a{number}": value for number, value in enumerate(arguments)}
    with suppress(InvalidSpec):
        assert isinstance(render(f"{{{{ {name} {' '.join('.' + each for each in given)} }}}}", given), str)
