"""From a source to manifests: resolve -> inputs -> key -> cache -> render -> cache.

The key is computed from what the render would read, so most requests end there: nothing that this source
reads has changed, whatever else the commit did.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec

from adapters.repo_client import RenderContext
from gitops.model.errors import GitOpsError, InvalidSpec, RenderFailed
from gitops.model.repository import Repository, SkippedFile
from repo_server.failures import Failures
from repo_server.fair import Who
from repo_server.inputs.detect import GATHER, source_type
from repo_server.inputs.environment import REVISION_PREFIX, build_environment
from repo_server.inputs.source import decoded_source, merged_source, source_path
from repo_server.inputs.wanted import Gathered, Inputs, Wanted
from repo_server.manifest_cache import ManifestCache, Manifests, render_key
from repo_server.memory import Recent
from repo_server.metrics import Metrics
from repo_server.reading import Budget, Reading
from repo_server.render.jobs import Options, Reply
from repo_server.sources.git import Mirror
from repo_server.sources.mirrors import Mirrors
from repo_server.tree import CommitTree, Node, TreeReader, still_true

INPUT_LIMIT = 64 * 1024 * 1024
_REMEMBERED_SOURCES = 4096
_REMEMBERED_COMMITS = 16
_RECALLED_LOOKUPS = 5000

T = TypeVar("T")


class Renderer(Protocol):
    async def render(self, options: Options, files: dict[str, bytes], who: Who) -> Reply: ...


class SourceRef(msgspec.Struct, frozen=True):
    """A repository that value files may name as $name/…"""

    name: str
    repository: Repository
    target_revision: str


class ManifestRequest(msgspec.Struct, frozen=True):
    repository: Repository
    source: bytes  # JSON, as the user wrote it
    revision: str  # commit; empty: resolve the target revision
    context: RenderContext
    refs: tuple[SourceRef, ...] = ()
    fresh_refs: bool = False
    bypass: bool = False  # render although the manifests are known
    known_key: str = ""


class ManifestAnswer(msgspec.Struct, frozen=True):
    revision: str
    key: str
    source_type: str
    unchanged: bool = False
    manifests: bytes = b""
    rendered: bool = False
    skipped: tuple[SkippedFile, ...] = ()


class _Remembered(msgspec.Struct, frozen=True):
    """What one source came to, and the lookups that made it so."""

    commits: tuple[str, ...]
    origins: tuple[str, ...]  # names of the repositories they are of; the source's own has none
    traces: tuple[Mapping[str, Node | None], ...]
    only_here: bool  # it names the revision, or it takes too long to tell whether another commit would come to the same
    inputs: Inputs
    key: str
    path: str


class Pipeline:
    def __init__(
        self,
        mirrors: Mirrors,
        cache: ManifestCache,
        renderer: Renderer,
        *,
        tools: Mapping[str, str],
        metrics: Metrics,
        reading: Reading | None = None,
        failures: Failures | None = None,
    ) -> None:
        self.mirrors = mirrors
        self._cache = cache
        self._renderer = renderer
        self._tools = tools  # source type -> name and version of what renders it
        self.metrics = metrics
        self._reading = reading or Reading()
        self._sources: Recent[bytes, _Remembered] = Recent(_REMEMBERED_SOURCES)
        self._lookups: Recent[tuple[str, str], dict[str, Node | None]] = Recent(_REMEMBERED_COMMITS)
        self._failures = failures or Failures()
        self._under_way: dict[str, asyncio.Future[Manifests]] = {}

    async def manifests(self, request: ManifestRequest) -> ManifestAnswer:
        """Manifests of one source, or that the caller's are still right."""
        mirrors, commits = await self._resolved(request)
        found = self._recalled(request, mirrors, commits)
        if found is None:
            found = await self._computed(request, mirrors, commits)
        who = (str(mirrors[0].path), f"{request.context.app_namespace}/{request.context.app_name}")
        answer = ManifestAnswer(commits[0], found.key, found.inputs.source_type)
        if request.bypass:
            manifests = await self._rendered(found, mirrors, who)
            return _answered(answer, manifests, rendered=True)
        if found.key == request.known_key:
            self.metrics.answers.labels("unchanged").inc()
            return msgspec.structs.replace(answer, unchanged=True)
        if cached := await self._cache.get(found.key):
            self.metrics.answers.labels(cached[1]).inc()
            return _answered(answer, cached[0], rendered=False)
        self.metrics.answers.labels("render").inc()
        manifests = await self._rendered_once(found, mirrors, who)
        return _answered(answer, manifests, rendered=True)

    # --- resolve ---------------------------------------------------------------------------------

    async def _resolved(self, request: ManifestRequest) -> tuple[tuple[Mirror, ...], tuple[str, ...]]:
        """The source's repository first, then the ref'd ones; every commit is in its mirror."""
        mirror = self.mirror(request.repository)
        fresh = request.fresh_refs or request.bypass
        if request.revision:
            commits = [await mirror.ensure(request.revision)]
        else:
            target = str(decoded_source(request.source).get("targetRevision") or "")
            commits = [await mirror.resolve(target, fresh=fresh)]
        mirrors = [mirror]
        for ref in request.refs:
            mirrors.append(self.mirror(ref.repository))
            commits.append(await mirrors[-1].resolve(ref.target_revision, fresh=fresh))
        return tuple(mirrors), tuple(commits)

    def mirror(self, repository: Repository) -> Mirror:
        if repository.type not in ("", "git"):
            raise RenderFailed(f"repositories of type `{repository.type}` are not supported yet; use a Git repository")
        return self.mirrors.of(repository)

    # --- inputs and key --------------------------------------------------------------------------

    def _recalled(
        self, request: ManifestRequest, mirrors: Sequence[Mirror], commits: tuple[str, ...]
    ) -> _Remembered | None:
        """What the same source came to at another commit, if nothing it looked at is different here."""
        identity = _identity(request)
        known = self._sources.get(identity)
        if known is None or known.commits == commits:
            return known
        if known.only_here:
            return None
        for mirror, commit, trace in zip(mirrors, commits, known.traces, strict=True):
            if not still_true(trace, self.tree(mirror, commit)):
                return None
        moved = msgspec.structs.replace(known, commits=commits)
        self._sources.put(identity, moved)
        return moved

    def tree(self, mirror: Mirror, commit: str, budget: Budget | None = None) -> CommitTree:
        return CommitTree(mirror.opened(), commit, self._lookups_of(mirror, commit), budget)

    async def read(self, mirror: Mirror, commit: str, action: Callable[[CommitTree], T]) -> T:
        """Runs an action on a commit where it can take its time, but not for ever."""
        known = self._lookups_of(mirror, commit)
        return await self._reading.run(lambda budget: action(CommitTree(mirror.opened(), commit, known, budget)))

    def health(self) -> tuple[bool, str]:
        """Whether commits can still be read, and what is wrong if not."""
        stuck = self._reading.stuck()
        return (False, f"{stuck} readings of commits go on although their time is up") if stuck else (True, "")

    def _lookups_of(self, mirror: Mirror, commit: str) -> dict[str, Node | None]:
        known = self._lookups.get((str(mirror.path), commit))
        if known is None:
            known = {}
            self._lookups.put((str(mirror.path), commit), known)
        return known

    async def _computed(
        self, request: ManifestRequest, mirrors: Sequence[Mirror], commits: tuple[str, ...]
    ) -> _Remembered:
        lookups = [self._lookups_of(mirror, commit) for mirror, commit in zip(mirrors, commits, strict=True)]
        found = await self._reading.run(lambda budget: self._compute(request, mirrors, commits, lookups, budget))
        self._sources.put(_identity(request), found)
        return found

    def _compute(
        self,
        request: ManifestRequest,
        mirrors: Sequence[Mirror],
        commits: tuple[str, ...],
        lookups: Sequence[dict[str, Node | None]],
        budget: Budget,
    ) -> _Remembered:
        """Runs in a thread: touches nothing but the commits and their lookups."""
        readers = [
            TreeReader(CommitTree(mirror.opened(), commit, known, budget))
            for mirror, commit, known in zip(mirrors, commits, lookups, strict=True)
        ]
        raw = decoded_source(request.source)
        if raw.get("chart"):
            raise RenderFailed("charts of a Helm repository are not supported yet; use a chart in a Git repository")
        path = source_path(raw)
        refs = {ref.name: reader for ref, reader in zip(request.refs, readers[1:], strict=True)}
        if any(not name.replace("-", "").replace("_", "").isalnum() for name in refs):
            raise InvalidSpec("a source's `ref` may hold letters, digits, - and _ only")
        source = merged_source(raw, path, request.context.app_name, readers[0])
        environment = build_environment(request.context, source, commits[0])
        wanted = Wanted(source, path, request.context, environment, readers[0], refs)
        inputs = gathered_inputs(wanted)
        is_long = sum(len(reader.trace) for reader in readers) > _RECALLED_LOOKUPS
        return _Remembered(
            commits=commits,
            origins=("", *refs),
            traces=tuple(reader.trace for reader in readers),
            only_here=is_long or REVISION_PREFIX.encode() in msgspec.json.encode(source),
            inputs=inputs,
            key=render_key(inputs, self._tools[inputs.source_type]),
            path=path,
        )

    # --- render ----------------------------------------------------------------------------------

    async def _rendered_once(self, found: _Remembered, mirrors: Sequence[Mirror], who: Who) -> Manifests:
        """Callers that want the same key at the same time share one render, and for a while its failure."""
        if failed := self._failures.recall(found.key):
            raise failed.with_traceback(None)
        while shared := self._under_way.get(found.key):
            try:
                return await asyncio.shield(shared)
            except _RenderLost:
                continue
        mine = self._under_way[found.key] = asyncio.get_running_loop().create_future()
        try:
            manifests = await self._rendered(found, mirrors, who)
            mine.set_result(manifests)
            return manifests
        except BaseException as error:
            mine.set_exception(error if isinstance(error, GitOpsError) else _RenderLost())
            mine.exception()  # there may be nobody else
            raise
        finally:
            del self._under_way[found.key]

    async def _rendered(self, found: _Remembered, mirrors: Sequence[Mirror], who: Who) -> Manifests:
        kind, result, begun = found.inputs.source_type, "error", time.perf_counter()
        try:
            files = await self._reading.run(lambda budget: _contents(found, mirrors, budget))
            reply = await self._renderer.render(found.inputs.options, files, who)
            manifests = Manifests(kind, reply.manifests, reply.skipped)
            result = "success"
        except GitOpsError as error:
            raise self._failures.remember(found.key, error) from None
        finally:
            self.metrics.renders.labels(kind, found.path or ".", result).inc()
            self.metrics.render_seconds.labels(kind).observe(time.perf_counter() - begun)
        self._failures.forget(found.key)
        await self._cache.put(found.key, manifests)
        return manifests


