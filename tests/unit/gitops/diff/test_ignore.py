"""ignoreDifferences: pointers, path expressions, managers; from application and settings."""

from collections.abc import Sequence
from typing import Any

import jq
import msgspec
import pytest

from gitops.diff.field_removal import Path
from gitops.diff.ignore import IgnoreRules, IgnoreStatus, ObjectRules, compile_rules, respecting
from gitops.diff.path_expressions import Found, paths_of
from gitops.diff.verdict import difference
from gitops.model.application import IgnoreDifference
from gitops.model.errors import InvalidSpec

POD_SPEC: dict[str, Any] = {
    "containers": [
        {"name": "web", "image": "web:1", "env": [{"name": "A", "value": "1"}, {"name": "B"}]},
        {"name": "side", "image": "side:1", "port": 5},
    ],
    "flag": False,
}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "annotations": {"a.b/c": "1", "x": "2"}},
    "spec": {"replicas": 2, "template": {"spec": POD_SPEC}},
}
CONTAINERS = ".spec.template.spec.containers"
AT = ("spec", "template", "spec", "containers")


@pytest.mark.parametrize("position", ["²", "9" * 5_000, "-1", "07x", "-"])
def test_a_pointer_to_no_position_of_a_list_leads_nowhere(position: str) -> None:
    rules = compile_rules([IgnoreDifference(kind="*", group="*", json_pointers=(f"/spec/list/{position}",))])
    live = {**DEPLOYMENT, "spec": {"list": ["a", "b"]}}
    changed = {**DEPLOYMENT, "spec": {"list": ["a", "c"]}}
    assert difference(live, changed, rules.for_object(live))


def where(expressions: Sequence[str], manifest: dict[str, Any]) -> tuple[Path, ...]:
    """Asks jq itself, as the controller's engine does."""
    answers = [path for each in expressions for path in jq.compile(f"[path({each})]").input_value(manifest).first()]
    return paths_of(answers, manifest)


def found(compiled: ObjectRules, live: dict[str, Any], predicted: dict[str, Any]) -> Found:
    return Found(where(compiled.expressions, live), where(compiled.expressions, predicted))


def respected(desired: dict[str, Any], live: dict[str, Any], all: IgnoreRules) -> dict[str, Any]:
    return respecting(desired, live, all, Found(where(all.for_object(live).expressions, live)))


@pytest.mark.parametrize(
    ("answer", "paths"),
    [
        (["spec", "replicas"], [("spec", "replicas")]),
        ([*AT, 0, "image"], [(*AT, 0, "image")]),
        ([*AT, -1, "image"], [(*AT, 1, "image")]),
        ([*AT, 7], []),
        ([*AT, -7], []),
        ([*AT, {"start": 1, "end": None}], [(*AT, 1)]),
        ([*AT, {"start": None, "end": -1}, 0, "env", {"start": 1, "end": 9}], [(*AT, 0, "env", 1)]),
        (["spec", "nothing", "there"], [("spec", "nothing", "there")]),
        (["spec", 0], []),
        ([], [()]),
    ],
)
def test_jq_s_paths_become_paths_of_this_object(answer: list[Any], paths: list[Path]) -> None:
    assert paths_of([answer], DEPLOYMENT) == tuple(paths)


def test_without_jq_s_answer_there_is_no_verdict() -> None:
    compiled = rules(IMAGE).for_object(DEPLOYMENT)
    with pytest.raises(ValueError, match="were not asked for"):
        difference(DEPLOYMENT, changed((*AT, 0, "image"), "web:2"), compiled)
    with pytest.raises(ValueError, match="were not asked for"):
        respecting(DEPLOYMENT, DEPLOYMENT, rules(IMAGE))


def test_a_rule_s_group_and_kind_that_cannot_be_read_are_refused_by_name() -> None:
    with pytest.raises(InvalidSpec, match=r"`\[x` cannot be used as a pattern"):
        rules(IgnoreDifference("[x", "Deployment", json_pointers=("/spec",)))


@pytest.mark.parametrize(
    "pointer", ["/spec/template/spec/containers/\u00b2", "/spec/template/spec/containers/" + "9" * 5000]
)
def test_a_position_nobody_could_mean_leads_nowhere(pointer: str) -> None:
    compiled = rules(IgnoreDifference("apps", "Deployment", json_pointers=(pointer,))).for_object(DEPLOYMENT)
    assert compiled.apply(DEPLOYMENT) == DEPLOYMENT


def rules(*specs: IgnoreDifference, **settings: Any) -> Any:
    return compile_rules(specs, **settings)


def changed(path: tuple[str | int, ...], value: Any, of: dict[str, Any] = DEPLOYMENT) -> dict[str, Any]:
    def build(node: Any, rest: tuple[Any, ...]) -> Any:
        if not rest:
            return value
        if isinstance(node, list):
            return [build(each, rest[1:]) if at == rest[0] else each for at, each in enumerate(node)]
        return {**node, rest[0]: build(node.get(rest[0], {}), rest[1:])}

    found: dict[str, Any] = build(of, path)
    return found


IMAGE = IgnoreDifference(
    "apps", "Deployment", jq_path_expressions=(f'{CONTAINERS}[] | select(.name == "web") | .image',)
)
REPLICAS = IgnoreDifference("apps", "Deployment", json_pointers=("/spec/replicas",))


