"""Globs, build environment, Jsonnet imports, merging, detection."""

import pytest

from adapters.repo_client import RenderContext
from gitops.model.application import KustomizeSource, Source
from gitops.model.errors import InvalidSpec, RenderFailed
from repo_server.inputs.environment import build_environment, substituted
from repo_server.inputs.jsonnet_imports import imports_of
from repo_server.inputs.kustomize_edit import edited
from repo_server.inputs.source import decoded_source, merge_patch, source_path
from repo_server.tree import joined


def test_build_environment() -> None:
    context = RenderContext("shop", "argocd", "dev", "target", "v1.34.0")
    source = Source(repo_url="https://x/y", path="p", target_revision="main")
    environment = build_environment(context, source, "0123456789" * 4)
    assert substituted("$ARGOCD_APP_NAME-${ARGOCD_APP_REVISION_SHORT}", environment) == "shop-0123456"
    assert substituted("${ARGOCD_APP_NAMESPACE}:$ARGOCD_APP_REVISION_SHORT_8", environment) == "target:01234567"
    assert substituted("$$HOME $HOME ${PATH} 5$", environment) == "$HOME   5$"


def test_jsonnet_imports() -> None:
    text = """
    local a = import "x\\"y.libsonnet"; // import "no1"
    # import 'no2'
    /* import 'no3' */ local s = "import 'no4'";
    {b: importstr @'a\\b', c: import 'it\\'s', d: |||
      import 'no5'
    |||, e: importbin "z", imported: "no6", f: (import
      'q.libsonnet'), g: @"import 'no7'"}
    """
    assert list(imports_of(text)) == [
        ('x"y.libsonnet', True),
        ("a\\b", False),
        ("it's", True),
        ("z", False),
        ("q.libsonnet", True),
    ]


def test_merge_patch() -> None:
    target = {"helm": {"values": "a", "parameters": [1]}, "path": "p"}
    patch = {"helm": {"values": None, "releaseName": "x"}}
    assert merge_patch(target, patch) == {"helm": {"parameters": [1], "releaseName": "x"}, "path": "p"}


def test_sources_that_are_none() -> None:
    for raw in (b"", b"[]", b"{"):
        with pytest.raises(InvalidSpec):
            decoded_source(raw)
    assert source_path({"path": "./a//b/"}) == "a/b"
    assert source_path({}) == ""
    for path in ("../x", "/x", "a/../../b"):
        with pytest.raises(InvalidSpec):
            source_path({"path": path})


@pytest.mark.parametrize(
    ("base", "relative", "path"),
    [
        ("a/b", "c", "a/b/c"),
        ("a/b", "../c", "a/c"),
        ("a/b", "../../c", "c"),
        ("a/b", "../../../c", None),
        ("a", "/c", "c"),
        ("a", "../../a/c", None),
        ("", ".", ""),
        ("a", "./b/./c/", "a/b/c"),
    ],
)
def test_paths_do_not_leave_the_tree(base: str, relative: str, path: str | None) -> None:
    assert joined(base, relative) == path


def test_kustomize_edits_that_are_refused() -> None:
    with pytest.raises(RenderFailed):
        edited({"commonLabels": {"a": "1"}}, KustomizeSource(common_labels={"a": "2"}), {}, lambda _: True)
    with pytest.raises(InvalidSpec):
        edited({}, KustomizeSource(images=("nginx",)), {}, lambda _: True)


def test_missing_components_may_be_ignored() -> None:
    options = KustomizeSource(components=("a", "b"), ignore_missing_components=True)
    assert edited({}, options, {}, lambda path: path == "b") == {"components": ["b"]}
