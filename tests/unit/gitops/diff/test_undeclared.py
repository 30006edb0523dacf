"""Fields that a refusal of server-side apply names are found in the manifest, and left out of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.diff.undeclared import undeclared_fields, without_fields

ONE = "the API server refused it: failed to create typed patch object (default/web; apps/v1, Kind=Deployment): "
MANY = """failed to create typed patch object (default/w; x.io/v1, Kind=Widget): errors:
  .spec.sise: field not declared in schema
  .spec.parts[0].bolt: field not declared in schema
  .spec.ports[containerPort=80,protocol="TCP"].nam: field not declared in schema"""


def test_a_refusal_names_its_fields() -> None:
    assert undeclared_fields(ONE + ".spec.replcas: field not declared in schema") == (".spec.replcas",)
    assert undeclared_fields(MANY) == (
        ".spec.sise",
        ".spec.parts[0].bolt",
        '.spec.ports[containerPort=80,protocol="TCP"].nam',
    )
    assert undeclared_fields("spec.x: Invalid value") == ()


@pytest.mark.parametrize(
    ("path", "left"),
    [
        (".spec.typo", {"a.b": {"c": 1}, "list": [{"name": "x", "bad": 1}, {"port": 80, "bad": 2}]}),
        (".spec.a.b.c", {"typo": 1, "a.b": {}, "list": [{"name": "x", "bad": 1}, {"port": 80, "bad": 2}]}),
        ('.spec.list[name="x"].bad', {"typo": 1, "a.b": {"c": 1}, "list": [{"name": "x"}, {"port": 80, "bad": 2}]}),
        (".spec.list[1].bad", {"typo": 1, "a.b": {"c": 1}, "list": [{"name": "x", "bad": 1}, {"port": 80}]}),
    ],
)
def test_a_field_is_left_out_and_nothing_else(path: str, left: object) -> None:
    spec = {"typo": 1, "a.b": {"c": 1}, "list": [{"name": "x", "bad": 1}, {"port": 80, "bad": 2}]}
    manifest = {"kind": "Widget", "spec": spec}
    assert without_fields(manifest, [path]) == {"kind": "Widget", "spec": left}
    assert spec["typo"] == 1


@pytest.mark.parametrize("path", [".spec.absent", ".spec.list[9].x", '.spec.list[name="y"].x', ".spec.list[0]", "spec"])
def test_what_is_not_there_is_not_guessed_at(path: str) -> None:
    assert without_fields({"spec": {"list": [{"name": "x"}]}}, [path]) is None


@given(st.text(), st.text())
def test_no_refusal_is_too_odd(refusal: str, path: str) -> None:
    undeclared_fields(refusal)
    without_fields({"spec": {"list": [{"name": "x"}]}}, [path, f".spec.list{path}"])
