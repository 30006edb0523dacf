"""Reading manifests: as Kubernetes tools read them, with errors that say where."""

from typing import Any

import pytest

from gitops.manifest.decode import decode_file, decode_json, decode_rendered, decode_yaml, encode_json
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
        ("18446744073709551616", 18446744073709551616.0),
        ("-9223372036854775809", -9223372036854775809.0),
        ("0x1FFFFFFFFFFFFFFFF", "0x1FFFFFFFFFFFFFFFF"),
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


NO_MANIFEST = {
    "values": ("foo: bar\nspec: {a: 1}\n", "holds no manifest"),
    "values that speak of versions": (
        "appVersion: v1\nbind: Any\nkinds: [A]\napiVersions: [v1]\n",
        "holds no manifest",
    ),
    "values with metadata": ("metadata: {labels: {a: b}}\nreplicas: 1\n", "holds no manifest"),
    "a list of values": ("- 1\n- {op: add, path: /a, value: 1}\n", "holds no manifest"),
    "an empty object": ("{}\n", "holds no manifest"),
    "a template": ("{{ template }}\n", "line 1: a mapping key must be a single value; nothing in it looks like"),
    "tags of another tool": (
        "Metadata: {}\nResources: !Ref x\n",
        "line 2: the tag `!Ref` is not allowed here; nothing",
    ),
    "nothing": ("", "is empty, or holds comments only"),
    "comments": ("# apiVersion: v1\n---\n# kind: ConfigMap\n", "is empty, or holds comments only"),
}


@pytest.mark.parametrize(("text", "reason"), NO_MANIFEST.values(), ids=NO_MANIFEST.keys())
def test_yaml_that_holds_no_manifest_is_passed_over_and_said(text: str, reason: str) -> None:
    objects, skipped = decode_file(text, "values.yaml")
    assert objects == []
    assert reason in skipped


def test_a_file_of_manifests_has_nothing_to_say_but_a_comment_between_them_is_fine() -> None:
    assert decode_file(f"{HEAD}---\n# kind: none\n---\n{HEAD}", "a.yaml").skipped == ""


def test_what_belongs_to_another_tool_is_passed_over_by_name_and_manifests_beside_it_are_kept() -> None:
    kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n"
    objects, skipped = decode_file(f"{HEAD}---\n{kustomization}", "a.yaml")
    assert [each["kind"] for each in objects] == ["ConfigMap"]
    assert skipped == "line 6: a Kustomization of Kustomize, which a plain directory does not build"
    assert "a Component of" in decode_file(kustomization.replace("Kustomization", "Component"), "k.yaml").skipped
    assert "Helm chart" in decode_file("apiVersion: v2\nname: web\nversion: 1.0.0\n", "web/Chart.yaml").skipped
    flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\n"
    assert len(decode_file(flux, "a.yaml").objects) == 1


