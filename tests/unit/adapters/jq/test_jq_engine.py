"""jq beside us: it answers as Argo CD's would, and nothing that it is asked can hold anybody else up."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.jq.engine import JqEngine
from gitops.diff.field_removal import removed
from gitops.diff.path_expressions import paths_of
from gitops.model.errors import ExpressionFailed, InvalidSpec

# What `del(expression)` leaves of four objects by gojq 0.12.19, as Argo CD asks it: "same" where nothing goes.
CORPUS = Path(__file__).parents[3] / "corpora" / "jq.jsonl"

ENDLESS = "[limit(100; repeat(1))] | .[] as $x | last(range(1e12)) | empty"
GREEDY = "[range(1e9)] | .[0]"
OBJECT = {"spec": {"replicas": 2, "list": [{"a": 1}, {"a": 2}, {"a": 3}]}}


@pytest.fixture
async def engine() -> AsyncIterator[JqEngine]:
    made = JqEngine(timedelta(milliseconds=300), memory=256 * 1024 * 1024)
    yield made
    await made.close()


async def test_expressions_remove_what_they_remove_in_argo_cd(engine: JqEngine) -> None:
    first, *cases = map(json.loads, CORPUS.read_text().splitlines())
    documents: list[dict[str, Any]] = first["documents"]
    valid = [case["expression"] for case in cases if "left" in case]
    assert len(valid) > 100
    for number, document in enumerate(documents):
        for case in cases:
            if "left" in case:
                paths = paths_of(await engine.paths("app", [case["expression"]], document), document)
                wanted = case["left"][number]
                assert removed(document, paths) == (document if wanted == "same" else wanted), case["expression"]


async def test_what_is_not_jq_is_refused_by_name(engine: JqEngine) -> None:
    cases = map(json.loads, CORPUS.read_text().splitlines()[1:])
    wrong = [case["expression"] for case in cases if case.get("invalid")]
    assert len(wrong) > 10
    for expression in wrong:
        with pytest.raises(InvalidSpec) as refused:
            await engine.check([".spec", expression])
        assert f"`{expression}` is not a jq expression" in str(refused.value)


@pytest.mark.parametrize(("expression", "why"), [(ENDLESS, "more than 0.3 s"), (GREEDY, "cannot be evaluated")])
async def test_one_that_runs_away_is_stopped_and_named_and_the_next_is_answered(
    engine: JqEngine, expression: str, why: str
) -> None:
    with pytest.raises(ExpressionFailed) as failed:
        await engine.paths("bad", [expression], OBJECT)
    assert expression in str(failed.value)
    assert why in str(failed.value)
    assert await engine.paths("good", [".spec.replicas"], OBJECT) == [["spec", "replicas"]]


async def test_what_failed_is_not_tried_again_for_its_author_alone(engine: JqEngine) -> None:
    slow_for_some = "if .slow then (last(range(1e12)) | empty) else .spec end"
    with pytest.raises(ExpressionFailed):
        await engine.paths("bad", [slow_for_some], {"slow": True})
    with pytest.raises(ExpressionFailed):
        await engine.paths("bad", [slow_for_some], OBJECT)  # it would be quick now, but nobody asks
    assert await engine.paths("good", [slow_for_some], OBJECT) == [["spec"]]


async def test_it_is_tried_again_when_its_time_is_over() -> None:
    engine = JqEngine(timedelta(milliseconds=200), refused_for=timedelta(0))
    slow_for_some = "if .slow then (last(range(1e12)) | empty) else .spec end"
    with pytest.raises(ExpressionFailed):
        await engine.paths("bad", [slow_for_some], {"slow": True})
    assert await engine.paths("bad", [slow_for_some], OBJECT) == [["spec"]]
    await engine.close()


async def test_jq_sees_neither_environment_nor_files_nor_other_questions(engine: JqEngine) -> None:
    assert await engine.paths("app", ["if env.HOME then .spec else empty end"], OBJECT) == []
    assert await engine.paths("app", ["if $ENV.PATH then .spec else empty end"], OBJECT) == []
    assert await engine.paths("app", ["input | .spec"], OBJECT) == []
    for reading in ('import "x" as $x; .spec', 'include "x"; .spec', 'import "x" as $x {search: "/"}; .spec'):
        with pytest.raises(InvalidSpec):
            await engine.check([reading])


async def test_an_expression_stays_inside_its_own_brackets(engine: JqEngine) -> None:
    for leaving in (".a) | del(.b", ".a)] | [path(.b", ".a; [path(.b)]; .c", "; [.]; def x:"):
        with pytest.raises(InvalidSpec):
            await engine.check([leaving])


async def test_an_answer_that_is_too_large_is_a_failure_and_not_nothing() -> None:
    engine = JqEngine(timedelta(seconds=60))
    many = {"list": [{"a": 0}] * 2_000}
    with pytest.raises(ExpressionFailed, match="too many places"):
        await engine.paths("app", [", ".join([".list[].a"] * 40)], many)
    await engine.close()


async def test_positions_and_slices_are_counted_from_the_start(engine: JqEngine) -> None:
    async def where(expression: str) -> tuple[Any, ...]:
        return paths_of(await engine.paths("app", [expression], OBJECT), OBJECT)

    assert await where(".spec.list[-1].a") == (("spec", "list", 2, "a"),)
    assert await where(".spec.list[1:]") == (("spec", "list", 1), ("spec", "list", 2))
    assert await where(".spec.list[1:][0].a") == (("spec", "list", 1, "a"),)
    assert await where(".spec.list[1:][-1:]") == (("spec", "list", 2),)
    assert await where(".spec.list[9]") == ()
