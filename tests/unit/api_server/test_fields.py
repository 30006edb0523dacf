from typing import Any

import pytest

from api_server.applications.selection import Selection, parse_selector
from api_server.fields import Fields
from gitops.model.errors import InvalidRequest

ANSWER = {
    "metadata": {"resourceVersion": "7"},
    "items": [
        {"metadata": {"name": "a", "uid": "1"}, "spec": {"project": "dev"}, "status": {"sync": {"status": "Synced"}}},
        {"metadata": {"name": "b", "uid": "2"}, "spec": {"project": "dev"}},
    ],
}


def chosen(text: str) -> Any:
    fields = Fields.parse(text)
    return fields.applied(ANSWER) if fields else ANSWER


def test_named_parts_are_kept_in_every_item() -> None:
    assert chosen("items.metadata.name,items.status.sync.status") == {
        "items": [{"metadata": {"name": "a"}, "status": {"sync": {"status": "Synced"}}}, {"metadata": {"name": "b"}}]
    }


def test_with_a_minus_all_but_the_named_parts_are_kept() -> None:
    left = chosen("-items.spec,items.metadata.uid")
    assert left["metadata"] == ANSWER["metadata"]
    assert left["items"][1] == {"metadata": {"name": "b"}}


def test_a_whole_beats_its_parts() -> None:
    assert chosen("items.metadata.name,items.metadata,items.metadata.uid")["items"][1] == {
        "metadata": {"name": "b", "uid": "2"}
    }


def test_nothing_asked_is_everything() -> None:
    assert Fields.parse(" ") is None


@pytest.mark.parametrize(
    ("selector", "labels", "wanted"),
    [
        ("env=dev", {"env": "dev"}, True),
        ("env==dev,tier!=web", {"env": "dev", "tier": "api"}, True),
        ("env=dev,tier!=web", {"env": "dev", "tier": "web"}, False),
        ("env in (dev, stage)", {"env": "stage"}, True),
        ("env notin (dev)", {}, True),
        ("env notin (dev)", {"env": "dev"}, False),
        ("env", {"env": ""}, True),
        ("!env", {"env": ""}, False),
        ("env in (a,b),team=x", {"env": "b", "team": "x"}, True),
        ("", {}, True),
    ],
)
def test_selectors_are_those_of_kubernetes(selector: str, labels: dict[str, str], wanted: bool) -> None:
    selected = Selection(labels=parse_selector(selector))
    assert selected.wants({"metadata": {"name": "x", "labels": labels}, "spec": {}}) is wanted


@pytest.mark.parametrize("selector", ["a b", "=x", "env in dev", "env>3", "a=b=c"])
def test_a_selector_that_is_none_is_refused_not_ignored(selector: str) -> None:
    with pytest.raises(InvalidRequest, match="not a label selector"):
        parse_selector(selector)


def test_repositories_are_compared_by_what_they_are_not_how_they_are_written() -> None:
    app = {"metadata": {"name": "x"}, "spec": {"sources": [{"repoURL": "https://Git.example.com/a/b.git"}]}}
    assert Selection(repo="https://git.example.com/a/b").wants(app)
    assert not Selection(repo="https://git.example.com/a/c").wants(app)
