"""Version ranges over tags."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_server.sources.semver import highest, parse_range, parse_version

# Answers of Masterminds/semver 3.4 for (range, version).
CORPUS = Path(__file__).parents[2] / "corpora" / "semver.jsonl"


def test_a_range_holds_what_it_holds_in_argo_cd() -> None:
    cases = [json.loads(line) for line in CORPUS.read_text().splitlines()]
    assert len(cases) > 400
    for written, version, answer in cases:
        alternatives = parse_range(written)
        if alternatives is None:
            assert answer == "no range", written
            continue
        found = parse_version(version)
        assert found is not None
        holds = any(all(span.holds(found) for span in spans) for spans in alternatives)
        assert holds is answer, (written, version)


def test_one_pre_release_in_a_range_lets_all_its_parts_match_some() -> None:
    assert highest(">=1.2.3 <1.3.0-0", ["1.2.3", "1.2.9-rc.1"]) == "1.2.9-rc.1"


@given(st.text(st.sampled_from("0123456789.x*v-+~^<>=!| ,\u00b2\u0663ab"), max_size=40), st.text(max_size=20))
def test_any_text_is_a_range_or_none(written: str, tag: str) -> None:
    assert highest(written, [tag, written]) in (None, tag, written)


@pytest.mark.parametrize("text", ["9" * 5000, "1." + "9" * 5000, "1.0.0-" + "9" * 5000, "\u00b2.0.0", "\u0663"])
def test_numbers_nobody_could_mean_are_no_versions(text: str) -> None:
    assert parse_version(text) is None
    assert highest(text, [text, "1.0.0"]) is None
