"""Which service may call which RPC: one table, asked of every call before anything of it is read.

The caller is who his certificate says he is, by the identity among its subject alternative names (`tls.py`). What is
not in the table is nobody's: a new method is closed until somebody writes down who needs it.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc
import structlog

from adapters.rpc_errors import Continuation, Handler
from adapters.tls import IDENTITIES

log = structlog.get_logger("grpc")

API_SERVER = "api-server"
APP_CONTROLLER = "app-controller"

_LIVE = "/tiphys.live.v1.LiveService/"
_REPO = "/tiphys.repo.v1.RepoService/"
_API_ALONE = frozenset({API_SERVER})
_CONTROLLER_ALONE = frozenset({APP_CONTROLLER})
_BOTH = _API_ALONE | _CONTROLLER_ALONE

CALLERS: Mapping[str, frozenset[str]] = {
    _LIVE + "GetResourceTree": _API_ALONE,
    _LIVE + "WatchResourceTree": _API_ALONE,
    _LIVE + "ListManagedResources": _API_ALONE,
    _LIVE + "GetLiveObject": _API_ALONE,
    _LIVE + "DeleteLiveObject": _API_ALONE,
    _LIVE + "ListEvents": _API_ALONE,
    _LIVE + "NotifyPush": _API_ALONE,
    _LIVE + "ListClusterStates": _API_ALONE,
    _REPO + "ResolveRevision": _CONTROLLER_ALONE,
    _REPO + "ListPaths": _CONTROLLER_ALONE,
    _REPO + "GetManifests": _BOTH,
    _REPO + "GetRevisionMetadata": _BOTH,
    _REPO + "ListRefs": _BOTH,
    _REPO + "TestRepository": _BOTH,
}


def caller_of(context: Any) -> str:
    """The service at the other end of a call; empty when its certificate names none, or more than one."""
    named = context.auth_context().get("peer_uri") or []
    uris = {bytes(each).decode("utf-8", "replace") for each in named}
    if len(uris) != 1:
        return ""
    (uri,) = uris
    return uri.removeprefix(IDENTITIES) if uri.startswith(IDENTITIES) else ""


class CallerInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in its stubs only
    """Ends the calls of those the table does not name for the method."""

    def __init__(self, callers: Mapping[str, frozenset[str]] = CALLERS) -> None:
        self._callers = callers
        self._guarded: dict[str, Handler] = {}

    async def intercept_service(self, continuation: Continuation, details: grpc.HandlerCallDetails) -> Handler:
        known = self._guarded.get(details.method)
        if known is None:
            handler = await continuation(details)
            if handler is None:
                return handler  # no such method: gRPC itself says so
            known = self._guarded[details.method] = self._guard(details.method, handler)
        return known

    def _guard(self, method: str, handler: Any) -> Handler:
        allowed = self._callers.get(method, frozenset())
        # Raw bytes go in and out: nothing that a stranger sent is even decoded.
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(_streaming(method, allowed, handler))
        return grpc.unary_unary_rpc_method_handler(_unary(method, allowed, handler))


def _unary(method: str, allowed: frozenset[str], handler: Any) -> Any:
    async def call(raw: bytes, context: Any) -> bytes:
        await _check(method, allowed, context)
        answer = await handler.unary_unary(handler.request_deserializer(raw), context)
        return bytes(handler.response_serializer(answer))

    return call


def _streaming(method: str, allowed: frozenset[str], handler: Any) -> Any:
    async def call(raw: bytes, context: Any) -> AsyncIterator[bytes]:
        await _check(method, allowed, context)
        async for each in handler.unary_stream(handler.request_deserializer(raw), context):
            yield handler.response_serializer(each)

    return call


async def _check(method: str, allowed: frozenset[str], context: Any) -> None:
    caller = caller_of(context)
    if caller not in allowed:
        log.warning("call refused", method=method, caller=caller or "unnamed", peer=context.peer())
        # No reason goes along: to the caller's users this is no refusal of theirs, but a service set up wrongly.
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not for the holder of this certificate")
