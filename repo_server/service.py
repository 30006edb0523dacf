"""The gRPC edge: messages to values, one call of the pipeline or a mirror, values to messages."""

from typing import Any

from adapters._pb.tiphys.repo.v1 import repo_pb2 as pb
from adapters._pb.tiphys.repo.v1.repo_pb2_grpc import RepoServiceServicer, add_RepoServiceServicer_to_server
from adapters.proto_codec import repository_of
from adapters.repo_client import RenderContext
from gitops.model.application import KustomizeSettings
from gitops.model.errors import InvalidRequest, SourceError
from gitops.model.moments import rfc3339
from gitops.model.repository import Repository
from repo_server.listing import matching_directories, matching_files
from repo_server.memory import Recent
from repo_server.pipeline import ManifestRequest, Pipeline, SourceRef
from repo_server.sources.git import Mirror
from repo_server.sources.git_url import is_sha
from repo_server.tree import CommitTree

Context = Any  # grpc.aio.ServicerContext, generic in its stubs only

_FRESH = (pb.CACHE_POLICY_FRESH_REFS, pb.CACHE_POLICY_BYPASS)
_REMEMBERED_LISTINGS = 64


class RepoService(RepoServiceServicer):  # type: ignore[misc]  # generated code is untyped
    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._listings: Recent[tuple[Any, ...], pb.ListPathsResponse] = Recent(_REMEMBERED_LISTINGS)

    async def ResolveRevision(self, request: pb.ResolveRevisionRequest, context: Context) -> pb.ResolveRevisionResponse:
        mirror = self._mirror(request.repository)
        revision = await mirror.resolve(request.target_revision, fresh=request.cache_policy in _FRESH)
        return pb.ResolveRevisionResponse(revision=revision, warnings=mirror.warnings())

    async def GetManifests(self, request: pb.GetManifestsRequest, context: Context) -> pb.GetManifestsResponse:
        answer = await self._pipeline.manifests(_manifest_request(request))
        return pb.GetManifestsResponse(
            revision=answer.revision,
            render_key=answer.key,
            unchanged=answer.unchanged,
            manifests=answer.manifests,
            source_type=answer.source_type,
            rendered=answer.rendered,
            skipped=[pb.SkippedFile(path=each.path, reason=each.reason) for each in answer.skipped],
        )

    async def GetRevisionMetadata(
        self, request: pb.GetRevisionMetadataRequest, context: Context
    ) -> pb.GetRevisionMetadataResponse:
        mirror = self._mirror(request.repository)
        commit = await mirror.ensure(_checked_sha(request.revision))
        details = mirror.details(commit)
        try:
            tags = (await mirror.references(fresh=False)).tags_of(commit)
        except SourceError:
            tags = ()  # a remote that is down must not hide what we know of the commit
        return pb.GetRevisionMetadataResponse(
            author=details.author, date=rfc3339(details.date), message=details.message, tags=tags
        )

    async def ListPaths(self, request: pb.ListPathsRequest, context: Context) -> pb.ListPathsResponse:
        mirror = self._mirror(request.repository)
        commit = await mirror.resolve(request.target_revision, fresh=request.cache_policy in _FRESH)
        asked = (str(mirror.path), commit, tuple(request.directory_patterns), tuple(request.file_patterns))
        known = self._listings.get(asked)
        if known is None:
            known = await self._pipeline.read(mirror, commit, lambda tree: _listing(tree, commit, request))
            self._listings.put(asked, known)
        return known

    async def ListRefs(self, request: pb.ListRefsRequest, context: Context) -> pb.ListRefsResponse:
        references = await self._mirror(request.repository).references(fresh=True)
        return pb.ListRefsResponse(branches=references.branches, tags=references.tags)

    async def TestRepository(self, request: pb.TestRepositoryRequest, context: Context) -> pb.TestRepositoryResponse:
        await self._mirror(request.repository).references(fresh=True)
        return pb.TestRepositoryResponse()

    def _mirror(self, message: pb.Repository) -> Mirror:
        return self._pipeline.mirror(repository_of(message))


def add_to_server(service: RepoService, server: Any) -> None:
    add_RepoServiceServicer_to_server(service, server)


def _checked_sha(revision: str) -> str:
    if not is_sha(revision):
        raise InvalidRequest("the revision is not a full commit SHA; resolve it first")
    return revision


def _manifest_request(request: pb.GetManifestsRequest) -> ManifestRequest:
    context = request.context
    return ManifestRequest(
        repository=_repository(request.repository),
        source=request.source,
        revision=_checked_sha(request.revision) if request.revision else "",
        context=RenderContext(
            app_name=context.app_name,
            app_namespace=context.app_namespace,
            project=context.project,
            namespace=context.namespace,
            kube_version=context.kube_version,
            api_versions=tuple(context.api_versions),
            kustomize=KustomizeSettings(
                build_options=tuple(sorted(context.kustomize_build_options.items())),
                paths=tuple(sorted(context.kustomize_paths.items())),
            ),
        ),
        refs=tuple(
            SourceRef(each.name, _repository(each.repository), each.target_revision) for each in request.ref_sources
        ),
        fresh_refs=request.cache_policy == pb.CACHE_POLICY_FRESH_REFS,
        bypass=request.cache_policy == pb.CACHE_POLICY_BYPASS,
        known_key=request.known_render_key,
    )


def _repository(message: pb.Repository) -> Repository:
    return repository_of(message)


def _listing(tree: CommitTree, commit: str, request: pb.ListPathsRequest) -> pb.ListPathsResponse:
    directories = matching_directories(tree, list(request.directory_patterns))
    files = matching_files(tree, list(request.file_patterns))
    return pb.ListPathsResponse(
        revision=commit,
        directories=[pb.PathEntry(path=path) for path in directories],
        files=[pb.PathEntry(path=path, content=content) for path, content in files],
    )
