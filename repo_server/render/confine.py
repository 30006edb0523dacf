"""Takes from a worker process what a render has no use for: network, privileges, endless resources.

Runs before any tool or library is loaded. Where the kernel refuses one of these, the others still hold,
and the pool still kills by time and memory.
"""

import ctypes
import os
import resource
from pathlib import Path

import msgspec

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_PDEATHSIG = 1
_SIGKILL = 9

# Landlock, as of its first version (Linux 5.13); same system call numbers on all architectures.
_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_ADD_RULE = 445
_LANDLOCK_RESTRICT_SELF = 446
_PATH_BENEATH = 1
_ACCESS_READ = 0b0000_0000_0000_1101  # execute, read a file, list a directory
_ACCESS_FILE_READ = 0b0000_0000_0000_0101
_ACCESS_ALL = 0b0001_1111_1111_1111


class Confinement(msgspec.Struct, frozen=True):
    memory_limit: int  # bytes of data the process may ever map; the pool kills earlier, by resident memory
    file_limit: int  # bytes of one file
    readable: tuple[str, ...]  # interpreter, libraries, tools
    writable: tuple[str, ...]  # scratch


def confine(confinement: Confinement) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    # A worker does not outlive its server, even one that was killed.
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # A network namespace of its own holds no interface that is up.
    libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    _limit_resources(confinement)
    _landlock(libc, confinement)


def _limit_resources(confinement: Confinement) -> None:
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_DATA: confinement.memory_limit,
        resource.RLIMIT_FSIZE: confinement.file_limit,
        resource.RLIMIT_NOFILE: 1024,
    }
    for kind, limit in limits.items():
        _, hard = resource.getrlimit(kind)
        wanted = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (wanted, wanted))


class _RulesetAttributes(ctypes.Structure):
    _fields_ = [("handled_access_fs", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def _landlock(libc: ctypes.CDLL, confinement: Confinement) -> None:
    attributes = _RulesetAttributes(_ACCESS_ALL)
    size = ctypes.sizeof(attributes)
    ruleset = libc.syscall(_LANDLOCK_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return
    try:
        for access, paths in ((_ACCESS_READ, confinement.readable), (_ACCESS_ALL, confinement.writable)):
            for path in paths:
                _allow(libc, ruleset, Path(path), access)
        libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not path.is_dir():
            access &= _ACCESS_FILE_READ | 0b10  # rights of directories are refused on files
        rule = _PathBeneath(access, descriptor)
        libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)
