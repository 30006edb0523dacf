"""The render key: equal keys mean equal inputs, and only what is read counts."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pygit2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.repo_client import RenderContext
from gitops.model.application import Source
from gitops.model.errors import GitOpsError
from repo_server.inputs.wanted import Inputs, Wanted
from repo_server.manifest_cache import render_key
from repo_server.pipeline import gathered_inputs
from repo_server.tree import CommitTree, TreeReader, still_true

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {}}}\n"

FILES: Mapping[str, str] = {
    "chart/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n"
    "dependencies: [{name: dep, version: 0.1.0, repository: 'file://../dep'}]\n",
    "chart/values.yaml": "a: 1\n",
    "chart/values-dev.yaml": "a: 2\n",
    "chart/values-prod.yaml": "a: 3\n",
    "chart/README.md": "hello\n",
    "chart/templates/a.yaml": CONFIG.format("a"),
    "dep/Chart.yaml": "apiVersion: v2\nname: dep\nversion: 0.1.0\n",
    "dep/templates/d.yaml": CONFIG.format("d"),
    "shared/values.yaml": "b: 1\n",
    "kust/base/kustomization.yaml": "resources: [a.yaml]\nconfigMapGenerator: [{name: g, files: [k=g.txt]}]\n",
    "kust/base/a.yaml": CONFIG.format("k"),
    "kust/base/g.txt": "g\n",
    "kust/base/unused.yaml": CONFIG.format("unused"),
    "kust/dev/kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]\ncomponents: [../part]\n",
    "kust/dev/p.yaml": CONFIG.format("k") + "data: {a: b}\n",
    "kust/prod/kustomization.yaml": "resources: [../base]\n",
    "kust/part/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n",
    "json/main.jsonnet": "(import 'lib.libsonnet') + {x: importstr 'deep/t.txt'}",
    "json/lib.libsonnet": "import 'vendored.libsonnet'",
    "json/deep/t.txt": "t",
    "json/unused.libsonnet": "{}",
    "vendor/vendored.libsonnet": CONFIG.format("v"),
    "plain/a.yaml": CONFIG.format("p"),
    "plain/notes.md": "n\n",
    "plain/deep/b.yaml": CONFIG.format("deep"),
}

# What each source reads, said independently of the code.
SOURCES: Mapping[str, tuple[str, dict[str, Any], frozenset[str]]] = {
    "helm": (
        "chart",
        {"helm": {"valueFiles": ["values-dev.yaml", "../shared/values.yaml"]}},
        frozenset(
            {"chart/Chart.yaml", "chart/values.yaml", "chart/values-dev.yaml", "chart/templates/a.yaml"}
            | {"dep/Chart.yaml", "dep/templates/d.yaml", "shared/values.yaml"}
        ),
    ),
    "kustomize": (
        "kust/dev",
        {},
        frozenset(
            {"kust/dev/kustomization.yaml", "kust/dev/p.yaml", "kust/base/kustomization.yaml", "kust/base/a.yaml"}
            | {"kust/base/g.txt", "kust/part/kustomization.yaml"}
        ),
    ),
    "jsonnet": (
        "json",
        {"directory": {"jsonnet": {"libs": ["vendor"]}}},
        frozenset({"json/main.jsonnet", "json/lib.libsonnet", "json/deep/t.txt", "vendor/vendored.libsonnet"}),
    ),
    "directory": ("plain", {}, frozenset({"plain/a.yaml"})),
    "recursive": ("plain", {"directory": {"recurse": True}}, frozenset({"plain/a.yaml", "plain/deep/b.yaml"})),
}

CONTEXT = RenderContext("app", "argocd", "default", "target", "v1.34.0", ("v1", "apps/v1"))


class Commits:
    """Commits made in memory's speed: libgit2 writes them, nothing is checked out."""

    def __init__(self, path: Path) -> None:
        subprocess.run(["git", "init", "--quiet", "--bare", str(path)], check=True)
        self.repository = pygit2.Repository(str(path))

    def commit(self, files: Mapping[str, str]) -> str:
        index = pygit2.Index()
        for path, text in files.items():
            blob = self.repository.create_blob(text.encode())
            index.add(pygit2.IndexEntry(path, blob, pygit2.enums.FileMode.BLOB))
        author = pygit2.Signature("a", "a@b")
        tree = index.write_tree(self.repository)
        return str(self.repository.create_commit(None, author, author, "c", tree, []))

    def inputs(self, commit: str, name: str, context: RenderContext = CONTEXT) -> tuple[Inputs, TreeReader]:
        path, options, _ = SOURCES[name]
        reader = TreeReader(CommitTree(self.repository, commit, {}))
        source = msgspec.convert({"path": path, **options}, Source)
        return gathered_inputs(Wanted(source, path, context, {}, reader, {})), reader


