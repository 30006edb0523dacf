"""The repo server as its callers see it: revisions, manifests, refs and paths as plain values."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Self

import grpc
import msgspec

from adapters._pb.tiphys.repo.v1 import repo_pb2 as pb
from adapters._pb.tiphys.repo.v1.repo_pb2_grpc import RepoServiceStub
from adapters.proto_codec import repository_message
from adapters.rpc_errors import error_of
from adapters.tls import channel_credentials, channel_options
from gitops.model.application import KustomizeSettings
from gitops.model.errors import RepoServerUnavailable
from gitops.model.repository import Repository, RepositoryAccess, SkippedFile

SERVER_NAME = "repo-server"

REFS_DEADLINE = timedelta(seconds=60)
RENDER_DEADLINE = timedelta(seconds=180)  # a first fetch of a large repository and the render itself


class CachePolicy(Enum):
    """How much of what is already known may be used."""

    USE = pb.CACHE_POLICY_USE
    FRESH_REFS = pb.CACHE_POLICY_FRESH_REFS
    BYPASS = pb.CACHE_POLICY_BYPASS


class RenderContext(msgspec.Struct, frozen=True):
    """What a render is asked for, besides the source itself."""

    app_name: str = ""
    app_namespace: str = ""
    project: str = ""
    namespace: str = ""
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()
    kustomize: KustomizeSettings = KustomizeSettings()


class Rendered(msgspec.Struct, frozen=True):
    """`manifests` is a JSON array, empty bytes if `unchanged`: the caller holds them under this key."""

    revision: str
    render_key: str
    unchanged: bool
    manifests: bytes
    source_type: str
    rendered: bool
    skipped: tuple[SkippedFile, ...] = ()


class RevisionMetadata(msgspec.Struct, frozen=True):
    author: str
    date: str
    message: str
    tags: tuple[str, ...] = ()


class PathFile(msgspec.Struct, frozen=True):
    path: str
    content: bytes


class PathListing(msgspec.Struct, frozen=True):
    revision: str
    directories: tuple[str, ...] = ()
    files: tuple[PathFile, ...] = ()


class Refs(msgspec.Struct, frozen=True):
    branches: Mapping[str, str]
    tags: Mapping[str, str]


RefSource = tuple[str, Repository, str]  # (name, repository, target revision) of a `$name/…` source


class RepoClient:
    """One channel to the repo server; safe to share between tasks."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._stub: Any = RepoServiceStub(channel)
        self._warnings: dict[RepositoryAccess, tuple[str, ...]] = {}

    @classmethod
    @asynccontextmanager
    async def connect(cls, address: str, tls_dir: Path) -> AsyncIterator[Self]:
        options = channel_options(SERVER_NAME)
        async with grpc.aio.secure_channel(address, channel_credentials(tls_dir), options=options) as channel:
            yield cls(channel)

    async def losses(self) -> AsyncIterator[None]:
        """One entry each time the connection is lost, also to a server that hangs; endless."""
        while True:
            state = self._channel.get_state(try_to_connect=True)
            await self._channel.wait_for_state_change(state)
            if state is grpc.ChannelConnectivity.READY:
                yield

    async def resolve(
        self, repository: Repository, target_revision: str, *, policy: CachePolicy = CachePolicy.USE
    ) -> str:
        """The commit that a branch, tag, version range or SHA stands for."""
        request = pb.ResolveRevisionRequest(
            repository=repository_message(repository), target_revision=target_revision, cache_policy=policy.value
        )
        answer = await _called(self._stub.ResolveRevision, request, REFS_DEADLINE)
        self.forget(repository)
        if answer.warnings:
            self._warnings[repository.access] = tuple(answer.warnings)
        return str(answer.revision)

    def warnings(self, repository: Repository) -> tuple[str, ...]:
        """What of the repository could not be read when it was last asked for a revision, and yet gave one."""
        return self._warnings.get(repository.access, ())

    def forget(self, repository: Repository) -> None:
        """Nothing is asked with these credentials any more."""
        self._warnings.pop(repository.access, None)

    async def manifests(
        self,
        repository: Repository,
        source: Mapping[str, Any],
        *,
        revision: str,
        context: RenderContext,
        refs: Sequence[RefSource] = (),
        policy: CachePolicy = CachePolicy.USE,
        known_render_key: str = "",
    ) -> Rendered:
        """Render one source, as the user wrote it, at one revision (empty: its target revision)."""
        request = pb.GetManifestsRequest(
            repository=repository_message(repository),
            source=msgspec.json.encode(source),
            revision=revision,
            context=_context_message(context),
            ref_sources=[_ref_message(each) for each in refs],
            cache_policy=policy.value,
            known_render_key=known_render_key,
        )
        answer = await _called(self._stub.GetManifests, request, RENDER_DEADLINE)
        return Rendered(
            revision=answer.revision,
            render_key=answer.render_key,
            unchanged=answer.unchanged,
            manifests=answer.manifests,
            source_type=answer.source_type,
            rendered=answer.rendered,
            skipped=tuple(SkippedFile(each.path, each.reason) for each in answer.skipped),
        )

    async def revision_metadata(self, repository: Repository, revision: str) -> RevisionMetadata:
        request = pb.GetRevisionMetadataRequest(repository=repository_message(repository), revision=revision)
        answer = await _called(self._stub.GetRevisionMetadata, request, RENDER_DEADLINE)
        return RevisionMetadata(answer.author, answer.date, answer.message, tuple(answer.tags))

    async def list_paths(
        self,
        repository: Repository,
        target_revision: str,
        *,
        directories: Sequence[str] = (),
        files: Sequence[str] = (),
        policy: CachePolicy = CachePolicy.USE,
    ) -> PathListing:
        """Directories and files (with content) of a revision that match glob patterns."""
        request = pb.ListPathsRequest(
            repository=repository_message(repository),
            target_revision=target_revision,
            directory_patterns=directories,
            file_patterns=files,
            cache_policy=policy.value,
        )
        answer = await _called(self._stub.ListPaths, request, RENDER_DEADLINE)
        return PathListing(
            revision=answer.revision,
            directories=tuple(each.path for each in answer.directories),
            files=tuple(PathFile(each.path, each.content) for each in answer.files),
        )

    async def list_refs(self, repository: Repository) -> Refs:
        request = pb.ListRefsRequest(repository=repository_message(repository))
        answer = await _called(self._stub.ListRefs, request, REFS_DEADLINE)
        return Refs(dict(answer.branches), dict(answer.tags))

    async def test(self, repository: Repository) -> None:
        """Raises if the repository does not answer with its credentials."""
        request = pb.TestRepositoryRequest(repository=repository_message(repository))
        await _called(self._stub.TestRepository, request, REFS_DEADLINE)


async def _called(method: Any, request: Any, deadline: timedelta) -> Any:
    try:
        return await method(request, timeout=deadline.total_seconds())
    except grpc.aio.AioRpcError as failure:
        raise error_of(failure, service="repo server", unavailable=RepoServerUnavailable) from failure


def _context_message(context: RenderContext) -> pb.RenderContext:
    return pb.RenderContext(
        app_name=context.app_name,
        app_namespace=context.app_namespace,
        project=context.project,
        namespace=context.namespace,
        kube_version=context.kube_version,
        api_versions=context.api_versions,
        kustomize_build_options=dict(context.kustomize.build_options),
        kustomize_paths=dict(context.kustomize.paths),
    )


def _ref_message(ref: RefSource) -> pb.RefSource:
    name, repository, target_revision = ref
    return pb.RefSource(name=name, repository=repository_message(repository), target_revision=target_revision)
