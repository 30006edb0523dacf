"""A seccomp filter as the few lines of BPF it is: the system calls a render has no use for answer "not permitted".

Refused are those that reach out of the process (sockets, other processes, mounts, keys, namespaces), that
change what Landlock does not guard (modes, owners, times), and all that are newer than this list.
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_SET_MODE_FILTER, _ALL_THREADS = 1, 1
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _ABOVE_OR_EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_X32 = 0x40000000  # the second table of an x86-64 kernel
_NEWEST = 450  # the last system call that this list was made with
_NEW_NAMESPACES = 0x7E020080  # CLONE_NEW*, as flags of clone
_SIGURG = 23  # how Go's runtime nudges its own threads; ignored by whoever does not ask for it

Program = bytes


class Architecture(NamedTuple):
    audit: int
    column: int  # in NUMBERS


ARCHITECTURES: Mapping[str, Architecture] = {
    "x86_64": Architecture(0xC000003E, 0),
    "aarch64": Architecture(0xC00000B7, 1),
}

# Name: number on x86-64, on arm64 (None: it does not have it). tests/unit checks them against the kernel's headers.
NUMBERS: Mapping[str, tuple[int | None, int | None]] = {
    # networks, and whatever else a socket may lead to
    "socket": (41, 198),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kill": (62, 129), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "kcmp": (312, 272),
    "setsid": (112, 157), "setpgid": (109, 154),
    "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119), "sched_setparam": (142, 118),
    "sched_setattr": (314, 274), "setpriority": (141, 140), "ioprio_set": (251, 30),
    "migrate_pages": (256, 238), "move_pages": (279, 239),
    "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
    # the kernel's large and little needed doors
    "perf_event_open": (298, 241), "bpf": (321, 280), "userfaultfd": (323, 282),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "seccomp": (317, 277), "personality": (135, 92), "modify_ldt": (154, None),
    # namespaces and mounts
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    # files: what Landlock does not guard, and programs that no path leads to
    "truncate": (76, 45), "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None),
    "futimesat": (261, None), "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "mknod": (133, None), "mknodat": (259, 33), "memfd_create": (319, 279), "execveat": (322, 281),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262), "inotify_add_watch": (254, 27),
    # the machine and the user
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "sethostname": (170, 161), "setdomainname": (171, 162),
    "syslog": (103, 116), "iopl": (172, None), "ioperm": (173, None), "vhangup": (153, 58),
    "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143),
    "setresuid": (117, 147), "setresgid": (119, 149), "setgroups": (116, 159), "setfsuid": (122, 151),
    "setfsgid": (123, 152),
    # judged by their arguments, below
    "clone": (56, 220), "clone3": (435, 435), "prlimit64": (302, 261), "tgkill": (234, 131), "fcntl": (72, 25),
    "ioctl": (16, 29),
}  # fmt: skip

_JUDGED = frozenset({"clone", "clone3", "prlimit64", "tgkill", "fcntl", "ioctl"})
_OWNERS_OF_SIGNALS = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: have the kernel send a signal to anybody
_TELLING_IOCTLS = (0x8901, 0x8902, 0x5412, 0x541C)  # FIOSETOWN, SIOCSPGRP, TIOCSTI, TIOCLINUX


def install(libc: ctypes.CDLL, program: Program) -> None:
    """Filters all threads of this process and all it starts; OSError if the kernel will not."""
    instructions = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(instructions))
    call = seccomp_number()
    if libc.syscall(call, _SET_MODE_FILTER, _ALL_THREADS, head) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"seccomp: {errno.errorcode.get(code, code)}")


def seccomp_number() -> int:
    return number("seccomp", this_architecture())


def this_architecture() -> Architecture:
    found = ARCHITECTURES.get(platform.machine())
    if found is None:
        raise OSError(errno.ENOSYS, f"seccomp: no list of system calls for {platform.machine()}")
    return found


def number(name: str, architecture: Architecture) -> int:
    found = NUMBERS[name][architecture.column]
    if found is None:
        raise OSError(errno.ENOSYS, f"seccomp: no {name} on this architecture")
    return found


def render_filter(architecture: Architecture) -> Program:
    lines = [_instruction(_ABOVE_OR_EQUAL, _NEWEST + 1, 0, 1), _answer(errno.ENOSYS)]
    for name, numbers in NUMBERS.items():
        known = numbers[architecture.column]
        if known is not None and name not in _JUDGED:
            lines += refusal(known, errno.EPERM)
    # clone says what it does by its flags; clone3 hides it behind a pointer, so C libraries fall back to clone.
    lines += refusal(number("clone3", architecture), errno.ENOSYS)
    lines += _where("clone", 0, _ANY_BIT, [_NEW_NAMESPACES], architecture)
    lines += _where("fcntl", 1, _EQUAL, _OWNERS_OF_SIGNALS, architecture)
    lines += _where("ioctl", 1, _EQUAL, _TELLING_IOCTLS, architecture)
    lines += _unless("prlimit64", 0, 0, architecture)  # of this process
    lines += _unless("tgkill", 2, _SIGURG, architecture)
    return program(lines, architecture)


def refusal(call: int, code: int) -> list[bytes]:
    return [_instruction(_EQUAL, call, 0, 1), _answer(code)]


def program(lines: list[bytes], architecture: Architecture) -> Program:
    """Calls of another architecture's table are refused; what no line decides is allowed."""
    head = [_instruction(_LOAD, _ARCHITECTURE), _instruction(_EQUAL, architecture.audit, 1, 0)]
    head += [_instruction(_RETURN, _KILL), _instruction(_LOAD, _NUMBER)]
    head += [_instruction(_ABOVE_OR_EQUAL, _X32, 0, 1), _answer(errno.ENOSYS)]
    return b"".join([*head, *lines, _instruction(_RETURN, _ALLOW)])


def _where(name: str, argument: int, test: int, values: Iterable[int], architecture: Architecture) -> list[bytes]:
    """Refused where the argument is one of the values (or has one of their bits)."""
    tests: list[bytes] = []
    for value in values:
        tests += [_instruction(test, value, 0, 1), _answer(errno.EPERM)]
    return _of_call(name, argument, tests, architecture)


def _unless(name: str, argument: int, value: int, architecture: Architecture) -> list[bytes]:
    return _of_call(name, argument, [_instruction(_EQUAL, value, 1, 0), _answer(errno.EPERM)], architecture)


def _of_call(name: str, argument: int, tests: list[bytes], architecture: Architecture) -> list[bytes]:
    # The low half decides: the kernel takes all of these as 32-bit values.
    body = [_instruction(_LOAD, _ARGUMENTS + 8 * argument), *tests, _instruction(_LOAD, _NUMBER)]
    return [_instruction(_EQUAL, number(name, architecture), 0, len(body)), *body]


def _answer(code: int) -> bytes:
    return _instruction(_RETURN, _ERRNO | code)


def _instruction(code: int, value: int, jump_if: int = 0, jump_else: int = 0) -> bytes:
    return struct.pack("HBBI", code, jump_if, jump_else, value)
