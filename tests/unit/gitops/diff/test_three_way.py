"""The fallback without server-side apply, and taking over from those who applied before."""

from typing import Any

import orjson

from gitops.diff.takeover import predict_takeover, taken_over
from gitops.diff.three_way import last_applied, merge_patch, predict, three_way_patch
from gitops.manifest.annotations import LAST_APPLIED

Manifest = dict[str, Any]


def custom(spec: Any, applied: Any = None, **metadata: Any) -> Manifest:
    found: Manifest = {"apiVersion": "x.io/v1", "kind": "X", "metadata": {"name": "x", **metadata}, "spec": spec}
    if applied is not None:
        record = orjson.dumps({**found, "spec": applied}).decode()
        found["metadata"] = {**found["metadata"], "annotations": {LAST_APPLIED: record}}
    return found


def pod_template(containers: list[Manifest], applied: list[Manifest] | None = None) -> Manifest:
    found: Manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}}
    if applied is not None:
        found["metadata"]["annotations"] = {LAST_APPLIED: orjson.dumps(pod_template(applied)).decode()}
    return {**found, "spec": {"template": {"spec": {"containers": containers}}}}


def containers_of(manifest: Any) -> list[Manifest]:
    found: list[Manifest] = manifest["spec"]["template"]["spec"]["containers"]
    return found


def test_dropped_fields_go_foreign_fields_stay() -> None:
    live = custom({"ours": 1, "dropped": 2, "foreign": 3}, applied={"ours": 1, "dropped": 2})
    assert predict(custom({"ours": 9}), live)["spec"] == {"ours": 9, "foreign": 3}


def test_without_a_record_nothing_is_removed() -> None:
    for record in ("", "{", "[]"):
        live = custom({"a": 1, "b": 2}, annotations={LAST_APPLIED: record})
        assert last_applied(live) == {}
        assert predict(custom({"a": 3}), live)["spec"] == {"a": 3, "b": 2}


def test_lists_of_custom_resources_are_replaced() -> None:
    live = custom({"list": [{"name": "a", "more": 1}]})
    assert predict(custom({"list": [{"name": "a"}]}), live)["spec"]["list"] == [{"name": "a"}]


def test_known_lists_of_built_in_kinds_merge_by_key_in_desired_order() -> None:
    live = pod_template(
        [{"name": "mesh", "image": "m"}, {"name": "a", "image": "a:1", "policy": "x"}, {"name": "gone"}, {"name": "b"}],
        applied=[{"name": "a"}, {"name": "gone"}, {"name": "b"}],
    )
    predicted = predict(pod_template([{"name": "new"}, {"name": "b"}, {"name": "a", "image": "a:2"}]), live)
    assert containers_of(predicted) == [
        {"name": "mesh", "image": "m"},
        {"name": "new"},
        {"name": "b"},
        {"name": "a", "image": "a:2", "policy": "x"},
    ]


def test_what_the_server_filled_in_is_no_change() -> None:
    desired = pod_template(
        [
            {
                "name": "a",
                "args": [],
                "resources": {"requests": {"cpu": "1000m"}},
                "env": [{"name": "A", "value": ""}, {"name": "A", "value": "2"}],
                "envFrom": [{"configMapRef": {"name": "c"}}],
            }
        ]
    )
    live = pod_template(
        [
            {
                "name": "a",
                "resources": {"requests": {"cpu": "1"}},
                "env": [{"name": "A"}, {"name": "A", "value": "2"}],
                "envFrom": [{"configMapRef": {"name": "c", "optional": False}}],
            }
        ]
    )
    assert predict(desired, live) == live


def test_null_removes_from_custom_resources() -> None:
    assert predict(custom({"a": None}), custom({"a": 1, "b": 2}))["spec"] == {"b": 2}


def test_the_patch_brings_live_to_the_prediction_and_records_what_was_applied() -> None:
    live = custom({"ours": 1, "dropped": {"x": 1}, "foreign": 3}, applied={"ours": 1, "dropped": {"x": 1}})
    desired = custom({"ours": {"deep": [1]}})
    patch = three_way_patch(desired, live)
    assert patch is not None
    assert patch["spec"] == {"dropped": None, "ours": {"deep": [1]}}
    assert orjson.loads(patch["metadata"]["annotations"][LAST_APPLIED])["spec"] == {"ours": {"deep": [1]}}


def test_no_patch_when_nothing_is_to_do() -> None:
    desired = custom({"a": 1})
    live = custom({"a": 1, "foreign": 2}, applied={"a": 1})
    assert three_way_patch(desired, live) is None


def test_a_record_too_large_for_an_annotation_is_left_out() -> None:
    patch = three_way_patch(custom({"a": "x" * 250_000}), custom({}))
    assert patch is not None
    assert "metadata" not in patch


def test_merge_patch() -> None:
    assert merge_patch({"a": 1, "b": {"c": 1, "d": 2}}, {"b": {"c": 1, "e": [1]}}) == {
        "a": None,
        "b": {"d": None, "e": [1]},
    }
    assert merge_patch({"a": 1}, {"a": True}) == {"a": True}


def entry(manager: str, operation: str, fields: Manifest, **more: Any) -> Manifest:
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "x.io/v1",
        "time": "t",
        "fieldsV1": fields,
        **more,
    }


def test_legacy_ownership_becomes_ours_and_others_keep_theirs() -> None:
    theirs = entry("kubectl-client-side-apply", "Update", {"f:spec": {"f:a": {}}})
    ours = entry("argocd-controller", "Apply", {"f:spec": {"f:b": {}}})
    editor = entry("kubectl-edit", "Update", {"f:spec": {"f:c": {}}})
    scale = entry("helm", "Update", {"f:spec": {"f:d": {}}}, subresource="scale")
    found = taken_over(custom({}, managedFields=[theirs, editor, ours, scale]))
    assert found is not None
    assert found[:2] == [editor, scale]
    assert len(found) == 3
    assert (found[2]["manager"], found[2]["operation"]) == ("argocd-controller", "Apply")
    assert found[2]["fieldsV1"] == {"f:spec": {"f:a": {}, "f:b": {}}}
    assert taken_over(custom({}, managedFields=[editor, ours])) is None
    assert taken_over(custom({})) is None


def test_the_prediction_loses_what_only_legacy_managers_own() -> None:
    fields: dict[str, Any] = {
        "f:metadata": {"f:labels": {"f:old": {}, "f:kept": {}}},
        "f:spec": {"f:gone": {}, "f:shared": {}, "f:kept": {}, "f:items": {'k:{"name":"x"}': {}, 'k:{"name":"y"}': {}}},
    }
    live = custom(
        {"gone": 1, "shared": 2, "kept": 3, "foreign": 4, "items": [{"name": "x"}, {"name": "y"}]},
        labels={"old": "1", "kept": "1"},
        managedFields=[
            entry("helm", "Update", fields),
            entry("other", "Update", {"f:spec": {"f:shared": {}, "f:foreign": {}}}),
        ],
    )
    desired = custom({"kept": 3, "items": [{"name": "y"}]}, labels={"kept": "1"})
    predicted = predict_takeover(desired, live, live)
    assert predicted["spec"] == {"shared": 2, "kept": 3, "foreign": 4, "items": [{"name": "y"}]}
    assert predicted["metadata"]["labels"] == {"kept": "1"}
    assert predicted["metadata"]["name"] == "x"
    assert predict_takeover(desired, custom({}), live) is live
