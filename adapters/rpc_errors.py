"""GitOpsError on one side of a gRPC call, the same GitOpsError on the other.

The class travels as its reason in the trailing metadata `tiphys-reason`, the message as the status
details. What is not a GitOpsError is a bug: it is logged here and told to the caller without its text.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, TypeAlias

import grpc
import structlog

from gitops.model import errors
from gitops.model.errors import GitOpsError

REASON_KEY = "tiphys-reason"
MESSAGE_LIMIT = 8_000  # characters; details share the limit on metadata

Code = grpc.StatusCode

# Classes not listed take the code of their nearest listed base.
CODES: Mapping[type[GitOpsError], grpc.StatusCode] = {
    GitOpsError: Code.INTERNAL,
    errors.InvalidSpec: Code.INVALID_ARGUMENT,
    errors.InvalidRequest: Code.INVALID_ARGUMENT,
    errors.NotPermitted: Code.PERMISSION_DENIED,
    errors.Unauthenticated: Code.UNAUTHENTICATED,
    errors.NotFound: Code.NOT_FOUND,
    errors.AlreadyExists: Code.ALREADY_EXISTS,
    errors.Conflict: Code.ABORTED,
    errors.SourceError: Code.FAILED_PRECONDITION,
    errors.RevisionNotFound: Code.NOT_FOUND,
    errors.PathNotFound: Code.NOT_FOUND,
    errors.ClusterError: Code.FAILED_PRECONDITION,
    errors.SyncFailed: Code.FAILED_PRECONDITION,
}


def _with_subclasses(root: type[GitOpsError]) -> Iterator[type[GitOpsError]]:
    yield root
    for subclass in root.__subclasses__():
        yield from _with_subclasses(subclass)


# Only the model's own classes: a class private to an adapter would mean nothing to the other side.
BY_REASON: Mapping[str, type[GitOpsError]] = {
    each.reason: each for each in _with_subclasses(GitOpsError) if each.__module__ == errors.__name__
}


def code_of(error: GitOpsError) -> grpc.StatusCode:
    return next(CODES[each] for each in type(error).__mro__ if each in CODES)


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: GitOpsError) -> None:
    """End the call with this error; never returns normally."""
    message = str(error)
    if len(message) > MESSAGE_LIMIT:
        message = message[:MESSAGE_LIMIT] + " … (cut)"
    await context.abort(code_of(error), message, ((REASON_KEY, error.reason),))


def error_of(failure: grpc.aio.AioRpcError, *, service: str, unavailable: type[GitOpsError]) -> GitOpsError:
    """The error the server raised, or `unavailable` if it could not be asked."""
    metadata: Any = failure.trailing_metadata() or ()
    reason = next((value for key, value in metadata if key == REASON_KEY), None)
    known = BY_REASON.get(str(reason)) if reason is not None else None
    if known is not None:
        return known(failure.details() or "")
    if failure.code() is Code.DEADLINE_EXCEEDED:
        return unavailable(f"the {service} did not answer in time; it is tried again")
    if failure.code() in (Code.UNAVAILABLE, Code.CANCELLED):
        return unavailable(f"the {service} cannot be reached; it is tried again")
    return unavailable(f"the {service} failed with {failure.code().name}; its log says more")


Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # generic in its stubs only
Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[Handler]]"


class ErrorInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in its stubs only
    """Lets servicer methods simply raise."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("grpc")
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(self, continuation: Continuation, details: grpc.HandlerCallDetails) -> Handler:
        known = self._wrapped.get(details.method)
        if known is None:
            handler = await continuation(details)
            if handler is None:
                return handler
            known = self._wrapped[details.method] = self._wrap(details.method, handler)
        return known

    def _wrap(self, method: str, handler: Any) -> Handler:
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._streaming(method, handler.unary_stream),
                request_deserializer=handler.request_deserializer,
                response_serializer=handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            self._unary(method, handler.unary_unary),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _unary(self, method: str, behaviour: Any) -> Any:
        async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            try:
                return await behaviour(request, context)
            except GitOpsError as error:
                await abort(context, error)
            except grpc.aio.AbortError:
                raise
            except Exception:
                await self._bug(method, context)

        return call

    def _streaming(self, method: str, behaviour: Any) -> Any:
        async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
            try:
                async for each in behaviour(request, context):
                    yield each
            except GitOpsError as error:
                await abort(context, error)
            except grpc.aio.AbortError:
                raise
            except Exception:
                await self._bug(method, context)

        return call

    async def _bug(self, method: str, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        self._log.exception("rpc failed", method=method)
        await context.abort(Code.INTERNAL, "internal error; the service's log says more")
