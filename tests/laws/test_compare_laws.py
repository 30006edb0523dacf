"""What holds for every object, whatever is in it."""

import copy
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gitops.compare import code_of, compare_object, summarize
from gitops.diff.field_removal import removed
from gitops.diff.fields_v1 import step_for_key
from gitops.diff.ignore import compile_rules
from gitops.diff.local import surely_equal
from gitops.diff.render import diff_lines, masked, masked_changes
from gitops.diff.three_way import merge_patch, predict, three_way_patch
from gitops.diff.verdict import difference
from gitops.health.assess import assess, is_worse, worst_of
from gitops.manifest.decode import decode_json, decode_yaml, encode_json
from gitops.manifest.normalize import desired_for, normalized
from gitops.manifest.tracking import TrackingMethod, owner_of, stamp
from gitops.model.errors import ManifestInvalid
from gitops.model.status import HealthCode, SyncCode

Manifest = dict[str, Any]

names = st.text("abcxyz", min_size=1, max_size=4)
words = st.text("abc xyz:#\"'-{}\n0159.", max_size=12)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**40), 2**40), words, st.sampled_from([0.5, 1.25, -3.75]))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(names, inner, max_size=2)),
    max_leaves=5,
)
maps = st.dictionaries(names, values, max_size=3)
kinds = st.sampled_from(
    [("v1", "ConfigMap"), ("v1", "Secret"), ("apps/v1", "Deployment"), ("x.io/v1", "Custom"), ("v1", "Service")]
)


@st.composite
def objects(draw: st.DrawFn) -> Manifest:
    api_version, kind = draw(kinds)
    metadata: Manifest = {"name": draw(names), "namespace": draw(names)}
    metadata |= {"labels": draw(st.dictionaries(names, words, max_size=2))}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": draw(maps), "data": draw(maps)}


def fields_of(value: Any) -> Manifest:
    """Ownership of all of a value, lists of named items as associative ones, as the API server would record it."""
    if isinstance(value, dict) and value:
        return {f"f:{key}": fields_of(item) for key, item in value.items()}
    if isinstance(value, list) and value and _are_named(value):
        return {step_for_key({"name": item["name"]}): {".": {}, **fields_of(item)} for item in value}
    return {}


def _are_named(items: list[Any]) -> bool:
    found = [item.get("name") if isinstance(item, dict) else None for item in items]
    return all(isinstance(name, str) for name in found) and len(set(found)) == len(found)


def applied(manifest: Manifest) -> Manifest:
    """A live object that holds just what we applied."""
    owned = fields_of({key: value for key, value in manifest.items() if key not in ("apiVersion", "kind", "metadata")})
    labels = manifest["metadata"].get("labels")
    owned["f:metadata"] = fields_of({"labels": labels} if labels else {})
    entry = {
        "manager": "argocd-controller",
        "operation": "Apply",
        "apiVersion": manifest["apiVersion"],
        "fieldsV1": owned,
    }
    return {**manifest, "metadata": {**manifest["metadata"], "managedFields": [entry], "resourceVersion": "5"}}


named_lists = st.lists(
    st.builds(lambda name, rest: {**rest, "name": name}, names, maps),
    min_size=1,
    max_size=3,
    unique_by=lambda item: item["name"],
)


@given(objects(), named_lists, st.dictionaries(st.text("KLM", min_size=1, max_size=2), values, max_size=3))
def test_what_others_added_never_unsettles(manifest: Manifest, items: list[Manifest], extra: Manifest) -> None:
    desired = {**manifest, "spec": {**manifest["spec"], "items": items}}
    live = copy.deepcopy(applied(desired))
    assert surely_equal(desired, live)
    live["spec"].update(extra)
    live["spec"]["items"].insert(0, {"name": "somebody-else"})
    live["status"] = extra
    assert surely_equal(desired, live)


@given(objects(), objects())
def test_surely_equal_means_that_nothing_desired_is_different(desired: Manifest, other: Manifest) -> None:
    live = applied({**desired, "spec": other["spec"]})
    if surely_equal(desired, live):
        assert desired["spec"] == other["spec"]


@given(objects(), maps)
def test_a_field_we_own_and_no_longer_want_is_never_sure(manifest: Manifest, more: Manifest) -> None:
    live = applied({**manifest, "spec": {**manifest["spec"], "gone": more}})
    assert not surely_equal(manifest, live)


@given(objects(), objects())
def test_no_difference_exactly_when_nothing_that_counts_differs(one: Manifest, other: Manifest) -> None:
    predicted = {**one, "spec": other["spec"], "metadata": {**one["metadata"], "resourceVersion": "9", "uid": "7"}}
    assert bool(difference(one, predicted)) is (
        orjson.dumps(one["spec"], option=orjson.OPT_SORT_KEYS)
        != orjson.dumps(other["spec"], option=orjson.OPT_SORT_KEYS)
    )
    assert not difference(one, copy.deepcopy(one))


@given(objects(), objects())
def test_the_code_is_the_diff(desired: Manifest, other: Manifest) -> None:
    found = compare_object(desired, desired, {**desired, "spec": other["spec"]}, compile_rules(()))
    assert (found.code == SyncCode.SYNCED) is (not found.differences)
    assert code_of([found]) == found.code == summarize([found]).code
    assert bool(diff_lines(found.live, found.predicted)) is bool(found.differences)


