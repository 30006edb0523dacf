"""Commits as hostile pushes make them: written object by object, as no honest git would."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pygit2
import pytest

from adapters.repo_client import RenderContext
from gitops.model.application import DirectorySource, KustomizeSource, Source
from gitops.model.errors import GitOpsError, PathNotFound, RenderFailed
from repo_server.inputs.source import merged_source
from repo_server.inputs.wanted import Inputs, Wanted
from repo_server.listing import matching_directories, matching_files
from repo_server.pipeline import gathered_inputs
from repo_server.reading import Budget, ReadingLimits
from repo_server.tree import CommitTree, LinkToNothing, TreeReader

FILE, LINK, DIRECTORY, SUBMODULE = b"100644", b"120000", b"40000", b"160000"
CONFIG = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
CHART = b"apiVersion: v2\nname: c\nversion: 0.1.0\n"

Entry = tuple[bytes, bytes, str]  # mode, name, object


class Objects:
    """Writes blobs and trees as they are told, names and modes unchecked."""

    def __init__(self, path: Path) -> None:
        subprocess.run(["git", "init", "--quiet", "--bare", str(path)], check=True)
        self.repository = pygit2.Repository(str(path))

    def blob(self, content: bytes) -> str:
        return str(self.repository.create_blob(content))

    def tree(self, entries: Sequence[Entry]) -> str:
        ordered = sorted(entries, key=lambda entry: entry[1] + (b"/" if entry[0] == DIRECTORY else b""))
        raw = b"".join(mode + b" " + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in ordered)
        return str(self.repository.write(pygit2.enums.ObjectType.TREE, raw))

    def reader(self, tree: str, budget: Budget | None = None) -> TreeReader:
        author = pygit2.Signature("a", "a@b")
        commit = self.repository.create_commit(None, author, author, "c", pygit2.Oid(hex=tree), [])
        return TreeReader(CommitTree(self.repository, str(commit), {}, budget))

    def inputs(self, tree: str, **options: object) -> Inputs:
        source = Source(**options)  # type: ignore[arg-type]
        context = RenderContext("app", "argocd", "default", "target")
        return gathered_inputs(Wanted(source, source.path, context, {}, self.reader(tree), {}))


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "repo.git")


def doubled(objects: Objects, levels: int, inner: str) -> str:
    """A tree of few objects that names 2^levels paths."""
    tree = inner
    for _ in range(levels):
        tree = objects.tree([(DIRECTORY, b"a", tree), (DIRECTORY, b"b", tree)])
    return tree


@pytest.mark.parametrize("has_file", [False, True])
def test_a_tree_that_names_itself_twice_at_each_level_costs_no_more_than_the_budget(
    objects: Objects, has_file: bool
) -> None:
    inner = objects.tree([(FILE, b"a.yaml", objects.blob(CONFIG))] if has_file else [])
    tree = doubled(objects, 45, inner)

    def reader() -> TreeReader:
        return objects.reader(tree, Budget(ReadingLimits(looks=5_000)))

    attempts: Sequence[Callable[[], object]] = (
        lambda: reader().files(""),
        lambda: matching_directories(reader().tree, ["**"]),
        lambda: matching_files(reader().tree, ["**/*.yaml"]),
        lambda: matching_files(reader().tree, ["{a,b}/" * 6 + "**"]),
    )
    for attempt in attempts:
        with pytest.raises(RenderFailed, match="more than 5000 files and directories"):
            attempt()


def test_links_that_lead_up_again_cost_no_more_than_the_budget(objects: Objects) -> None:
    up = objects.blob(b".")
    tree = objects.tree([(LINK, b"a", up), (LINK, b"b", up)])
    with pytest.raises(RenderFailed, match="form a loop"):
        objects.reader(tree, Budget(ReadingLimits(looks=1_000))).files("")


def test_what_every_source_reads_of_such_a_tree_ends(objects: Objects) -> None:
    bomb = doubled(objects, 45, objects.tree([]))
    chart = objects.tree([(FILE, b"Chart.yaml", objects.blob(CHART)), (DIRECTORY, b"templates", bomb)])
    unknown = objects.blob(b"generators: [g.yaml]\n")
    kustomization = objects.tree(
        [(FILE, b"kustomization.yaml", unknown), (FILE, b"g.yaml", unknown), (DIRECTORY, b"a", bomb)]
    )
    for tree, options in (
        (bomb, {"directory": DirectorySource(recurse=True)}),
        (chart, {}),
        (kustomization, {"kustomize": KustomizeSource()}),
    ):
        with pytest.raises(RenderFailed, match="files and directories"):
            objects.inputs(tree, **options)


def test_a_link_to_nothing_was_meant_to_be_something(objects: Objects) -> None:
    config, gone = objects.blob(CONFIG), objects.blob(b"../gone.yaml")
    plain = objects.tree([(FILE, b"a.yaml", config), (LINK, b"b.yaml", gone)])
    root = objects.tree([(DIRECTORY, b"plain", plain)])
    with pytest.raises(RenderFailed, match=r"^plain/b.yaml is a symbolic link to `../gone.yaml`, which does not exist"):
        objects.inputs(root, path="plain")
    excluded = objects.inputs(root, path="plain", directory=DirectorySource(exclude="b.yaml"))
    assert [each.path for each in excluded.files] == ["repo/plain/a.yaml"]
    harmless = objects.tree([(FILE, b"a.yaml", config), (LINK, b"README.md", gone)])
    assert len(objects.inputs(objects.tree([(DIRECTORY, b"plain", harmless)]), path="plain").files) == 1


@pytest.mark.parametrize("name", [b"values.yaml", b"templates", b".helmignore", b".argocd-source.yaml"])
def test_no_part_of_a_chart_is_silently_missing(objects: Objects, name: bytes) -> None:
    chart = [(FILE, b"Chart.yaml", objects.blob(CHART)), (LINK, name, objects.blob(b"gone"))]
    reader = objects.reader(objects.tree(chart))
    context = RenderContext("app", "argocd", "default", "target")
    with pytest.raises(LinkToNothing):
        gathered_inputs(Wanted(merged_source({}, "", "app", reader), "", context, {}, reader, {}))


def test_submodules_that_would_be_read_are_an_error(objects: Objects) -> None:
    commit = "1" * 40
    root = objects.tree([(FILE, b"a.yaml", objects.blob(CONFIG)), (SUBMODULE, b"sub", commit)])
    assert len(objects.inputs(root).files) == 1
    for directory in (DirectorySource(recurse=True), DirectorySource(recurse=True, include="*.yaml")):
        with pytest.raises(RenderFailed, match="sub is a submodule"):
            objects.inputs(root, directory=directory)
    excluded = DirectorySource(recurse=True, exclude="sub/*")
    assert len(objects.inputs(root, directory=excluded).files) == 1
    with pytest.raises(PathNotFound, match="submodule"):
        objects.inputs(root, path="sub")


def test_a_name_that_is_no_text_is_refused_where_it_would_be_read_and_only_there(objects: Objects) -> None:
    config = objects.blob(CONFIG)
    harmless = [(FILE, b"a.yaml", config), (FILE, b"caf\xe9.txt", config)]
    assert [each.path for each in objects.inputs(objects.tree(harmless)).files] == ["repo/a.yaml"]
    inner = objects.tree([(FILE, b"b.yaml", config)])
    for entries, told in (
        ([(FILE, b"caf\xe9.yaml", config)], r"caf\\xe9.yaml: the name of this file is not UTF-8; rename it"),
        ([(DIRECTORY, b"caf\xe9", inner)], r"caf\\xe9/b.yaml: the name of this file is not UTF-8"),
        ([(LINK, b"caf\xe9.yaml", objects.blob(b"gone\xe9"))], r"caf\\xe9.yaml is a symbolic link to `gone\\xe9`"),
    ):
        with pytest.raises(RenderFailed, match=told):
            objects.inputs(objects.tree(entries), directory=DirectorySource(recurse=True))
    named = objects.reader(objects.tree([(DIRECTORY, b"caf\xe9", inner), (DIRECTORY, b"plain", inner)])).tree
    assert matching_directories(named, ["plain"]) == ("plain",)
    with pytest.raises(RenderFailed, match=r"caf\\xe9: the name is not UTF-8"):
        matching_directories(named, ["*"])
    with pytest.raises(RenderFailed, match="the name is not UTF-8"):
        matching_files(named, ["*/*.yaml"])


@pytest.mark.parametrize("name", [b"..", b".", b"a/../../x"])
def test_names_that_are_paths_are_refused(objects: Objects, name: bytes) -> None:
    tree = objects.tree([(FILE, name, objects.blob(CONFIG))])
    with pytest.raises(RenderFailed, match="holds an entry called"):
        objects.inputs(tree)


def test_objects_that_are_not_what_their_directory_says_are_an_error(objects: Objects) -> None:
    blob, empty = objects.blob(CONFIG), objects.tree([])
    for entries in (
        [(DIRECTORY, b"d", blob)],
        [(DIRECTORY, b"d", "1" * 40)],
        [(FILE, b"kustomization.yaml", empty)],
        [(FILE, b"Chart.yaml", "1" * 40)],
        [(LINK, b"Chart.yaml", empty)],
    ):
        with pytest.raises(RenderFailed, match="git fsck"):
            objects.inputs(
                objects.tree(entries), directory=None if b"." in entries[0][1] else DirectorySource(recurse=True)
            )


def test_files_that_say_how_to_render_have_a_sane_size(objects: Objects) -> None:
    large = objects.blob(b"# " + b"x" * 2**20)
    for name in (b"Chart.yaml", b"kustomization.yaml"):
        with pytest.raises(RenderFailed, match="larger than 1 MiB"):
            objects.inputs(objects.tree([(FILE, name, large)]))


def test_dependencies_that_multiply_end(objects: Objects) -> None:
    dependency = "".join(f"- {{name: d{number}, version: '*', repository: 'file://.'}}\n" for number in range(8))
    chart = objects.blob(CHART + b"dependencies:\n" + dependency.encode())
    with pytest.raises(GitOpsError):
        objects.inputs(objects.tree([(FILE, b"Chart.yaml", chart)]))
