"""Cron schedules as sync windows read them."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.model.errors import InvalidSpec
from gitops.sync.cron import parse_schedule

# What robfig/cron 3, with the five fields Argo CD gives it, makes of a schedule; null where it refuses.
CORPUS = Path(__file__).parents[3] / "corpora" / "cron.jsonl"


def test_a_schedule_means_what_it_means_in_argo_cd() -> None:
    cases: list[tuple[str, dict[str, Any] | None]] = [json.loads(line) for line in CORPUS.read_text().splitlines()]
    assert len(cases) > 250
    for text, fields in cases:
        if fields is None:
            with pytest.raises(InvalidSpec):
                parse_schedule(text)
            continue
        made = parse_schedule(text)
        assert {name: getattr(made, name) for name in fields} == {
            name: frozenset(value) if isinstance(value, list) else value for name, value in fields.items()
        }, text


@given(st.text(st.sampled_from("0123456789*/-,? ajnL\u00b2\u0663@"), max_size=40))
def test_any_text_is_a_schedule_or_refused(text: str) -> None:
    with suppress(InvalidSpec):
        parse_schedule(text)


@pytest.mark.parametrize(
    "text", ["\u00b2 * * * *", "9" * 5000 + " * * * *", "*/" + "9" * 5000 + " * * * *", "1," * 9000]
)
def test_numbers_nobody_could_mean_are_refused_in_few_words(text: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_schedule(text)
    assert len(str(refused.value)) < 6000
