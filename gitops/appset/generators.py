"""Generators of an ApplicationSet: from what Git and the registered clusters hold to sets of parameters.

Pure: what has to be looked up is named by `needs`, and given back as `Fetched`. A matrix may need more
once its first half is known, so ask again until nothing is missing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import msgspec

from gitops.appset.functions import normalize
from gitops.appset.parameters import (
    Generated,
    Parameters,
    file_parameters,
    flat,
    merged,
    path_parameters,
    selected,
    selects,
)
from gitops.appset.template import rendered
from gitops.manifest.decode import decode_documents
from gitops.model.appset import AppSet, ClusterGenerator, GitGenerator, ListGenerator
from gitops.model.errors import InvalidSpec
from gitops.model.globs import name_glob, path_glob
from gitops.model.patterns import Pattern
from gitops.model.repository import Cluster

DEFAULT_REQUEUE = timedelta(minutes=3)
_DEEPEST = 2

Spec = TypeVar("Spec", GitGenerator, ListGenerator, ClusterGenerator)


class GitNeed(msgspec.Struct, frozen=True):
    """Paths of one repository at one revision that match these globs; of files the content too."""

    repo_url: str
    revision: str
    directories: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


class ClustersNeed(msgspec.Struct, frozen=True):
    """All registered clusters."""


Need = GitNeed | ClustersNeed


class Listing(msgspec.Struct, frozen=True):
    directories: tuple[str, ...] = ()
    files: Mapping[str, bytes] = {}


class Fetched(msgspec.Struct, frozen=True):
    listings: Mapping[GitNeed, Listing] = {}
    clusters: tuple[Cluster, ...] | None = None


NOTHING = Fetched()


def needs(appset: AppSet, fetched: Fetched = NOTHING) -> frozenset[Need]:
    """What still has to be looked up before `parameters` can answer."""
    return _evaluated(appset, fetched)[1]


def parameters(appset: AppSet, fetched: Fetched) -> tuple[Generated, ...]:
    """Raises InvalidSpec for what is wrong, also for a lookup that is missing: never half an answer."""
    generated, missing = _evaluated(appset, fetched)
    if missing:
        raise InvalidSpec(f"ApplicationSet {appset.name}: {len(missing)} lookups of its generators have no result yet")
    return generated


def requeue_after(appset: AppSet) -> timedelta:
    """How soon Git is asked again at the latest."""
    asked = [
        timedelta(seconds=seconds)
        for generator in appset.spec.generators
        for spec in generator.values()
        if isinstance(spec, Mapping) and isinstance(seconds := spec.get("requeueAfterSeconds"), int) and seconds > 0
    ]
    return min(asked, default=DEFAULT_REQUEUE)


def _evaluated(appset: AppSet, fetched: Fetched) -> tuple[tuple[Generated, ...], frozenset[Need]]:
    lookups = _Lookups(fetched)
    visit = _Visit(appset, lookups)
    generated = tuple(each for generator in appset.spec.generators for each in _generate(visit, generator))
    return generated, frozenset(lookups.missing)


class _Lookups:
    """Answers from what was fetched, and notes what was not."""

    def __init__(self, fetched: Fetched) -> None:
        self._fetched = fetched
        self.missing: set[Need] = set()

    def listing(self, need: GitNeed) -> Listing:
        if need not in self._fetched.listings:
            self.missing.add(need)
        return self._fetched.listings.get(need, Listing())

    def clusters(self) -> tuple[Cluster, ...]:
        if self._fetched.clusters is None:
            self.missing.add(ClustersNeed())
        return self._fetched.clusters or ()


class _Visit(msgspec.Struct, frozen=True):
    """Where in the tree of generators we are."""

    appset: AppSet
    lookups: _Lookups
    given: Parameters = {}  # of the generators further up
    depth: int = 0

    @property
    def nested(self) -> bool:
        return self.appset.spec.go_template

    def inside(self, given: Parameters) -> "_Visit":
        return _Visit(self.appset, self.lookups, given, self.depth + 1)


def _generate(visit: _Visit, generator: Mapping[str, Any]) -> Iterator[Generated]:
    kinds = [name for name in generator if name != "selector"]
    if len(kinds) != 1:
        raise InvalidSpec(f"ApplicationSet {visit.appset.name}: each generator names one kind, not {kinds or 'none'}")
    kind = kinds[0]
    if kind not in _GENERATORS:
        raise InvalidSpec(
            f"ApplicationSet {visit.appset.name}: generator `{kind}` is not supported; "
            f"use {', '.join(sorted(_GENERATORS))}"
        )
    spec = generator[kind] or {}
    if visit.given:
        spec = {**rendered(spec, visit.given, visit.appset), "template": spec.get("template")}
    made = _GENERATORS[kind](visit, spec)
    return (each for each in made if selected(each.parameters, generator.get("selector")))


# --- single generators ------------------------------------------------------------------------------------


def _typed(spec: Mapping[str, Any], type: type[Spec], what: str) -> Spec:
    try:
        return msgspec.convert({name: value for name, value in spec.items() if value is not None}, type)
    except msgspec.ValidationError as error:
        raise InvalidSpec(f"{what} generator: {error}") from error


def _list(visit: _Visit, spec: Mapping[str, Any]) -> Iterator[Generated]:
    elements: Sequence[Any] = _typed(spec, ListGenerator, "list").elements
    if text := spec.get("elementsYaml"):
        documents = decode_documents(text, "elementsYaml")
        elements = (*elements, *(documents[0] if documents and isinstance(documents[0], list) else ()))
    for element in elements:
        if not isinstance(element, Mapping):
            raise InvalidSpec("list generator: each element must be an object")
        yield Generated(dict(element) if visit.nested else flat(element), spec.get("template"))


def _git(visit: _Visit, spec: Mapping[str, Any]) -> Iterator[Generated]:
    git = _typed(spec, GitGenerator, "git")
    if not git.repo_url or bool(git.directories) == bool(git.files):
        raise InvalidSpec("git generator: give repoURL and either directories or files")
    need = GitNeed(
        git.repo_url,
        git.revision or "HEAD",
        tuple(each.path for each in git.directories if not each.exclude),
        tuple(each.path for each in git.files if not each.exclude),
    )
    listing = visit.lookups.listing(need)
    found = _directories(visit, git, listing) if git.directories else _files(visit, git, listing)
    for about in found:
        yield Generated(_with_values(visit, about, git.values), git.template)


def _directories(visit: _Visit, git: GitGenerator, listing: Listing) -> Iterator[dict[str, Any]]:
    wanted = [name_glob(each.path) for each in git.directories if not each.exclude]
    unwanted = [name_glob(each.path) for each in git.directories if each.exclude]
    for path in sorted(listing.directories):
        hidden = any(segment.startswith(".") for segment in path.split("/"))
        if not hidden and _matches_any(wanted, path) and not _matches_any(unwanted, path):
            yield path_parameters(path, prefix=git.path_param_prefix, nested=visit.nested)


def _files(visit: _Visit, git: GitGenerator, listing: Listing) -> Iterator[dict[str, Any]]:
    wanted = [path_glob(each.path) for each in git.files if not each.exclude]
    unwanted = [path_glob(each.path) for each in git.files if each.exclude]
    for path in sorted(listing.files):
        if _matches_any(wanted, path) and not _matches_any(unwanted, path):
            documents = decode_documents(listing.files[path], path)
            for document in documents:
                yield from file_parameters(path, document, prefix=git.path_param_prefix, nested=visit.nested)


def _matches_any(patterns: Sequence[Pattern], path: str) -> bool:
    return any(pattern.matches(path) for pattern in patterns)


def _with_values(visit: _Visit, about: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """`values` are templates themselves, over the generator's other parameters."""
    filled = rendered(values, about, visit.appset)
    if visit.nested:
        return {**about, "values": filled} if filled else about
    return {**about, **{f"values.{name}": value for name, value in filled.items()}}


