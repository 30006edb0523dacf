"""The normal form of desired objects."""

from typing import Any

from gitops.manifest.normalize import desired_for, digest_of, normalized, without_nulls
from gitops.manifest.ordering import kind_rank, order_key
from gitops.model.resource import GroupKind, ResourceKey


def config_map(name: str = "a", **content: Any) -> dict[str, Any]:
    metadata = content.pop("metadata", {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, **content}


def namespaced(kind: GroupKind) -> bool | None:
    return {"ConfigMap": True, "ClusterRole": False}.get(kind.kind)


def test_namespaces_are_filled_in_and_taken_out() -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "r", "namespace": "x"},
    }
    strange = {"apiVersion": "x.io/v1", "kind": "Strange", "metadata": {"name": "s"}}
    found = desired_for([config_map(), role, strange], namespace="shop", is_namespaced=namespaced).manifests
    assert [each["metadata"].get("namespace") for each in found] == ["shop", None, "shop"]
    own = desired_for([config_map(metadata={"namespace": "own"})], namespace="shop", is_namespaced=namespaced)
    assert own.manifests[0]["metadata"]["namespace"] == "own"


def test_the_last_of_repeated_objects_counts_and_is_told() -> None:
    found = desired_for(
        [config_map(data={"a": "1"}), config_map("b"), config_map(data={"a": "2"})],
        namespace="shop",
        is_namespaced=namespaced,
    )
    assert [each["metadata"]["name"] for each in found.manifests] == ["b", "a"]
    assert found.manifests[1]["data"] == {"a": "2"}
    assert found.repeated == (ResourceKey("", "ConfigMap", "shop", "a"),)


def test_hooks_without_a_name_do_not_repeat_each_other() -> None:
    hook = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "a-"}}
    found = desired_for([hook, hook], namespace="shop", is_namespaced=namespaced)
    assert len(found.manifests) == 2
    assert found.repeated == ()


def test_a_namespaced_object_without_any_namespace_is_told() -> None:
    found = desired_for([config_map()], namespace="", is_namespaced=namespaced)
    assert found.without_namespace == (ResourceKey("", "ConfigMap", "", "a"),)


def test_what_a_cluster_wrote_is_dropped() -> None:
    exported = config_map(
        metadata={
            "uid": "1",
            "resourceVersion": "2",
            "creationTimestamp": None,
            "annotations": {},
            "labels": {"a": None},
        },
        status={"x": 1},
    )
    assert normalized(exported) == config_map()


def test_string_data_becomes_data_and_wins() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
    found = normalized({**secret, "data": {"a": "eA==", "b": "eQ=="}, "stringData": {"a": "hunter2", "c": None}})
    assert found == {**secret, "data": {"a": "aHVudGVyMg==", "b": "eQ==", "c": ""}}
    wrong = {**secret, "stringData": {"a": 1}}
    assert normalized(wrong)["stringData"] == {"a": 1}


def test_nulls_mean_nothing_to_built_in_kinds_only() -> None:
    assert normalized(config_map(data={"a": None, "b": "1"}))["data"] == {"b": "1"}
    custom = {"apiVersion": "x.io/v1", "kind": "X", "metadata": {"name": "x"}, "spec": {"a": None}}
    assert normalized(custom)["spec"] == {"a": None}


def test_parts_without_nulls_are_shared() -> None:
    deep: dict[str, Any] = {"a": {"b": [1, {"c": 2}]}, "d": {"e": None}}
    found = without_nulls(deep)
    assert found == {"a": {"b": [1, {"c": 2}]}, "d": {}}
    assert found["a"] is deep["a"]
    assert deep["d"] == {"e": None}


def test_the_digest_knows_content_not_order() -> None:
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": "1"})


def test_what_others_need_comes_first() -> None:
    kinds = ["Widget", "Ingress", "Deployment", "Service", "CustomResourceDefinition", "Secret", "Namespace"]
    assert sorted(kinds, key=kind_rank) == list(reversed(kinds))
    keys = [
        ResourceKey("", "Secret", "b", "a"),
        ResourceKey("", "Secret", "a", "b"),
        ResourceKey("", "Namespace", "", "z"),
    ]
    assert [key.kind + key.namespace for key in sorted(keys, key=order_key)] == ["Namespace", "Secreta", "Secretb"]