@pytest.fixture(scope="module")
def commits(tmp_path_factory: pytest.TempPathFactory) -> Commits:
    return Commits(tmp_path_factory.mktemp("commits") / "repo.git")


def key(inputs: Inputs) -> str:
    return render_key(inputs, "tool 1")


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("touched", FILES)
def test_the_key_changes_exactly_with_what_is_read(commits: Commits, name: str, touched: str) -> None:
    before, reader = commits.inputs(commits.commit(FILES), name)
    changed = commits.commit({**FILES, touched: FILES[touched] + "\n# touched\n"})
    after, _ = commits.inputs(changed, name)
    is_read = touched in SOURCES[name][2]
    assert (key(before) != key(after)) is is_read
    holds = still_true(reader.trace, CommitTree(commits.repository, changed, {}))
    assert not (holds and is_read), "a trace that still holds promises an equal key"


changes = st.dictionaries(
    st.sampled_from([*FILES, "chart/templates/new.yaml", "plain/new.yaml", "kust/dev/new.txt", "json/new.jsonnet"]),
    st.sampled_from(["", "a: 1\n", CONFIG.format("x"), "import 'deep/t.txt'", "resources: []\n"]),
    max_size=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(list(SOURCES)), first=changes, second=changes)
def test_equal_keys_mean_equal_inputs_and_a_true_trace_means_an_equal_key(
    commits: Commits, name: str, first: dict[str, str], second: dict[str, str]
) -> None:
    found = []
    for change in (first, second):
        commit = commits.commit({**FILES, **change})
        try:
            found.append((commit, *commits.inputs(commit, name)))
        except GitOpsError:
            return  # this change broke the source
    (_, one, reader), (commit, other, _) = found
    assert (key(one) == key(other)) == (one == other)
    if still_true(reader.trace, CommitTree(commits.repository, commit, {})):
        assert one == other


def test_options_tool_and_release_are_part_of_the_key(commits: Commits) -> None:
    commit = commits.commit(FILES)
    inputs, _ = commits.inputs(commit, "helm")
    other_release, _ = commits.inputs(commit, "helm", msgspec.structs.replace(CONTEXT, app_name="other"))
    other_namespace, _ = commits.inputs(commit, "helm", msgspec.structs.replace(CONTEXT, namespace="other"))
    keys = {key(inputs), key(other_release), key(other_namespace), render_key(inputs, "tool 2")}
    assert len(keys) == 4


@pytest.mark.parametrize("name", SOURCES)
def test_the_cluster_and_the_project_are_not(commits: Commits, name: str) -> None:
    commit = commits.commit(FILES)
    elsewhere = msgspec.structs.replace(CONTEXT, kube_version="v1.20.0", api_versions=(), project="other")
    assert key(commits.inputs(commit, name)[0]) == key(commits.inputs(commit, name, elsewhere)[0])


@pytest.mark.parametrize("name", ["kustomize", "jsonnet", "directory", "recursive"])
def test_applications_of_one_source_share_a_key(commits: Commits, name: str) -> None:
    commit = commits.commit(FILES)
    other = msgspec.structs.replace(CONTEXT, app_name="other", namespace="other")
    assert key(commits.inputs(commit, name)[0]) == key(commits.inputs(commit, name, other)[0])
