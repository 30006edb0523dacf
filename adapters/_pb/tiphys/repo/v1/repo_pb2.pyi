from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CachePolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CACHE_POLICY_UNSPECIFIED: _ClassVar[CachePolicy]
    CACHE_POLICY_USE: _ClassVar[CachePolicy]
    CACHE_POLICY_FRESH_REFS: _ClassVar[CachePolicy]
    CACHE_POLICY_BYPASS: _ClassVar[CachePolicy]
CACHE_POLICY_UNSPECIFIED: CachePolicy
CACHE_POLICY_USE: CachePolicy
CACHE_POLICY_FRESH_REFS: CachePolicy
CACHE_POLICY_BYPASS: CachePolicy

class Repository(_message.Message):
    __slots__ = ("url", "type", "credentials")
    URL_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    url: str
    type: str
    credentials: bytes
    def __init__(self, url: _Optional[str] = ..., type: _Optional[str] = ..., credentials: _Optional[bytes] = ...) -> None: ...

class ResolveRevisionRequest(_message.Message):
    __slots__ = ("repository", "target_revision", "cache_policy")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    TARGET_REVISION_FIELD_NUMBER: _ClassVar[int]
    CACHE_POLICY_FIELD_NUMBER: _ClassVar[int]
    repository: Repository
    target_revision: str
    cache_policy: CachePolicy
    def __init__(self, repository: _Optional[_Union[Repository, _Mapping]] = ..., target_revision: _Optional[str] = ..., cache_policy: _Optional[_Union[CachePolicy, str]] = ...) -> None: ...

class ResolveRevisionResponse(_message.Message):
    __slots__ = ("revision", "warnings")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    revision: str
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, revision: _Optional[str] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class RenderContext(_message.Message):
    __slots__ = ("app_name", "app_namespace", "project", "namespace", "kube_version", "api_versions", "kustomize_build_options", "kustomize_paths")
    class KustomizeBuildOptionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class KustomizePathsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    APP_NAME_FIELD_NUMBER: _ClassVar[int]
    APP_NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    KUBE_VERSION_FIELD_NUMBER: _ClassVar[int]
    API_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    KUSTOMIZE_BUILD_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    KUSTOMIZE_PATHS_FIELD_NUMBER: _ClassVar[int]
    app_name: str
    app_namespace: str
    project: str
    namespace: str
    kube_version: str
    api_versions: _containers.RepeatedScalarFieldContainer[str]
    kustomize_build_options: _containers.ScalarMap[str, str]
    kustomize_paths: _containers.ScalarMap[str, str]
    def __init__(self, app_name: _Optional[str] = ..., app_namespace: _Optional[str] = ..., project: _Optional[str] = ..., namespace: _Optional[str] = ..., kube_version: _Optional[str] = ..., api_versions: _Optional[_Iterable[str]] = ..., kustomize_build_options: _Optional[_Mapping[str, str]] = ..., kustomize_paths: _Optional[_Mapping[str, str]] = ...) -> None: ...

class RefSource(_message.Message):
    __slots__ = ("name", "repository", "target_revision")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    TARGET_REVISION_FIELD_NUMBER: _ClassVar[int]
    name: str
    repository: Repository
    target_revision: str
    def __init__(self, name: _Optional[str] = ..., repository: _Optional[_Union[Repository, _Mapping]] = ..., target_revision: _Optional[str] = ...) -> None: ...

class GetManifestsRequest(_message.Message):
    __slots__ = ("repository", "source", "revision", "context", "ref_sources", "cache_policy", "known_render_key")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    REF_SOURCES_FIELD_NUMBER: _ClassVar[int]
    CACHE_POLICY_FIELD_NUMBER: _ClassVar[int]
    KNOWN_RENDER_KEY_FIELD_NUMBER: _ClassVar[int]
    repository: Repository
    source: bytes
    revision: str
    context: RenderContext
    ref_sources: _containers.RepeatedCompositeFieldContainer[RefSource]
    cache_policy: CachePolicy
    known_render_key: str
    def __init__(self, repository: _Optional[_Union[Repository, _Mapping]] = ..., source: _Optional[bytes] = ..., revision: _Optional[str] = ..., context: _Optional[_Union[RenderContext, _Mapping]] = ..., ref_sources: _Optional[_Iterable[_Union[RefSource, _Mapping]]] = ..., cache_policy: _Optional[_Union[CachePolicy, str]] = ..., known_render_key: _Optional[str] = ...) -> None: ...

