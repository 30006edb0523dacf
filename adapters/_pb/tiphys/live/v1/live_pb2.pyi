from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ApplicationRef(_message.Message):
    __slots__ = ("namespace", "name")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class ObjectRef(_message.Message):
    __slots__ = ("group", "version", "kind", "namespace", "name", "uid")
    GROUP_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    group: str
    version: str
    kind: str
    namespace: str
    name: str
    uid: str
    def __init__(self, group: _Optional[str] = ..., version: _Optional[str] = ..., kind: _Optional[str] = ..., namespace: _Optional[str] = ..., name: _Optional[str] = ..., uid: _Optional[str] = ...) -> None: ...

class GetResourceTreeRequest(_message.Message):
    __slots__ = ("application",)
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    application: ApplicationRef
    def __init__(self, application: _Optional[_Union[ApplicationRef, _Mapping]] = ...) -> None: ...

class GetResourceTreeResponse(_message.Message):
    __slots__ = ("tree",)
    TREE_FIELD_NUMBER: _ClassVar[int]
    tree: bytes
    def __init__(self, tree: _Optional[bytes] = ...) -> None: ...

class WatchResourceTreeRequest(_message.Message):
    __slots__ = ("application",)
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    application: ApplicationRef
    def __init__(self, application: _Optional[_Union[ApplicationRef, _Mapping]] = ...) -> None: ...

class WatchResourceTreeResponse(_message.Message):
    __slots__ = ("tree",)
    TREE_FIELD_NUMBER: _ClassVar[int]
    tree: bytes
    def __init__(self, tree: _Optional[bytes] = ...) -> None: ...

class ListManagedResourcesRequest(_message.Message):
    __slots__ = ("application", "only")
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    ONLY_FIELD_NUMBER: _ClassVar[int]
    application: ApplicationRef
    only: ObjectRef
    def __init__(self, application: _Optional[_Union[ApplicationRef, _Mapping]] = ..., only: _Optional[_Union[ObjectRef, _Mapping]] = ...) -> None: ...

class ListManagedResourcesResponse(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: bytes
    def __init__(self, items: _Optional[bytes] = ...) -> None: ...

class GetLiveObjectRequest(_message.Message):
    __slots__ = ("application", "object")
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    application: ApplicationRef
    object: ObjectRef
    def __init__(self, application: _Optional[_Union[ApplicationRef, _Mapping]] = ..., object: _Optional[_Union[ObjectRef, _Mapping]] = ...) -> None: ...

class GetLiveObjectResponse(_message.Message):
    __slots__ = ("manifest",)
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    manifest: bytes
    def __init__(self, manifest: _Optional[bytes] = ...) -> None: ...

class DeleteLiveObjectRequest(_message.Message):
    __slots__ = ("application", "object", "force", "orphan")
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    ORPHAN_FIELD_NUMBER: _ClassVar[int]
    application: ApplicationRef
    object: ObjectRef
    force: bool
    orphan: bool
    def __init__(self, application: _Optional[_Union[ApplicationRef, _Mapping]] = ..., object: _Optional[_Union[ObjectRef, _Mapping]] = ..., force: _Optional[bool] = ..., orphan: _Optional[bool] = ...) -> None: ...

class DeleteLiveObjectResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListEventsRequest(_message.Message):
    __slots__ = ("application", "object")
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    application: ApplicationRef
    object: ObjectRef
    def __init__(self, application: _Optional[_Union[ApplicationRef, _Mapping]] = ..., object: _Optional[_Union[ObjectRef, _Mapping]] = ...) -> None: ...

class ListEventsResponse(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: bytes
    def __init__(self, events: _Optional[bytes] = ...) -> None: ...

class NotifyPushRequest(_message.Message):
    __slots__ = ("repository_url", "ref", "revision")
    REPOSITORY_URL_FIELD_NUMBER: _ClassVar[int]
    REF_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    repository_url: str
    ref: str
    revision: str
    def __init__(self, repository_url: _Optional[str] = ..., ref: _Optional[str] = ..., revision: _Optional[str] = ...) -> None: ...

class NotifyPushResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListClusterStatesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListClusterStatesResponse(_message.Message):
    __slots__ = ("states",)
    STATES_FIELD_NUMBER: _ClassVar[int]
    states: bytes
    def __init__(self, states: _Optional[bytes] = ...) -> None: ...
