"""Mutual TLS between the services: one directory with ca.crt, tls.crt and tls.key per service.

Both sides verify. A directory that lacks a file stops the service at its start; there is no way to
run without TLS. A certificate names its holder twice: as a DNS name (`repo-server`), which clients ask
of the server they reach, and as a URI, by which servers know who calls (`rpc_access.py`).
"""

from pathlib import Path

import grpc

from gitops.model.errors import GitOpsError

MESSAGE_LIMIT = 100 * 1024 * 1024
METADATA_LIMIT = 64 * 1024  # error messages travel in trailing metadata

_COMMON_OPTIONS: tuple[tuple[str, int | str], ...] = (
    ("grpc.max_send_message_length", MESSAGE_LIMIT),
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_metadata_size", METADATA_LIMIT),
    ("grpc.absolute_max_metadata_size", 2 * METADATA_LIMIT),
)

SERVER_OPTIONS: tuple[tuple[str, int | str], ...] = (
    *_COMMON_OPTIONS,
    # Two servers on one port would share the calls between them without anyone noticing.
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


IDENTITIES = "spiffe://tiphys.internal/"


def identity(service: str) -> str:
    """The URI that a certificate of this service carries among its subject alternative names."""
    return IDENTITIES + service


class TlsMaterialMissing(GitOpsError):
    reason = "TlsMaterialMissing"


def _read(directory: Path, name: str) -> bytes:
    try:
        return (directory / name).read_bytes()
    except OSError as error:
        raise TlsMaterialMissing(
            f"{name} cannot be read from the TLS directory ({error.strerror}); "
            "set TIPHYS_TLS_DIR to a directory with ca.crt, tls.crt and tls.key"
        ) from error


def server_credentials(directory: Path) -> grpc.ServerCredentials:
    """Credentials that refuse any client without a certificate of our own CA."""
    pair = (_read(directory, "tls.key"), _read(directory, "tls.crt"))
    return grpc.ssl_server_credentials([pair], root_certificates=_read(directory, "ca.crt"), require_client_auth=True)


def channel_credentials(directory: Path) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(
        root_certificates=_read(directory, "ca.crt"),
        private_key=_read(directory, "tls.key"),
        certificate_chain=_read(directory, "tls.crt"),
    )


def channel_options(server_name: str) -> tuple[tuple[str, int | str], ...]:
    """Options of a channel to the service called `server_name`, which its certificate must carry."""
    return (
        *_COMMON_OPTIONS,
        ("grpc.ssl_target_name_override", server_name),
        ("grpc.keepalive_time_ms", 20_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        # A peer that hangs is noticed also while nothing is asked of it.
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
    )
