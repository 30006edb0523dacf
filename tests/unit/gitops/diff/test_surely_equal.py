"""When the local comparison may be sure, on ownership as the API server records it."""

import copy
from typing import Any

import pytest

from gitops.diff.local import surely_equal
from gitops.diff.quantities import canonical, same_quantity

DESIRED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "main",
                        "image": "app:1",
                        "args": [],
                        "ports": [{"containerPort": 80}],
                        "resources": {"requests": {"cpu": 1}},
                        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": ""}],
                    }
                ]
            }
        },
    },
}

OWNED: dict[str, Any] = {
    "f:metadata": {"f:labels": {"f:app": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:selector": {},
        "f:template": {
            "f:spec": {
                "f:containers": {
                    'k:{"name":"main"}': {
                        ".": {},
                        "f:args": {},
                        "f:name": {},
                        "f:image": {},
                        "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
                        "f:resources": {"f:requests": {"f:cpu": {}}},
                        "f:env": {
                            'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}},
                            'k:{"name":"B"}': {".": {}, "f:name": {}, "f:value": {}},
                        },
                    }
                }
            }
        },
    },
}


def entry(owned: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {
        "manager": "argocd-controller",
        "operation": "Apply",
        "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": owned,
        **changed,
    }


def live_object() -> dict[str, Any]:
    live = copy.deepcopy(DESIRED)
    live["metadata"] |= {"uid": "1", "resourceVersion": "7", "managedFields": [entry(copy.deepcopy(OWNED))]}
    container = live["spec"]["template"]["spec"]["containers"][0]
    del container["args"]
    container["ports"][0]["protocol"] = "TCP"
    container["resources"]["requests"]["cpu"] = "1"
    del container["env"][1]["value"]
    container["imagePullPolicy"] = "IfNotPresent"
    live["spec"]["strategy"] = {"type": "RollingUpdate"}
    live["status"] = {"replicas": 2}
    return live


def container_of(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = manifest["spec"]["template"]["spec"]["containers"][0]
    return found


def test_defaults_amounts_and_dropped_empty_values_do_not_unsettle() -> None:
    assert surely_equal(DESIRED, live_object())


def test_foreign_fields_and_items_do_not_unsettle() -> None:
    live = live_object()
    live["metadata"]["annotations"] = {"somebody": "else"}
    live["spec"]["template"]["spec"]["containers"].insert(0, {"name": "injected", "image": "mesh:1"})
    container_of(live)["env"] = []
    assert surely_equal(DESIRED, live)


EDITS = {
    "a changed value": lambda desired, live: desired["spec"].update(replicas=3),
    "a value of another type": lambda desired, live: desired["spec"].update(replicas="2"),
    "true for one": lambda desired, live: (desired["spec"].update(replicas=True), live["spec"].update(replicas=1)),
    "a new field": lambda desired, live: desired["spec"].update(paused=True),
    "a field gone from Git": lambda desired, live: desired["spec"].pop("replicas"),
    "metadata gone from Git": lambda desired, live: desired["metadata"].pop("labels"),
    "an item gone from Git": lambda desired, live: container_of(desired)["env"].pop(),
    "an item twice": lambda desired, live: container_of(desired)["env"].append({"name": "A", "value": "1"}),
    "items in another order": lambda desired, live: container_of(desired)["env"].reverse(),
    "an item gone from the cluster": lambda desired, live: container_of(live)["env"].pop(0),
    "another amount": lambda desired, live: container_of(desired)["resources"]["requests"].update(cpu="1100m"),
    "another protocol": lambda desired, live: container_of(desired)["ports"][0].update(protocol="UDP"),
    "a piece owned as a whole, changed": lambda desired, live: live["spec"]["selector"]["matchLabels"].update(b="c"),
    "another version": lambda desired, live: desired.update(apiVersion="apps/v1beta1"),
    "applied in another version": lambda desired, live: live["metadata"]["managedFields"][0].update(
        apiVersion="apps/v2"
    ),
    "never applied by us": lambda desired, live: live["metadata"]["managedFields"].clear(),
    "updated, not applied": lambda desired, live: live["metadata"]["managedFields"][0].update(operation="Update"),
    "another name": lambda desired, live: desired["metadata"].update(name="other"),
    "an empty value never applied": lambda desired, live: container_of(desired).update(command=[]),
    "ownership in an unknown form": lambda desired, live: live["metadata"]["managedFields"][0].update(
        fieldsV1={"f:spec": {"x:?": {}}}
    ),
    "broken key in ownership": lambda desired, live: live["metadata"]["managedFields"][0].update(
        fieldsV1={"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{": {}}}}}}
    ),
    "fields of client-side apply": lambda desired, live: live["metadata"]["managedFields"].append(
        entry({"f:data": {}}, manager="kubectl-client-side-apply", operation="Update")
    ),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_anything_that_could_change_something_is_not_sure(edit: Any) -> None:
    desired, live = copy.deepcopy(DESIRED), live_object()
    edit(desired, live)
    assert not surely_equal(desired, live)


def test_finalizers_are_a_set_that_keeps_its_order() -> None:
    desired = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "finalizers": ["x", "y"]}}
    owned: dict[str, Any] = {"f:metadata": {"f:finalizers": {'v:"x"': {}, 'v:"y"': {}}}}
    live = {
        **desired,
        "metadata": {
            "name": "a",
            "finalizers": ["x", "other", "y"],
            "managedFields": [entry(owned, apiVersion="v1")],
        },
    }
    assert surely_equal(desired, live)
    assert not surely_equal({**desired, "metadata": {"name": "a", "finalizers": ["x"]}}, live)
    assert not surely_equal({**desired, "metadata": {"name": "a", "finalizers": ["y", "x"]}}, live)


def test_custom_resources_get_no_benefit_of_built_in_rules() -> None:
    desired = {"apiVersion": "x.io/v1", "kind": "X", "metadata": {"name": "x"}, "spec": {"requests": {"cpu": "1000m"}}}
    owned: dict[str, Any] = {"f:spec": {"f:requests": {"f:cpu": {}}}}
    managed = {"name": "x", "managedFields": [entry(owned, apiVersion="x.io/v1")]}
    assert surely_equal(desired, {**desired, "metadata": managed})
    assert not surely_equal(desired, {**desired, "metadata": managed, "spec": {"requests": {"cpu": "1"}}})


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1000m", "1"),
        (1, "1"),
        (0.5, "500m"),
        ("0.1", "100m"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("512Ki", "512Ki"),
        ("0.5Ki", "512"),
        ("1000", "1k"),
        ("1500", "1500"),
        ("1G", "1G"),
        ("0", "0"),
        ("100n", "100n"),
        ("1073741824", "1073741824"),
        ("-1000m", "-1"),
    ],
)
def test_amounts_are_stored_in_one_form(written: Any, stored: str) -> None:
    assert canonical(written) == stored
    assert same_quantity(written, stored)


@pytest.mark.parametrize("value", ["", "x", "1x", "1e3", "1 Gi", "0.1n", True, None, [], "1" * 50])
def test_what_is_no_amount_or_needs_rounding_is_left_to_the_server(value: Any) -> None:
    assert canonical(value) is None
