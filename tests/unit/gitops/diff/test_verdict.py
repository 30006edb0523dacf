"""The verdict is the diff; the diff as people see it holds no secret."""

import base64
from typing import Any

import orjson
import pytest

from gitops.diff.render import diff_lines, masked, masked_changes, masked_one
from gitops.diff.verdict import ABSENT, FieldChange, difference
from gitops.manifest.annotations import LAST_APPLIED


def an_object(**content: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "a"}, **content}


def changes(live: Any, predicted: Any) -> list[tuple[str, Any, Any]]:
    found = difference(an_object(spec=live), an_object(spec=predicted)).changes
    return [(each.path, each.live, each.predicted) for each in found]


CASES: dict[str, tuple[Any, Any, list[tuple[str, Any, Any]]]] = {
    "equal": ({"a": [1, {"b": "c"}]}, {"a": [1, {"b": "c"}]}, []),
    "a value": ({"a": 1}, {"a": 2}, [(".spec.a", 1, 2)]),
    "a field more": ({}, {"a": 1}, [(".spec.a", ABSENT, 1)]),
    "a field less": ({"a": {"b": 1}}, {"a": {}}, [(".spec.a.b", 1, ABSENT)]),
    "true is not one": ({"a": 1}, {"a": True}, [(".spec.a", 1, True)]),
    "a number written otherwise": ({"a": 1}, {"a": 1.0}, []),
    "a name that needs quotes": ({"x/y": 1}, {"x/y": 2}, [('.spec["x/y"]', 1, 2)]),
    "another type": ({"a": {}}, {"a": []}, [(".spec.a", {}, [])]),
    "a plain list": ({"a": [1, 2]}, {"a": [1, 3, 4]}, [(".spec.a[1]", 2, 3), (".spec.a[2]", ABSENT, 4)]),
    "items by name": (
        {"a": [{"name": "x", "v": 1}, {"name": "y", "v": 1}]},
        {"a": [{"name": "w", "v": 0}, {"name": "x", "v": 1}, {"name": "y", "v": 2}]},
        [(".spec.a[1].v", 1, 2), (".spec.a[0]", ABSENT, {"name": "w", "v": 0})],
    ),
    "an item less": (
        {"a": [{"name": "x"}, {"name": "y"}]},
        {"a": [{"name": "y"}]},
        [(".spec.a[0]", {"name": "x"}, ABSENT)],
    ),
    "another order": (
        {"a": [{"name": "x"}, {"name": "y"}]},
        {"a": [{"name": "y"}, {"name": "x"}]},
        [(".spec.a", [{"name": "x"}, {"name": "y"}], [{"name": "y"}, {"name": "x"}])],
    ),
    "names twice": (
        {"a": [{"name": "x", "v": 1}, {"name": "x", "v": 2}]},
        {"a": [{"name": "x", "v": 1}, {"name": "x", "v": 3}]},
        [(".spec.a[1].v", 2, 3)],
    ),
}


@pytest.mark.parametrize(("live", "predicted", "expected"), CASES.values(), ids=CASES.keys())
def test_what_would_change(live: Any, predicted: Any, expected: list[Any]) -> None:
    assert changes(live, predicted) == expected


def test_what_the_server_keeps_about_an_object_is_no_difference() -> None:
    live = an_object(status={"phase": "Bound"}, spec={"a": 1})
    live["metadata"] |= {"uid": "1", "resourceVersion": "5", "managedFields": [], "annotations": {LAST_APPLIED: "{}"}}
    assert not difference(live, an_object(spec={"a": 1}))
    labelled = an_object(spec={"a": 1})
    labelled["metadata"]["labels"] = {"a": "b"}
    assert difference(live, labelled).changes == (FieldChange(".metadata.labels", ABSENT, {"a": "b"}),)


def secret(field: str = "data", annotations: Any = None, **values: str) -> dict[str, Any]:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    metadata: dict[str, Any] = {"name": "s"}
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, field: encoded}


def test_masks_tell_equal_from_different_and_nothing_else() -> None:
    desired, live = secret(a="hunter2", b="same", only="new"), secret(a="longer than before", b="same")
    shown_desired, shown_live, shown_predicted = masked(desired, live, desired)
    assert shown_desired is not None
    assert shown_live is not None
    assert shown_desired["data"]["b"] == shown_live["data"]["b"] == shown_desired["data"]["only"]
    assert shown_desired["data"]["a"] != shown_live["data"]["a"]
    assert shown_predicted == shown_desired
    assert {character for value in shown_live["data"].values() for character in value} == {"+"}
    assert desired["data"]["a"] == base64.b64encode(b"hunter2").decode()


def test_the_record_of_the_last_apply_is_masked_alike() -> None:
    record = orjson.dumps(secret(a="hunter2")).decode()
    live = secret(annotations={LAST_APPLIED: record, "keep": "me"}, a="hunter2")
    shown = masked_one(live)
    recorded = orjson.loads(shown["metadata"]["annotations"][LAST_APPLIED])
    assert recorded["data"]["a"] == shown["data"]["a"]
    assert shown["metadata"]["annotations"]["keep"] == "me"
    broken = masked_one(secret(annotations={LAST_APPLIED: "{hunter2"}, a="x"))
    assert "hunter2" not in str(broken)


def test_annotations_named_in_the_settings_are_masked_on_any_kind() -> None:
    live = an_object()
    live["metadata"]["annotations"] = {"token": "hunter2", "note": "fine"}
    shown = masked_one(live, frozenset({"token"}))
    assert shown["metadata"]["annotations"] == {"token": "++++++++", "note": "fine"}
    assert masked_one(an_object(spec={"a": 1})) == an_object(spec={"a": 1})


def test_changes_of_secrets_are_masked() -> None:
    live, predicted = secret(a="hunter2"), secret(a="hunter3", b="more")
    shown = masked_changes(live, difference(live, predicted).changes)
    assert [(each.path, each.live, each.predicted) for each in shown] == [
        (".data.a", "++++++++", "++++++++++++"),
        (".data.b", ABSENT, "++++++++"),
    ]
    whole = masked_changes(live, (FieldChange(".data", ABSENT, {"a": "aHVudGVyMg=="}),))
    assert whole[0].predicted == {"a": "++++++++"}
    plain = (FieldChange(".spec.a", 1, 2),)
    assert masked_changes(an_object(), plain) == plain


def test_lines_of_a_diff() -> None:
    shared = {"x": 1}
    lines = diff_lines(an_object(spec={"a": shared, "b": shared}), an_object(spec={"a": shared, "b": {"x": 2}}))
    assert lines[0].startswith("--- live")
    assert "-    x: 1" in lines
    assert "+    x: 2" in lines
    assert not any("&" in line for line in lines)
    assert diff_lines(an_object(), an_object(status={"x": 1})) == []
    assert all(line.startswith("+") for line in diff_lines(None, an_object())[3:])
