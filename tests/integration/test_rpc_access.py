"""Which certificate opens which RPC: every method of both services, over real mutual TLS."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from adapters._pb.tiphys.live.v1 import live_pb2, live_pb2_grpc
from adapters._pb.tiphys.repo.v1 import repo_pb2, repo_pb2_grpc
from adapters.clock import SystemClock
from adapters.rpc_access import CALLERS, CallerInterceptor
from adapters.tls import SERVER_OPTIONS, channel_credentials, channel_options, server_credentials
from tiphys.local import pki
from tiphys.local.layout import SERVICES

pytestmark = pytest.mark.integration

METHODS = [
    f"/{service.full_name}/{method.name}"
    for service in (
        live_pb2.DESCRIPTOR.services_by_name["LiveService"],
        repo_pb2.DESCRIPTOR.services_by_name["RepoService"],
    )
    for method in service.methods
]
OPENED = grpc.StatusCode.UNIMPLEMENTED  # the call came as far as a service that does nothing
REFUSED = grpc.StatusCode.PERMISSION_DENIED


@pytest.fixture(scope="module")
def callers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of every service and of a stranger, all of one CA and all good for calls."""
    folder = tmp_path_factory.mktemp("pki")
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    pki.ensure(folder, SystemClock().now(), uses=dict.fromkeys((*SERVICES, "stranger"), both))
    return folder


async def serving(tls: Path, interceptor: CallerInterceptor) -> AsyncIterator[str]:
    server = grpc.aio.server(interceptors=[interceptor], options=SERVER_OPTIONS)
    live_pb2_grpc.add_LiveServiceServicer_to_server(live_pb2_grpc.LiveServiceServicer(), server)
    repo_pb2_grpc.add_RepoServiceServicer_to_server(repo_pb2_grpc.RepoServiceServicer(), server)
    port = server.add_secure_port("127.0.0.1:0", server_credentials(tls))
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(grace=0)


@pytest.fixture
async def address(callers: Path) -> AsyncIterator[str]:
    async for each in serving(callers / "app_controller", CallerInterceptor()):
        yield each


async def answer(address: str, method: str, holder: Path, *, server: str = "app-controller") -> Any:
    async with grpc.aio.secure_channel(
        address, channel_credentials(holder), options=channel_options(server)
    ) as channel:
        if method.endswith("WatchResourceTree"):
            call: Any = channel.unary_stream(method, None, None)(b"", timeout=5)
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                async for _ in call:
                    pass
        else:
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await channel.unary_unary(method, None, None)(b"", timeout=5)
        return failed.value.code()


def test_every_method_of_every_service_is_in_the_table_and_nothing_else_is() -> None:
    assert sorted(CALLERS) == sorted(METHODS)
    assert all(CALLERS.values())


@pytest.mark.parametrize("method", METHODS)
async def test_a_method_opens_for_those_the_table_names_and_for_no_other_of_our_certificates(
    callers: Path, address: str, method: str
) -> None:
    for service in (*SERVICES, "stranger"):
        expected = OPENED if service.replace("_", "-") in CALLERS[method] else REFUSED
        assert await answer(address, method, callers / service) is expected, service


def test_nobody_but_the_api_server_may_delete() -> None:
    assert CALLERS["/tiphys.live.v1.LiveService/DeleteLiveObject"] == {"api-server"}


async def test_a_method_the_table_does_not_name_opens_for_nobody(callers: Path) -> None:
    async for address in serving(callers / "app_controller", CallerInterceptor({})):
        for service in SERVICES:
            assert await answer(address, METHODS[0], callers / service) is REFUSED


async def test_a_certificate_that_is_not_for_calls_does_not_even_connect(
    address: str, callers: Path, tmp_path: Path
) -> None:
    """The repo server asks nobody anything, and its certificate says so."""
    pki.ensure(tmp_path, SystemClock().now())
    async for real in serving(tmp_path / "app_controller", CallerInterceptor()):
        for service, code in (
            ("api_server", OPENED),
            ("app_controller", REFUSED),
            ("repo_server", grpc.StatusCode.UNAVAILABLE),
        ):
            assert await answer(real, METHODS[0], tmp_path / service) is code, service


async def test_a_client_talks_to_the_service_it_means_and_to_no_other(callers: Path, address: str) -> None:
    """What listens here holds the controller's certificate: good for the controller, for nobody else."""
    method = METHODS[0]
    assert await answer(address, method, callers / "api_server") is OPENED
    for other in ("repo-server", "api-server", "localhost"):
        code = await answer(address, method, callers / "api_server", server=other)
        assert code is grpc.StatusCode.UNAVAILABLE, other
