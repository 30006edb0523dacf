"""Whatever objects a push consists of, reading them ends, and in an error for people if it does not succeed."""

import tempfile
from pathlib import Path

import msgspec
import pygit2
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.repo_client import RenderContext
from gitops.model.application import DirectorySource, Source
from gitops.model.errors import GitOpsError
from repo_server.inputs.source import merged_source
from repo_server.inputs.wanted import Wanted
from repo_server.listing import matching_directories, matching_files
from repo_server.manifest_cache import render_key
from repo_server.pipeline import gathered_inputs
from repo_server.reading import Budget, ReadingLimits
from repo_server.tree import CommitTree, TreeReader
from tests.unit.repo_server.test_repo_tree import Objects

NAMES = (
    *(b"a", b"b", b"..", b".", b".git", b"a/b", b"caf\xe9", b"\xff.yaml", b"a.yaml", b"b.json", b"m.jsonnet", b"x,y=z"),
    *(b"Chart.yaml", b"values.yaml", b"templates", b"charts", b"requirements.yaml", b".argocd-source.yaml"),
    *(b"kustomization.yaml", b"Kustomization", b"values.schema.json", b"\x01", b"\n", b"a\\b", b"-x"),
)
MODES = (b"100644", b"100755", b"120000", b"40000", b"160000", b"100600", b"0")
CONTENTS = (
    *(b"", b"a", b"..", b".", b"../a", b"/etc/passwd", b"a/b", b"\xff", b"b", b"templates", b"./a/../b", b"a" * 5000),
    b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    b"apiVersion: v2\nname: c\nversion: 0.1.0\ndependencies: [{name: d, version: '*', repository: 'file://../a'}]\n",
    b"dependencies: [{name: ../x, repository: 'file://.'}, {name: 1, repository: 'file://a'}, 7]\n",
    b"resources: [a, ../b, a.yaml, 7]\ngenerators: [x]\npatches: [{path: a.yaml}, {path: [1]}, 3]\n",
    b"configMapGenerator: [{name: g, files: [x=a.yaml, 1], envs: a}]\nbases: a\ncomponents: [..]\n",
    b"import 'a.yaml'",
    b"helm: {valueFiles: ['*.yaml', a.yaml], releaseName: --x}\n",
    b"directory: {recurse: true, include: '{a,b', jsonnet: {libs: [a]}}\nkustomize: 7\n",
)

blobs = st.sampled_from(CONTENTS)
trees = st.recursive(
    st.lists(st.tuples(st.sampled_from(MODES), st.sampled_from(NAMES), blobs), max_size=4),
    lambda inner: st.lists(
        st.tuples(st.sampled_from(MODES), st.sampled_from(NAMES), st.one_of(blobs, inner)), max_size=5
    ),
    max_leaves=12,
)
SOURCES = (
    Source(),
    Source(path="a"),
    Source(path="a/b"),
    Source(directory=DirectorySource(recurse=True)),
    Source(path="templates", directory=DirectorySource(recurse=True, include="*", exclude="b")),
)


def written(objects: Objects, tree: object) -> str:
    if isinstance(tree, bytes):
        return objects.blob(tree)
    assert isinstance(tree, list)
    entries = {name: (mode, name, written(objects, inner)) for mode, name, inner in tree}
    return objects.tree(list(entries.values()))


STORE = Objects(Path(tempfile.mkdtemp(prefix="tree-laws-")) / "repo.git")


@settings(max_examples=250, deadline=None)
@given(tree=trees.filter(lambda tree: isinstance(tree, list)), source=st.sampled_from(SOURCES))
def test_any_tree_is_read_or_refused(tree: list[object], source: Source) -> None:
    oid = written(STORE, tree)
    author = pygit2.Signature("a", "a@b")
    commit = str(STORE.repository.create_commit(None, author, author, "c", pygit2.Oid(hex=oid), []))
    context = RenderContext("app", "argocd", "default", "target")

    def opened() -> CommitTree:
        return CommitTree(STORE.repository, commit, {}, Budget(ReadingLimits(looks=20_000)))

    reader = TreeReader(opened())
    try:
        merged = merged_source(msgspec.to_builtins(source), source.path, "app", reader)
        inputs = gathered_inputs(Wanted(merged, source.path, context, {}, reader, {}))
        assert len(render_key(inputs, "tool")) == 64
        assert all(
            each.path.startswith(("repo/", "ref/")) and ".." not in each.path.split("/") for each in inputs.files
        )
    except GitOpsError as error:
        str(error).encode()
    for look in (
        lambda: [each.encode() for each in matching_directories(opened(), ["*", "**/b"])],
        lambda: [path.encode() for path, _ in matching_files(opened(), ["**"])],
    ):
        try:
            look()
        except GitOpsError as error:
            str(error).encode()
