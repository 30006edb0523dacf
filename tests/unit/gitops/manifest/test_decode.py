"""Reading manifests: as Kubernetes tools read them, with errors that say where."""

from typing import Any

import pytest

from gitops.manifest.decode import decode_json, decode_yaml, encode_json
from gitops.model.errors import ManifestInvalid

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"


def data(text: str) -> Any:
    return decode_yaml(f"{HEAD}data:\n  key: {text}\n", "a.yaml")[0]["data"]["key"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("off", False),
        ("y", True),
        ('"yes"', "yes"),
        ("1:30", "1:30"),
        ("2026-11-23", "2026-11-23"),
        ("0o17", 15),
        ("017", 15),
        ("0x1F", 31),
        ("0b11", 3),
        ("089", 89),
        ("1_000", 1000),
        ("1.0", 1),
        ("1e3", 1000),
        ("1.5", 1.5),
        ("-.5", -0.5),
        ("18446744073709551615", 18446744073709551615),
        ("~", None),
        ("", None),
        ("nothing", "nothing"),
        ("1.2.3", "1.2.3"),
        ("=", "="),
        ("!!str 12", "12"),
        ('!!int "12"', 12),
        ("!!float 1", 1),
        ("|\n    two\n    lines", "two\nlines\n"),
    ],
)
def test_scalars_mean_what_they_mean_to_kubectl(text: str, value: Any) -> None:
    found = data(text)
    assert found == value
    assert type(found) is type(value)


def test_documents_and_lists_become_objects_in_order() -> None:
    text = f"""# first
{HEAD}
---
---
apiVersion: v1
kind: List
items:
- {{apiVersion: v1, kind: Secret, metadata: {{name: b}}}}
- apiVersion: v1
  kind: ConfigMapList
  items:
  - {{apiVersion: v1, kind: ConfigMap, metadata: {{generateName: c-}}}}
"""
    assert [each["kind"] for each in decode_yaml(text, "a.yaml")] == ["ConfigMap", "Secret", "ConfigMap"]


def test_merge_keys_and_aliases_are_written_out() -> None:
    text = HEAD + "data: &base\n  a: one\n  b: two\nother:\n  <<: *base\n  b: own\n"
    found = decode_yaml(text, "a.yaml")[0]
    assert found["other"] == {"a": "one", "b": "own"}
    assert found["data"] == {"a": "one", "b": "two"}


def test_keys_are_text() -> None:
    text = HEAD + "data:\n  1: a\n  true: b\n  1.5: c\n  null: d\n"
    assert decode_yaml(text, "a.yaml")[0]["data"] == {"1": "a", "true": "b", "1.5": "c", "null": "d"}


def test_a_byte_order_mark_is_not_content() -> None:
    assert decode_yaml("\ufeff" + HEAD, "a.yaml")[0]["kind"] == "ConfigMap"


BAD = {
    "a key twice": (HEAD + "data:\n  a: 1\n  a: 2\n", "a.yaml:7: the key `a` stands twice"),
    "not YAML": (HEAD + "data: [\n", "a.yaml:6: not valid YAML"),
    "a tag of a language": (HEAD + "data: !!python/object/apply:os.system [ls]\n", "a.yaml:5: the tag"),
    "a private tag": (HEAD + "data: !env HOME\n", "a.yaml:5: the tag `!env` is not allowed"),
    "an alias in itself": (HEAD + "data: &a [*a]\n", "a.yaml:5: the alias `*a` has no anchor"),
    "not a number": (HEAD + "data: .nan\n", "a.yaml:5: `.nan` is no number"),
    "a mapping as key": (HEAD + "data:\n  ? {a: b}\n  : c\n", "a mapping key must be a single value"),
    "no name": ("apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", "a.yaml:1: the ConfigMap has no `metadata.name`"),
    "a number as name": ("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: 12\n", "needs quotes"),
    "second document without kind": (HEAD + "---\nfoo: bar\n", "a.yaml:6: the object has no `kind`"),
    "a tag that does not fit": (HEAD + "data: !!int word\n", "a.yaml:5: `word` is not an integer"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_an_error_says_file_line_and_what(text: str, message: str) -> None:
    with pytest.raises(ManifestInvalid) as raised:
        decode_yaml(text, "a.yaml")
    assert message in str(raised.value)


def test_bytes_that_are_not_text_are_an_error() -> None:
    with pytest.raises(ManifestInvalid, match="5: the file is not UTF-8"):
        decode_yaml(HEAD.encode() + b"data: \xff\n", "a.yaml")


@pytest.mark.parametrize("text", ["foo: bar\n", "- 1\n- 2\n", "{{ template }}\n", "", "just words", "kind: Values\n"])
def test_yaml_that_holds_no_manifest_is_passed_over(text: str) -> None:
    assert decode_yaml(text, "values.yaml") == []


def test_aliases_cannot_blow_a_file_up() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 12)]
    with pytest.raises(ManifestInvalid, match="aliases blow this file up"):
        decode_yaml(HEAD + "\n".join(lines), "bomb.yaml")


def test_depth_is_bounded() -> None:
    with pytest.raises(ManifestInvalid, match="nested deeper"):
        decode_yaml(HEAD + "data: " + "[" * 2000 + "]" * 2000, "deep.yaml")


def test_digits_without_end_stay_text() -> None:
    assert data("9" * 100_000) == "9" * 100_000


def test_json_travels_unchanged() -> None:
    manifests = decode_yaml(HEAD, "a.yaml")
    assert decode_json(encode_json(manifests)) == manifests


@pytest.mark.parametrize("body", [b"{}", b"[", b"[1]", b'[{"kind": "A"}]'])
def test_json_that_is_no_array_of_objects_is_refused(body: bytes) -> None:
    with pytest.raises(ManifestInvalid):
        decode_json(body)