CUT = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\nspec:\n  template: {a: [b,\n"
MEANT = {
    "metadata misspelt": (
        "apiVersion: v1\nkind: ConfigMap\nmetdata:\n  name: a\n",
        ":1: the ConfigMap has no `metadata`; `metdata`",
    ),
    "apiVersion misspelt": (
        "apiVerson: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        "`apiVerson` looks like a misspelling",
    ),
    "letters swapped": (
        "apiVesrion: apps/v1\nknid: Deployment\nmetadata: {name: a}\n",
        "`knid` looks like a misspelling",
    ),
    "kind in another case": (
        "apiVersion: v1\nKind: ConfigMap\nmetadata: {name: a}\n",
        "`Kind` looks like a misspelling",
    ),
    "all in another case": ("ApiVersion: v1\nKIND: ConfigMap\nMetadata: {name: a}\n", ":1: the object has no `kind`"),
    "all misspelt": ("apiverion: v1\nkidn: ConfigMap\nmetdata: {}\n", ":1: the object has no `kind`"),
    "no kind": ("apiVersion: v1\nmetadata: {name: a}\n", ":1: the object has no `kind`"),
    "only a kind": ("kind: ConfigMap\n", ":1: the ConfigMap has no `apiVersion`"),
    "only an apiVersion": ("# a\napiVersion: v1\n", ":2: the object has no `kind`"),
    "the head cut off": ("metadata:\n  name: a\nspec: {}\n", ":1: the object has no `kind`"),
    "no name": ("apiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {a: b}}\n", "has no `metadata.name`"),
    "name at the top": ("apiVersion: v1\nkind: ConfigMap\nmetadata:\nname: a\n", "the ConfigMap has no `metadata`"),
    "metadata inside spec": ("apiVersion: v1\nkind: Pod\nspec:\n  metadata: {name: a}\n", "the Pod has no `metadata`"),
    "one level too deep": (
        "web:\n  apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n",
        ":1: the object has no `kind`",
    ),
    "a list of manifests": (
        "- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n",
        ":1: this is not a Kubernetes object",
    ),
    "a bare text": ("just words", ":1: this is not a Kubernetes object"),
    "a link checked out as text": ("../base/deployment.yaml", ":1: this is not a Kubernetes object"),
    "a pointer to a large file": (
        "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n",
        ":1: this is not",
    ),
    "no colons": ("apiVersion v1\nkind ConfigMap\n", ":1: this is not a Kubernetes object"),
    "cut in half": (CUT, ":7: not valid YAML"),
    "cut after a few letters": (CUT[:16], ":1: the object has no `kind`"),
    "cut in its first word": (CUT[:4], ":1: this is not a Kubernetes object"),
    "cut and misspelt": ("apiVerson: v1\nspec: {a: [b,\n", ":3: not valid YAML"),
    "JSON cut in half": ('{"spec": {}, "kind": "ConfigMap", "metadata": {"na', "not valid YAML"),
    "a tab": ("apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: a\n", ":4: not valid YAML"),
    "a merge left over": (f"<<<<<<< HEAD\n{HEAD}=======\n{HEAD}>>>>>>> b\n", "a.yaml:"),
    "a tag of another tool": ("apiVersion: v1\nkind: !x Secret\n", ":2: the tag `!x` is not allowed"),
    "a null in a list": ("apiVersion: v1\nkind: List\nitems: [null]\n", ":1: this is not a Kubernetes object"),
    "a fault behind a manifest": (f"{HEAD}---\nfoo: bar\n", ":6: the object has no `kind`"),
    "a fault before a manifest": (f"foo: bar\n---\n{HEAD}", ":1: the object has no `kind`"),
}


@pytest.mark.parametrize(("text", "message"), MEANT.values(), ids=MEANT.keys())
def test_what_was_meant_as_a_manifest_and_is_none_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ManifestInvalid) as raised:
        decode_file(text, "a.yaml")
    assert str(raised.value).startswith("a.yaml:")
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "content", [b"\xff", b"a: \xe9\n", b"\0GITCRYPT\0\1\2", HEAD.encode("utf-16-le"), b"\xff\xfea"]
)
def test_what_is_no_text_may_have_been_a_manifest(content: bytes) -> None:
    with pytest.raises(ManifestInvalid, match=r"^a\.yaml:[0-9]+: the file is not .* save it as UTF-8"):
        decode_file(content, "a.yaml")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("big", [False, True])
def test_encodings_that_say_what_they_are_can_be_read(encoding: str, big: bool) -> None:
    content = HEAD + "data: {key: grün}\n"
    data = content.encode(encoding)
    if big and encoding != "utf-8-sig":
        data = f"\ufeff{content}".encode(f"{encoding}-be")
    (found,) = decode_yaml(data, "a.yaml")
    assert found["data"] == {"key": "grün"}


def test_what_a_tool_renders_is_manifests_and_nothing_else() -> None:
    assert decode_rendered(f"# Source\n---\n{HEAD}---\n", "web") == decode_yaml(HEAD, "a.yaml")
    for text in ("{}\n", "foo: bar\n", "[]", "''", "false", f"{HEAD}---\nkind: ConfigMap\n"):
        with pytest.raises(ManifestInvalid, match=r"web: line [0-9]+ of what it renders to: "):
            decode_rendered(text, "web")


def test_a_list_without_items_is_empty() -> None:
    assert decode_rendered("apiVersion: v1\nkind: List\nitems:\n", "web") == []


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