def test_ignored_fields_make_no_difference() -> None:
    compiled = rules(IMAGE, REPLICAS).for_object(DEPLOYMENT)
    both = changed(("spec", "replicas"), 5, changed((*AT, 0, "image"), "web:2"))
    assert difference(DEPLOYMENT, both)
    assert not difference(DEPLOYMENT, both, compiled, found(compiled, DEPLOYMENT, both))
    other = changed((*AT, 1, "image"), "side:2")
    assert difference(DEPLOYMENT, other, compiled, found(compiled, DEPLOYMENT, other))


@pytest.mark.parametrize(
    ("spec", "covers"),
    [
        (IgnoreDifference("*", "*"), True),
        (IgnoreDifference("app*", "Deploy*"), True),
        (IgnoreDifference("", "Deployment"), False),
        (IgnoreDifference("apps", "StatefulSet"), False),
        (IgnoreDifference("apps", "Deployment", name="web", namespace="shop"), True),
        (IgnoreDifference("apps", "Deployment", name="web*"), False),
        (IgnoreDifference("apps", "Deployment", namespace="other"), False),
    ],
)
def test_groups_and_kinds_are_globs_names_are_exact(spec: IgnoreDifference, covers: bool) -> None:

    found = rules(msgspec.structs.replace(spec, json_pointers=("/spec/replicas",))).for_object(DEPLOYMENT)
    assert found.removes_fields is covers


def test_pointers_know_escapes_and_positions() -> None:
    spec = IgnoreDifference(
        "apps",
        "Deployment",
        json_pointers=("/metadata/annotations/a.b~1c", "/spec/template/spec/containers/1", "/no/such"),
    )
    kept = rules(spec).for_object(DEPLOYMENT).apply(DEPLOYMENT)
    assert kept["metadata"]["annotations"] == {"x": "2"}
    assert [each["name"] for each in kept["spec"]["template"]["spec"]["containers"]] == ["web"]
    assert len(POD_SPEC["containers"]) == 2


def test_fields_of_named_managers_are_ignored() -> None:
    fields: dict[str, Any] = {
        "f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {'k:{"name":"side"}': {"f:image": {}}}}}}
    }
    entry = {"manager": "scaler", "operation": "Update", "fieldsV1": fields}
    live = changed(("metadata", "managedFields"), [entry])
    compiled = rules(IgnoreDifference("apps", "Deployment", managed_fields_managers=("scaler",))).for_object(live)
    predicted = changed(("spec", "replicas"), 9, changed((*AT, 1, "image"), "side:9"))
    assert not difference(live, predicted, compiled)
    assert difference(live, changed((*AT, 0, "image"), "web:9"), compiled)


def test_status_counts_only_where_the_settings_say_so() -> None:
    other = {**DEPLOYMENT, "status": {"replicas": 1}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "d"},
    }
    served = {**definition, "status": {"x": 1}}
    for setting, status_of_deployment, status_of_definition in (
        (IgnoreStatus.ALL, False, False),
        (IgnoreStatus.CRD, True, False),
        (IgnoreStatus.NONE, True, True),
    ):
        compiled = rules(ignore_status=setting)
        assert bool(difference(DEPLOYMENT, other, compiled.for_object(DEPLOYMENT))) is status_of_deployment
        assert bool(difference(definition, served, compiled.for_object(definition))) is status_of_definition


def test_rules_of_aggregated_roles_can_be_ignored() -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "r"},
        "aggregationRule": {"clusterRoleSelectors": [{}]},
        "rules": [{"verbs": ["get"]}],
    }
    predicted = {**role, "rules": []}
    assert difference(role, predicted, rules().for_object(role))
    assert not difference(role, predicted, rules(ignore_aggregated_roles=True).for_object(role))


def test_the_digest_changes_with_every_rule() -> None:
    digests = {rules().digest, rules(IMAGE).digest, rules(REPLICAS).digest, rules(ignore_status="none").digest}
    assert len(digests) == 4
    assert compile_rules((IMAGE,), (REPLICAS,)).digest == compile_rules((), (REPLICAS, IMAGE)).digest


@pytest.mark.parametrize("pointer", ["", "/", "spec/replicas"])
def test_a_pointer_that_is_none_is_refused(pointer: str) -> None:
    with pytest.raises(InvalidSpec, match="JSON pointer"):
        rules(IgnoreDifference("apps", "Deployment", json_pointers=(pointer,)))


def test_respecting_leaves_ignored_fields_as_they_are_live() -> None:
    live = changed(("spec", "replicas"), 7, changed((*AT, 0, "image"), "web:live"))
    desired = changed(("spec", "template", "spec", "containers"), list(reversed(POD_SPEC["containers"])))
    found = respected(desired, live, rules(IMAGE, REPLICAS))
    assert found["spec"]["replicas"] == 7
    assert [each["image"] for each in found["spec"]["template"]["spec"]["containers"]] == ["side:1", "web:live"]
    assert desired["spec"]["replicas"] == 2


def test_respecting_keeps_an_ignored_item_that_git_does_not_have() -> None:
    spec = IgnoreDifference("apps", "Deployment", jq_path_expressions=(f'{CONTAINERS}[] | select(.name == "mesh")',))
    live = changed(AT, [*POD_SPEC["containers"], {"name": "mesh", "image": "mesh:1"}])
    found = respected(DEPLOYMENT, live, rules(spec))
    assert [each["name"] for each in found["spec"]["template"]["spec"]["containers"]] == ["web", "side", "mesh"]
    assert respected(DEPLOYMENT, DEPLOYMENT, rules(spec)) is DEPLOYMENT
