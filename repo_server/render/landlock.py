"""Landlock by its three system calls: what a process may do with files, TCP, sockets and signals.

Asks for as much as the kernel's version of it knows. Rules bind the calling thread and all it starts from
then on, and nothing can take them off again.
"""

import ctypes
import errno
import os
from collections.abc import Iterable
from pathlib import Path

# The same numbers on all architectures.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE, _MAKE_DIR, _MAKE_REG, _MAKE_SYM = 0b11 << 4, 1 << 7, 1 << 8, 1 << 12
_REFER, _TRUNCATE = 1 << 13, 1 << 14
READ = READ_FILE | READ_DIR
WRITE = READ | WRITE_FILE | _REMOVE | _MAKE_DIR | _MAKE_REG | _MAKE_SYM | _REFER | _TRUNCATE  # and no execution
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | _TRUNCATE

# By version: how many rights on files there are.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_RIGHTS_NOW = 16
TCP_SINCE = 4
SCOPES_SINCE = 6
_TCP = 0b11  # bind, connect
_SCOPES = 0b11  # abstract sockets, signals


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("tcp", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def version(libc: ctypes.CDLL) -> int:
    """Of the kernel's Landlock; OSError if it has none."""
    return _called(libc, _CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)


def restrict(libc: ctypes.CDLL, abi: int, allowed: Iterable[tuple[int, str]]) -> None:
    """Everything not allowed is refused from now on; OSError if the kernel will not have it so."""
    handled = (1 << _FILE_RIGHTS.get(abi, _FILE_RIGHTS_NOW)) - 1
    wanted = _Ruleset(handled, _TCP if abi >= TCP_SINCE else 0, _SCOPES if abi >= SCOPES_SINCE else 0)
    size = 24 if abi >= SCOPES_SINCE else 16 if abi >= TCP_SINCE else 8
    ruleset = _called(libc, _CREATE_RULESET, ctypes.byref(wanted), ctypes.c_size_t(size), 0)
    try:
        for access, path in allowed:
            _allow(libc, ruleset, path, access & handled)
        _called(libc, _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # nothing there to be allowed
    try:
        if not Path(path).is_dir():
            access &= _OF_FILES
        _called(libc, _ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(_PathBeneath(access, descriptor)), 0)
    finally:
        os.close(descriptor)


def _called(libc: ctypes.CDLL, number: int, *arguments: object) -> int:
    answer = int(libc.syscall(number, *arguments))
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"landlock: {errno.errorcode.get(code, code)}")
    return answer