class _RenderLost(Exception):
    """The caller whose render others were waiting for went away."""


def _answered(answer: ManifestAnswer, made: Manifests, *, rendered: bool) -> ManifestAnswer:
    return msgspec.structs.replace(answer, manifests=made.encoded, skipped=made.skipped, rendered=rendered)


def gathered_inputs(wanted: Wanted) -> Inputs:
    kind = source_type(wanted.source, wanted.path, wanted.reader)
    gathered = Gathered(wanted)
    options = GATHER[kind](wanted, gathered)
    return Inputs(kind, options, gathered.files())


def _identity(request: ManifestRequest) -> bytes:
    """Everything of a request but the commits."""
    context = request.context
    refs = tuple((ref.name, ref.repository.url, ref.target_revision) for ref in request.refs)
    return msgspec.msgpack.encode((request.repository.url, request.source, context, refs))


def _contents(found: _Remembered, mirrors: Sequence[Mirror], budget: Budget) -> dict[str, bytes]:
    """The bytes of the inputs, by their path in the scratch directory."""
    lookups: dict[str, Node | None] = {}
    trees = {
        origin: CommitTree(mirror.opened(), commit, lookups, budget)
        for origin, mirror, commit in zip(found.origins, mirrors, found.commits, strict=True)
    }
    contents: dict[str, bytes] = {}
    total = 0
    for each in found.inputs.files:
        contents[each.path] = trees[each.origin].content(each.oid)
        total += len(contents[each.path])
        if total > INPUT_LIMIT:
            raise RenderFailed(f"the source reads more than {INPUT_LIMIT // 1024**2} MiB of files; split it up")
    return contents
