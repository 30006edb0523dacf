"""The files of this machine that a confined worker may read or execute, besides its own directory."""

import struct
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path


def readable_paths() -> tuple[str, ...]:
    """What the interpreter, our own package and the tools need to be read."""
    here = Path(__file__).resolve().parent.parent
    paths = sysconfig.get_paths()
    own = (str(here / "repo_server"), str(here / "gitops"), str(here / "adapters"))
    libraries = {paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"]}
    system = {"/usr/lib", "/lib", "/lib64", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"}
    system |= {"/dev/urandom", "/dev/random", "/usr/share/zoneinfo", "/etc/localtime"}
    # Of /proc and /sys no more than a runtime needs to size itself: the rest tells of other processes.
    system |= {"/sys/kernel/mm/transparent_hugepage", "/sys/devices/system/cpu", "/proc/sys/vm/overcommit_memory"}
    interpreter = {sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parent)}
    return tuple(sorted({*own, *libraries, *system, *interpreter}))


def tool_files(tools: Path) -> tuple[str, ...]:
    """What a worker may execute: the tools, and what the kernel starts to run them; no interpreter of ours."""
    found = [each.resolve() for name in ("helm", "kustomize*") for each in tools.glob(name)]
    for each in found:
        with suppress(OSError, struct.error):
            with each.open("rb") as file:
                first = file.readline(256)
            if first.startswith(b"#!"):
                found.append(Path(first[2:].split()[0].decode(errors="replace")).resolve())
            elif first.startswith(b"\x7fELF") and (loader := elf_interpreter(each)):
                found.append(Path(loader).resolve())
    return tuple(sorted({str(each) for each in found}))


def elf_interpreter(program: Path) -> str:
    """The loader that a dynamically linked program names; empty for a static one."""
    with program.open("rb") as file:
        head = file.read(64)
        if len(head) < 64 or head[4] != 2:  # 64-bit
            return ""
        (table,) = struct.unpack_from("<Q", head, 32)
        size, count = struct.unpack_from("<HH", head, 54)
        for number in range(count):
            file.seek(table + number * size)
            entry = file.read(56)
            (kind,) = struct.unpack_from("<I", entry)
            if kind == 3:  # PT_INTERP
                offset, length = struct.unpack_from("<Q16xQ", entry, 8)
                file.seek(offset)
                return file.read(length).rstrip(b"\0").decode(errors="replace")
    return ""