@given(objects(), st.sampled_from(sorted(TrackingMethod.ALL)), names, names)
def test_who_stamps_owns(manifest: Manifest, method: str, app: str, namespace: str) -> None:
    before = copy.deepcopy(manifest)
    marked = stamp(manifest, app, namespace, method)
    assert owner_of(marked, method) == app
    assert stamp(marked, app, namespace, method) == marked
    assert manifest == before


@given(objects(), names)
def test_the_normal_form_is_reached_at_once(manifest: Manifest, namespace: str) -> None:
    before = copy.deepcopy(manifest)
    once = normalized(manifest)
    assert normalized(once) == once
    placed = desired_for([manifest], namespace=namespace, is_namespaced=lambda _: True).manifests
    assert desired_for(placed, namespace=namespace, is_namespaced=lambda _: True).manifests == placed
    assert manifest == before


@given(
    st.dictionaries(names, st.text(min_size=4, max_size=30), min_size=1, max_size=3), st.randoms(use_true_random=False)
)
def test_no_secret_is_ever_shown(secrets: dict[str, str], chance: Any) -> None:
    encoded = {key: f"s3cr3t{value}" for key, value in secrets.items()}
    other = {key: value + "x" if chance.random() < 0.5 else value for key, value in encoded.items()}
    base: Manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
    desired, live = {**base, "data": encoded}, {**base, "data": other, "stringData": secrets}
    annotated = {
        **live,
        "metadata": {
            "name": "s",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": orjson.dumps(desired).decode()},
        },
    }
    sides = masked(desired, annotated, desired)
    text = orjson.dumps(sides).decode() + str(masked_changes(live, difference(live, desired).changes))
    assert "s3cr3t" not in text
    shown_desired, shown_live = sides[0], sides[1]
    assert shown_desired is not None
    assert shown_live is not None
    for key, value in encoded.items():
        assert (shown_desired["data"][key] == shown_live["data"][key]) is (value == other[key])


@given(objects(), objects(), objects())
def test_a_three_way_patch_leads_where_predicted(last: Manifest, desired: Manifest, live: Manifest) -> None:
    identity = {"apiVersion": desired["apiVersion"], "kind": desired["kind"], "metadata": desired["metadata"]}
    record = {"kubectl.kubernetes.io/last-applied-configuration": orjson.dumps({**last, **identity}).decode()}
    live = normalized({**live, **identity, "metadata": {**desired["metadata"], "annotations": record}})  # type: ignore[assignment]
    predicted = predict(desired, live)
    assert not difference(predicted, predict(desired, predicted))
    patch = three_way_patch(desired, live)
    assert not difference(_patched(live, patch or {}), predicted)


@given(maps, maps)
def test_a_merge_patch_does_what_it_says(before: Manifest, after: Manifest) -> None:
    wanted = _without_nulls(after)
    assert _patched(_without_nulls(before), merge_patch(_without_nulls(before), wanted)) == wanted


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value


def _patched(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _patched(result.get(key), value)
    return result


@given(values, st.lists(st.lists(st.one_of(names, st.integers(0, 3)), min_size=1, max_size=3).map(tuple), max_size=4))
def test_removing_takes_out_the_paths_and_touches_nothing_else(value: Any, paths: list[tuple[str | int, ...]]) -> None:
    before = copy.deepcopy(value)
    found = removed(value, paths)
    assert value == before
    if not any(_leads_somewhere(value, path) for path in paths):
        assert found == value
    for path in paths:
        if all(isinstance(step, str) for step in path):
            assert not _leads_somewhere(found, path)


def _leads_somewhere(value: Any, path: tuple[str | int, ...]) -> bool:
    for step in path:
        there = isinstance(value, dict) and step in value
        if not there and not (isinstance(value, list) and isinstance(step, int) and step < len(value)):
            return False
        value = value[step]
    return True


codes = st.sampled_from(HealthCode.BY_BADNESS)


@given(st.lists(codes, min_size=1), codes)
def test_the_worst_is_the_maximum_in_any_order(found: list[str], more: str) -> None:
    worst = worst_of(found)
    assert worst in found
    assert not any(is_worse(each, worst) for each in found)
    assert worst_of(reversed(found)) == worst
    assert worst_of([worst, more]) == worst_of([*found, more])


@given(objects(), values, values)
def test_health_is_always_said_in_known_words(manifest: Manifest, spec: Any, status: Any) -> None:
    for kind, api_version in (
        ("Pod", "v1"),
        ("Deployment", "apps/v1"),
        ("Job", "batch/v1"),
        ("StatefulSet", "apps/v1"),
    ):
        health = assess({**manifest, "kind": kind, "apiVersion": api_version, "spec": spec, "status": status})
        assert health is not None
        assert health.status in HealthCode.BY_BADNESS


@given(st.lists(objects(), max_size=3))
def test_what_is_written_is_read_back(manifests: list[Manifest]) -> None:
    assert decode_json(encode_json(list(manifests))) == manifests
    text = b"\n---\n".join(orjson.dumps(each) for each in manifests)  # JSON is YAML
    assert decode_yaml(text, "a.yaml") == manifests


@given(st.one_of(st.binary(max_size=80), st.text("ab:-[]{}&*!|>'\"\n #?,0", max_size=80).map(str.encode)))
def test_no_input_breaks_the_reader(data: bytes) -> None:
    marked = b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata: " + data
    try:
        for each in decode_yaml(marked, "a.yaml"):
            assert each["kind"]
    except ManifestInvalid as error:
        says_where = str(error).startswith("a.yaml:")
        assert says_where
