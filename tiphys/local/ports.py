"""Free TCP ports on loopback.

Chosen below the range systems hand out for outgoing connections, so that a port picked today is
still free when the installation starts again tomorrow.
"""

import random
import socket
import threading

from tiphys.local.errors import NotStarted

_RANGE = range(20_000, 32_000)
_handed_out: set[int] = set()
_lock = threading.Lock()


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a connection in TIME_WAIT does not keep a port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int, *, preferred: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Different free ports; a preferred one first, where it is free. No port is handed out twice by one process."""
    found: list[int] = []
    with _lock:
        candidates = [*preferred, *random.sample(_RANGE, len(_RANGE))]
        for port in candidates:
            if len(found) == count:
                break
            if port not in _handed_out and is_free(port):
                found.append(port)
        if len(found) < count:
            raise NotStarted(f"fewer than {count} free ports between {_RANGE.start} and {_RANGE.stop}")
        _handed_out.update(found)
    return tuple(found)
