"""Takes from a worker process what a render has no use for: network, other processes, files, privileges, resources.

Runs before any tool or library is loaded, and reads every answer of the kernel: what is in force, and what
is not and why, is told to the pool, which tells people, or refuses to render.
"""

import ctypes
import errno
import os
import resource
import socket
from collections.abc import Callable

import msgspec

from repo_server.render import landlock, seccomp

_CLONE_NEWIPC = 0x08000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_SIGKILL = 9
_CAPABILITIES_VERSION = 0x20080522
_PROCESSES = 256  # of the worker's own user namespace; the pool ends a render long before


class Confinement(msgspec.Struct, frozen=True):
    parent: int  # the server; a worker without it has no business
    cpu_seconds: int  # of one render; the pool ends it earlier, unless the pool is gone and only a tool is left
    memory_limit: int  # bytes of data the process may ever map; the pool kills earlier, by resident memory
    file_limit: int  # bytes of one file
    readable: tuple[str, ...]  # interpreter, libraries
    executable: tuple[str, ...]  # tools
    writable: tuple[str, ...]  # scratch, and /dev/null


class Layer(msgspec.Struct, frozen=True):
    """One part of the confinement, and whether the kernel has it in force."""

    name: str
    in_force: bool
    detail: str = ""  # which version of it, or why it is not


class Report(msgspec.Struct, frozen=True):
    layers: tuple[Layer, ...]

    def missing(self) -> tuple[Layer, ...]:
        """Of those without which a hostile source could leave the sandbox."""
        return tuple(each for each in self.layers if each.name in REQUIRED and not each.in_force)

    def told(self) -> str:
        def listed(in_force: bool) -> str:
            found = [each for each in self.layers if each.in_force is in_force]
            return ", ".join(f"{each.name} ({each.detail})" if each.detail else each.name for each in found) or "none"

        return f"in force: {listed(True)}; not in force: {listed(False)}"


# TCP, scopes and namespaces double what seccomp refuses already; the others have no second.
REQUIRED = frozenset({"parent", "no_new_privileges", "capabilities", "limits", "files", "system_calls"})


def confine(confinement: Confinement) -> Report:
    libc = ctypes.CDLL(None, use_errno=True)
    layers = [
        _tried("parent", lambda: _die_with(libc, confinement.parent)),
        _tried("no_new_privileges", lambda: _checked("prctl", libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))),
        _tried("namespaces", lambda: _own_namespaces(libc)),
    ]
    own_user = layers[-1].in_force
    layers.append(_tried("capabilities", lambda: _drop_capabilities(libc)))
    layers.append(_tried("limits", lambda: _limit_resources(confinement, own_user=own_user)))
    layers += _landlock(libc, confinement)
    layers.append(_tried("system_calls", lambda: _filter_system_calls(libc)))
    return Report(tuple(layers))


def _tried(name: str, action: Callable[[], str]) -> Layer:
    try:
        return Layer(name, True, action())
    except (OSError, ValueError, AttributeError) as error:
        code = error.errno if isinstance(error, OSError) else 0
        return Layer(name, False, errno.errorcode.get(code or 0) or str(getattr(error, "strerror", error)))


def _checked(what: str, answer: int) -> str:
    if answer != 0:
        raise OSError(ctypes.get_errno(), what)
    return ""


def _die_with(libc: ctypes.CDLL, parent: int) -> str:
    """A worker does not outlive its server, even one that was killed; what a tool starts stays below the worker."""
    _checked("prctl", libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0))
    if os.getppid() != parent:
        raise SystemExit("the server is gone")
    return _checked("prctl", libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))


def _own_namespaces(libc: ctypes.CDLL) -> str:
    """Ordinary pods may not have them. A network namespace of its own holds no interface that is up."""
    _checked("unshare", libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC))
    return "user, network, ipc"


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


def _drop_capabilities(libc: ctypes.CDLL) -> str:
    """None is left, and with no_new_privileges none comes back: not for root, not in a user namespace either."""
    nothing = (ctypes.c_uint32 * 6)()
    header = _CapabilityHeader(_CAPABILITIES_VERSION, 0)
    return _checked("capset", libc.capset(ctypes.byref(header), ctypes.byref(nothing)))


def limit_cpu(seconds: int) -> None:
    """For this process from now on, and for each process it starts from its beginning."""
    used = os.times()
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(used.user + used.system) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _limit_resources(confinement: Confinement, *, own_user: bool) -> str:
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_DATA: confinement.memory_limit,
        resource.RLIMIT_FSIZE: confinement.file_limit,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_MEMLOCK: 0,
    }
    if own_user:
        # Without a user namespace it would count what the same user runs in all containers of the node.
        limits[resource.RLIMIT_NPROC] = _PROCESSES
    for kind, limit in limits.items():
        _, hard = resource.getrlimit(kind)
        wanted = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (wanted, wanted))
    return ""


def _landlock(libc: ctypes.CDLL, confinement: Confinement) -> list[Layer]:
    """Files, and where the kernel's version has them, TCP and the scopes of signals and abstract sockets."""
    allowed = [
        *((landlock.READ, path) for path in confinement.readable),
        *((landlock.READ | landlock.EXECUTE, path) for path in confinement.executable),
        *((landlock.WRITE, path) for path in confinement.writable),
    ]

    def restrict() -> str:
        abi = landlock.version(libc)
        landlock.restrict(libc, abi, allowed)
        _proved_refused("the root directory can still be listed", lambda: os.listdir("/"))
        return f"Landlock version {abi}"

    files = _tried("files", restrict)
    abi = int(files.detail.rpartition(" ")[2]) if files.in_force else 0
    later = {"tcp": landlock.TCP_SINCE, "signals_and_sockets": landlock.SCOPES_SINCE}
    return [
        files,
        *(
            Layer(name, abi >= since, "" if abi >= since else f"needs Landlock version {since}")
            for name, since in later.items()
        ),
    ]


def _filter_system_calls(libc: ctypes.CDLL) -> str:
    seccomp.install(libc, seccomp.render_filter(seccomp.this_architecture()))
    _proved_refused("sockets can still be made", lambda: socket.socket().close())
    _proved_refused("the server can still be signalled", lambda: os.kill(os.getppid(), 0))
    return "seccomp"


def _proved_refused(otherwise: str, action: Callable[[], object]) -> None:
    """Tried, so that a kernel that answers yes and does nothing is found out."""
    try:
        action()
    except PermissionError:
        return
    raise OSError(0, otherwise)