def _clusters(visit: _Visit, spec: Mapping[str, Any]) -> Iterator[Generated]:
    generator = _typed(spec, ClusterGenerator, "clusters")
    for cluster in sorted(visit.lookups.clusters(), key=lambda each: each.name):
        # Our own cluster without a Secret has no labels: a selector never means it.
        if generator.selector and not (cluster.labels and selects(generator.selector, cluster.labels)):
            continue
        about: dict[str, Any] = {
            "name": cluster.name,
            "nameNormalized": normalize(cluster.name),
            "server": cluster.server,
            "project": cluster.project,
            "metadata": {"labels": cluster.labels, "annotations": cluster.annotations},
        }
        shaped = about if visit.nested else flat(about)
        yield Generated(_with_values(visit, shaped, generator.values), generator.template)


# --- generators of generators -------------------------------------------------------------------------------


def _inner(visit: _Visit, spec: Mapping[str, Any], kind: str) -> Sequence[Mapping[str, Any]]:
    if visit.depth >= _DEEPEST:
        raise InvalidSpec(f"{kind} generator: generators nest at most {_DEEPEST} levels deep")
    generators = spec.get("generators")
    return generators if isinstance(generators, list | tuple) else ()


def _matrix(visit: _Visit, spec: Mapping[str, Any]) -> Iterator[Generated]:
    generators = _inner(visit, spec, "matrix")
    if len(generators) != 2:
        raise InvalidSpec(f"matrix generator: give exactly two generators, not {len(generators)}")
    first, second = generators
    for left in list(_generate(visit.inside(visit.given), first)):
        for right in _generate(visit.inside({**visit.given, **left.parameters}), second):
            both = merged(left.parameters, right.parameters, nested=visit.nested)
            yield Generated(both, spec.get("template"))


def _merge(visit: _Visit, spec: Mapping[str, Any]) -> Iterator[Generated]:
    generators, keys = _inner(visit, spec, "merge"), spec.get("mergeKeys") or ()
    if len(generators) < 2 or not keys:
        raise InvalidSpec("merge generator: give at least two generators, and mergeKeys")
    base, *overrides = [list(_generate(visit.inside(visit.given), each)) for each in generators]
    tables = [_by_keys(each, keys) for each in overrides]
    for key, generated in _by_keys(base, keys).items():
        combined = dict(generated.parameters)
        for table in tables:
            if key in table:
                combined = merged(table[key].parameters, combined, nested=True)
        yield Generated(combined, spec.get("template"))


def _by_keys(generated: Sequence[Generated], keys: Sequence[str]) -> dict[tuple[str, ...], Generated]:
    table: dict[tuple[str, ...], Generated] = {}
    for each in generated:
        labels = flat(each.parameters)
        key = tuple(labels.get(name, "") for name in keys)
        if key in table:
            raise InvalidSpec(
                f"merge generator: more than one set of parameters has {dict(zip(keys, key, strict=True))}"
            )
        table[key] = each
    return table


_Generator = Callable[[_Visit, Mapping[str, Any]], Iterator[Generated]]

_GENERATORS: Mapping[str, _Generator] = {
    "list": _list,
    "git": _git,
    "clusters": _clusters,
    "matrix": _matrix,
    "merge": _merge,
}
