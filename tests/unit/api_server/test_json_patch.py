import copy
from typing import Any

import pytest

from api_server.json_patch import apply_json_patch
from gitops.model.errors import InvalidRequest

DOCUMENT = {"spec": {"project": "dev", "list": [1, 2, 3], "a/b": {"m~n": True}}}


def op(kind: str, path: str, **rest: Any) -> dict[str, Any]:
    return {"op": kind, "path": path, **rest}


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ([op("add", "/spec/new", value=1)], {"new": 1}),
        ([op("add", "/spec/list/1", value=9)], {"list": [1, 9, 2, 3]}),
        ([op("add", "/spec/list/-", value=9)], {"list": [1, 2, 3, 9]}),
        ([op("replace", "/spec/list/0", value=None)], {"list": [None, 2, 3]}),
        ([op("remove", "/spec/list/2")], {"list": [1, 2]}),
        ([op("replace", "/spec/a~1b/m~0n", value=False)], {"a/b": {"m~n": False}}),
        ([op("move", "/spec/moved", **{"from": "/spec/project"})], {"moved": "dev", "project": None}),
        ([op("copy", "/spec/copied", **{"from": "/spec/list"})], {"copied": [1, 2, 3]}),
        ([op("test", "/spec/project", value="dev"), op("replace", "/spec/project", value="x")], {"project": "x"}),
    ],
)
def test_operations_do_what_rfc_6902_says(patch: list[Any], expected: dict[str, Any]) -> None:
    before = copy.deepcopy(DOCUMENT)
    after = apply_json_patch(DOCUMENT, patch)
    wanted = {**DOCUMENT["spec"], **expected}
    assert after == {"spec": {key: value for key, value in wanted.items() if value is not None}}
    assert before == DOCUMENT  # what was given is never changed


def test_the_whole_document_can_be_replaced() -> None:
    assert apply_json_patch(DOCUMENT, [op("replace", "", value={"x": 1})]) == {"x": 1}


@pytest.mark.parametrize(
    ("patch", "told"),
    [
        ({}, "a list"),
        ([7], "not an object"),
        ([op("frobnicate", "/x")], "op must be one of"),
        ([op("add", "spec", value=1)], "JSON pointer"),
        ([op("add", "/spec/x")], "`value` is missing"),
        ([op("remove", "/spec/x")], "no `x`"),
        ([op("remove", "/spec/list/3")], "no item 3"),
        ([op("add", "/spec/list/4", value=1)], "ends before"),
        ([op("add", "/spec/list/01", value=1)], "not an index"),
        ([op("add", "/spec/list/-1", value=1)], "not an index"),
        ([op("add", "/spec/project/x", value=1)], "no object and no list"),
        ([op("move", "/spec/list/0", **{"from": "/spec/list"})], "into itself"),
        ([op("test", "/spec/project", value="prod")], "another one"),
        ([op("test", "/spec/project", value="dev"), op("remove", "/no")], "operation 1"),
    ],
)
def test_what_does_not_fit_names_the_operation(patch: Any, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        apply_json_patch(DOCUMENT, patch)


def test_copies_of_copies_are_cut_off() -> None:
    bomb = [op("add", "/x", value={"a": [1] * 50})]
    bomb += [op("copy", f"/x/{n}", **{"from": "/x"}) for n in range(40)]
    with pytest.raises(InvalidRequest, match="copies too much"):
        apply_json_patch({}, bomb)


@pytest.mark.parametrize(
    "operation",
    [{"op": "remove", "path": ""}, {"op": "move", "from": "", "path": ""}, {"op": "move", "from": "", "path": "/a"}],
)
def test_the_document_itself_cannot_be_taken_away(operation: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest, match="operation 0"):
        apply_json_patch({"a": 1}, [operation])