class GetManifestsResponse(_message.Message):
    __slots__ = ("revision", "render_key", "unchanged", "manifests", "source_type", "rendered", "skipped")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    RENDER_KEY_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    MANIFESTS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    RENDERED_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    revision: str
    render_key: str
    unchanged: bool
    manifests: bytes
    source_type: str
    rendered: bool
    skipped: _containers.RepeatedCompositeFieldContainer[SkippedFile]
    def __init__(self, revision: _Optional[str] = ..., render_key: _Optional[str] = ..., unchanged: _Optional[bool] = ..., manifests: _Optional[bytes] = ..., source_type: _Optional[str] = ..., rendered: _Optional[bool] = ..., skipped: _Optional[_Iterable[_Union[SkippedFile, _Mapping]]] = ...) -> None: ...

class SkippedFile(_message.Message):
    __slots__ = ("path", "reason")
    PATH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    path: str
    reason: str
    def __init__(self, path: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class GetRevisionMetadataRequest(_message.Message):
    __slots__ = ("repository", "revision")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    repository: Repository
    revision: str
    def __init__(self, repository: _Optional[_Union[Repository, _Mapping]] = ..., revision: _Optional[str] = ...) -> None: ...

class GetRevisionMetadataResponse(_message.Message):
    __slots__ = ("author", "date", "message", "tags")
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    DATE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    author: str
    date: str
    message: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, author: _Optional[str] = ..., date: _Optional[str] = ..., message: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ...) -> None: ...

class ListPathsRequest(_message.Message):
    __slots__ = ("repository", "target_revision", "directory_patterns", "file_patterns", "cache_policy")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    TARGET_REVISION_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_PATTERNS_FIELD_NUMBER: _ClassVar[int]
    FILE_PATTERNS_FIELD_NUMBER: _ClassVar[int]
    CACHE_POLICY_FIELD_NUMBER: _ClassVar[int]
    repository: Repository
    target_revision: str
    directory_patterns: _containers.RepeatedScalarFieldContainer[str]
    file_patterns: _containers.RepeatedScalarFieldContainer[str]
    cache_policy: CachePolicy
    def __init__(self, repository: _Optional[_Union[Repository, _Mapping]] = ..., target_revision: _Optional[str] = ..., directory_patterns: _Optional[_Iterable[str]] = ..., file_patterns: _Optional[_Iterable[str]] = ..., cache_policy: _Optional[_Union[CachePolicy, str]] = ...) -> None: ...

class PathEntry(_message.Message):
    __slots__ = ("path", "content")
    PATH_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    path: str
    content: bytes
    def __init__(self, path: _Optional[str] = ..., content: _Optional[bytes] = ...) -> None: ...

class ListPathsResponse(_message.Message):
    __slots__ = ("revision", "directories", "files")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    DIRECTORIES_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    revision: str
    directories: _containers.RepeatedCompositeFieldContainer[PathEntry]
    files: _containers.RepeatedCompositeFieldContainer[PathEntry]
    def __init__(self, revision: _Optional[str] = ..., directories: _Optional[_Iterable[_Union[PathEntry, _Mapping]]] = ..., files: _Optional[_Iterable[_Union[PathEntry, _Mapping]]] = ...) -> None: ...

class ListRefsRequest(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: Repository
    def __init__(self, repository: _Optional[_Union[Repository, _Mapping]] = ...) -> None: ...

class ListRefsResponse(_message.Message):
    __slots__ = ("branches", "tags")
    class BranchesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    BRANCHES_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    branches: _containers.ScalarMap[str, str]
    tags: _containers.ScalarMap[str, str]
    def __init__(self, branches: _Optional[_Mapping[str, str]] = ..., tags: _Optional[_Mapping[str, str]] = ...) -> None: ...

class TestRepositoryRequest(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: Repository
    def __init__(self, repository: _Optional[_Union[Repository, _Mapping]] = ...) -> None: ...

class TestRepositoryResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
