"""How news from watch and writes is taken in: never backwards, never lost."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.store.feed import ADDED, DELETED, MODIFIED
from adapters.store.kinds import RecordName
from adapters.store.records import News, Records
from gitops.model.errors import InvalidSpec
from gitops.model.resource import Manifest, name_of, resource_version_of

A = RecordName("argocd", "a")


def raw(name: str, version: int, **more: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "argocd", "name": name, "resourceVersion": str(version)}, **more}


def records() -> Records[str]:
    return Records(lambda manifest: f"{name_of(manifest)}@{resource_version_of(manifest)}")


def kinds(news: list[News]) -> list[str]:
    return [f"{each.changed.kind} {each.changed.name.name}" for each in news]


def test_an_answer_to_a_write_is_not_overwritten_by_older_news() -> None:
    found = records()
    found.replace_all([raw("a", 1)], "5")
    assert kinds(found.upsert(raw("a", 9), watched=False)) == ["MODIFIED a"]
    assert found.upsert(raw("a", 7)) == []
    assert found.upsert(raw("a", 9)) == [], "the watch tells of our own write: nothing new"
    assert found.get(A) == "a@9"


def test_what_was_deleted_is_not_brought_back_by_an_older_answer() -> None:
    found = records()
    found.replace_all([raw("a", 1)], "5")
    assert kinds(found.remove(raw("a", 8))) == ["DELETED a"]
    assert found.upsert(raw("a", 7), watched=False) == []
    assert found.get(A) is None
    assert kinds(found.upsert(raw("a", 12))) == ["ADDED a"], "made anew"


def test_a_deletion_older_than_what_is_here_is_of_an_earlier_object() -> None:
    found = records()
    found.upsert(raw("a", 12), watched=False)
    assert found.remove(raw("a", 8)) == []
    assert found.get(A) == "a@12"


def test_a_list_takes_away_what_is_not_in_it_but_not_what_is_newer() -> None:
    found = records()
    found.replace_all([raw("a", 1), raw("b", 2)], "5")
    found.upsert(raw("c", 8), watched=False)
    assert kinds(found.replace_all([raw("b", 6)], "7")) == ["DELETED a", "MODIFIED b"]
    assert [name.name for name in found.names()] == ["b", "c"]


def test_a_list_older_than_what_was_watched_starts_everything_anew() -> None:
    found = records()
    found.replace_all([raw("a", 100), raw("b", 101)], "101")
    news = found.replace_all([raw("a", 40), raw("c", 41)], "50")
    assert kinds(news) == ["DELETED b", "MODIFIED a", "ADDED c"]
    assert found.get(A) == "a@40"
    assert found.version == 50


def test_values_and_bytes_are_made_once_per_version() -> None:
    made: list[str] = []

    def decode(manifest: Manifest) -> str:
        made.append(resource_version_of(manifest))
        return "value"

    found: Records[str] = Records(decode)
    found.upsert(raw("a", 1))
    assert made == []
    assert (found.get(A), found.get(A), found.readable()) == ("value", "value", ["value"])
    assert found.encoded(A) is found.encoded(A)
    found.upsert(raw("a", 2))
    found.get(A)
    assert made == ["1", "2"]


def test_one_record_that_cannot_be_read_hides_no_other() -> None:
    def decode(manifest: Manifest) -> str:
        if name_of(manifest) == "bad":
            raise InvalidSpec("bad: no such field")
        return name_of(manifest)

    found: Records[str] = Records(decode)
    found.replace_all([raw("a", 1), raw("bad", 2)], "2")
    assert found.readable() == ["a"]
    assert list(found.unreadable()) == [RecordName("argocd", "bad")]
    for _ in range(2):
        with pytest.raises(InvalidSpec):
            found.get(RecordName("argocd", "bad"))


# --- the law: whatever the order in which answers and watch events come, the end is the server's state ---

Step = tuple[str, str, int]  # put | delete, name, version


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Step], list[int], list[int]]:
    """A server's history; which of its writes were ours; and when each answer arrives (in watch events)."""
    steps: list[Step] = []
    alive: set[str] = set()
    for version in range(1, draw(st.integers(1, 14)) + 1):
        name = draw(st.sampled_from("abc"))
        verb = "delete" if name in alive and draw(st.booleans()) else "put"
        (alive.discard if verb == "delete" else alive.add)(name)
        steps.append((verb, name, version))
    ours = draw(st.lists(st.integers(0, len(steps) - 1), unique=True))
    arrives = [draw(st.integers(0, len(steps))) for _ in ours]
    return steps, ours, arrives


@given(histories(), st.lists(st.integers(0, 14), max_size=2))
def test_answers_and_events_in_any_order_end_as_the_server_is(
    history: tuple[list[Step], list[int], list[int]], relists: list[int]
) -> None:
    steps, ours, arrives = history
    found = records()
    told: dict[str, str] = {}

    def take(news: list[News]) -> None:
        for changed, _before in news:
            name, version = changed.name.name, resource_version_of(changed.raw)
            assert (changed.kind == ADDED) == (name not in told), "an ADDED is of something new"
            if changed.kind == DELETED:
                del told[name]
            else:
                assert changed.kind in {ADDED, MODIFIED}
                assert int(version) > int(told.get(name, "0")), "never backwards"
                told[name] = version

    take(found.replace_all([], "0"))
    for seen in range(len(steps) + 1):
        if seen:
            verb, name, version = steps[seen - 1]
            take(found.remove(raw(name, version)) if verb == "delete" else found.upsert(raw(name, version)))
        for step, arrival in zip(ours, arrives, strict=True):
            verb, name, version = steps[step]
            if arrival == seen and verb == "put":
                take(found.upsert(raw(name, version), watched=False))
        if seen in relists:
            take(found.replace_all([raw(name, version) for name, version in state(steps[:seen]).items()], str(seen)))
    assert told == {name: str(version) for name, version in state(steps).items()}
    assert [found.get(name) for name in found.names()] == [f"{n}@{v}" for n, v in sorted(state(steps).items())]


def state(steps: list[Step]) -> dict[str, int]:
    now: dict[str, int] = {}
    for verb, name, version in steps:
        if verb == "delete":
            now.pop(name, None)
        else:
            now[name] = version
    return now
