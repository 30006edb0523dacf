"""What confines a render, tried by hostile programs that run where helm and kustomize run, in a real worker."""

import asyncio
import contextlib
import json
import os
import platform
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from gitops.model.errors import RenderFailed
from repo_server.metrics import Metrics
from repo_server.render import landlock, seccomp
from repo_server.render.arguments import ScratchFile
from repo_server.render.jobs import KustomizeOptions
from repo_server.sandbox import WorkerPool
from repo_server.worker import Limits, family

pytestmark = pytest.mark.integration

# Each trial says "done" if it got what it wanted. It runs as `kustomize`, so with the worker as its parent. None of
# them does harm where it succeeds: this is also what runs when the confinement is broken.
TRIALS: dict[str, str] = {
    "signal the worker": "os.kill(os.getppid(), 0)",
    "signal the server": "os.kill(SERVER, 0)",
    "signal everybody": "os.kill(-1, 0)",
    "have the kernel signal the server": "fcntl.fcntl(0, 8, SERVER)",
    "limit the server": "resource.prlimit(SERVER, resource.RLIMIT_CORE)",
    "slow the server down": "os.setpriority(os.PRIO_PROCESS, SERVER, 0)",
    "open a handle of the server": "os.pidfd_open(SERVER)",
    "trace the server": "call(101, 0x4206, SERVER, 0, 0); call(101, 17, SERVER, 0, 0)",
    "read the server's memory": "call(310, SERVER, 0, 0, 0, 0, 0)",
    "read the server's environment": "open(f'/proc/{SERVER}/environ').read()",
    "read the worker's memory": "open(f'/proc/{os.getppid()}/mem', 'rb')",
    "list processes": "os.listdir('/proc')",
    "leave its process group": "os.setsid()",
    "list the workers' directories": "os.listdir(SCRATCH)",
    "read another render's file": "open(OTHER).read()",
    "read a file of the server": "open(SECRET).read()",
    "write a file of the server": "open(SECRET, 'a')",
    "cut a file of the server": "os.truncate(SECRET, 0)",
    "change a mode": "os.chmod(SECRET, 0o777)",
    "change a time": "os.utime(SECRET)",
    "read the passwords": "open('/etc/passwd').read()",
    "write into the interpreter": "open(json.__file__, 'a')",
    "connect over TCP": "socket.create_connection(('127.0.0.1', PORT), 1)",
    "send over UDP": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "open a Unix socket": "socket.socket(socket.AF_UNIX)",
    "open a netlink socket": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "make an io_uring": "call(425, 1, 0)",
    "make a user namespace": "call(272, 0x10000000)",
    "fork into a namespace": "call(56, 0x20000000 | 17, 0, 0, 0, 0)",
    "mount": "call(165, b'none', SCRATCH.encode(), b'tmpfs', 0, 0)",
    "load BPF": "call(321, 0, 0, 0)",
    "read keys": "call(250, 0, 0, 0)",
    "get page faults": "call(323, 0)",
    "share memory with others": "call(29, 1, 4096, 0o1000)",
    "make a file to run from memory": "os.memfd_create('x')",
    "run a program it wrote": "subprocess.run([script()], check=True)",
    "run what the chart brought": "subprocess.run(['./repo/run.sh'], check=True)",
    "run a shell": "subprocess.run(['/bin/sh', '-c', 'true'], check=True)",
    "use a call of the 32-bit table": "x32()",
}
REFUSED = ("EPERM", "EACCES", "ENOSYS")  # any other failure would prove nothing
# Nothing it needs may be taken from a tool.
NEEDS: dict[str, str] = {
    "write and read its own file": "open('own', 'w').write('x'); open('own').read()",
    "make and remove a directory": "os.mkdir('d'); os.rename('d', 'e'); os.rmdir('e')",
    "make a link": "os.symlink('own', 'link')",
    "start a thread": "t = threading.Thread(target=int); t.start(); t.join()",
    "know the time": "time.time()",
    "get randomness": "os.urandom(8)",
    "open /dev/null": "open('/dev/null', 'w').write('x')",
}

PROGRAM = """#!{python} -I
import ctypes, errno, fcntl, json, os, resource, socket, subprocess, sys, threading, time
SERVER, SCRATCH, OTHER, SECRET, PORT = {places!r}
libc = ctypes.CDLL(None, use_errno=True)

def call(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")

def x32():
    call(0x40000000 + 39)

def script():
    with open("mine.sh", "w", opener=lambda path, flags: os.open(path, flags, 0o700)) as file:
        file.write("#!/bin/sh\\n")
    return "./mine.sh"

found = {{}}
for name, code in {trials!r}.items():
    try:
        exec(code)
        found[name] = "done"
    except OSError as error:
        found[name] = errno.errorcode[error.errno]
print(json.dumps({{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "found"}}, "data": found}}))
"""
OPTIONS = KustomizeOptions(ScratchFile("repo"))
WHO = ("repository", "application")
FILES = {"repo/kustomization.yaml": b"", "repo/run.sh": b"#!/bin/sh\n"}


def hostile(folder: Path, text: str) -> Path:
    """A tools directory whose kustomize is this program."""
    folder.mkdir()
    (folder / "kustomize").write_text(text)
    (folder / "kustomize").chmod(0o755)
    return folder


@asynccontextmanager
async def pool_of(scratch: Path, tools: Path, **limits: Any) -> AsyncIterator[WorkerPool]:
    chosen = {"time": timedelta(seconds=30), **limits}
    pool = WorkerPool(scratch, tools, limits=Limits(**chosen), metrics=Metrics(CollectorRegistry()), required=True)
    async with pool.running():
        yield pool


async def found_by(pool: WorkerPool) -> dict[str, str]:
    (found,) = json.loads((await pool.render(OPTIONS, FILES, WHO)).manifests)
    data: dict[str, str] = found["data"]
    return data


async def test_a_hostile_tool_reaches_nothing_but_its_own_directory(tmp_path: Path) -> None:
    secret, scratch = tmp_path / "secret", tmp_path / "scratch"
    secret.write_text("canary")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        other = scratch / "other"
        places = (os.getpid(), str(scratch), str(other), str(secret), listener.getsockname()[1])
        text = PROGRAM.format(python=sys.executable, places=places, trials={**TRIALS, **NEEDS})
        async with pool_of(scratch, hostile(tmp_path / "tools", text)) as pool:
            other.write_text("another render's")
            found = await found_by(pool)
    assert {name: found[name] for name in TRIALS if found[name] not in REFUSED} == {}
    assert {name: found[name] for name in NEEDS} == dict.fromkeys(NEEDS, "done")
    assert secret.read_text() == "canary"


FORK_BOMB = """#!{python} -I
import os, time
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)
"""


async def test_a_fork_bomb_is_ended_whole_and_others_go_on(tmp_path: Path) -> None:
    tools = hostile(tmp_path / "tools", FORK_BOMB.format(python=sys.executable))
    before = render_workers()
    async with pool_of(tmp_path / "scratch", tools, time=timedelta(seconds=20)) as pool:
        (worker,) = render_workers() - before
        with pytest.raises(RenderFailed, match="more than 64 processes"):
            await pool.render(OPTIONS, FILES, WHO)
        assert not living(worker)
        (tools / "kustomize").write_text(f"#!{sys.executable} -I\nraise SystemExit('I am well')\n")
        with pytest.raises(RenderFailed, match="I am well"):
            await pool.render(OPTIONS, FILES, WHO)


LINGERING = """#!{python} -I
import os, time
if os.fork() == 0:
    os.closerange(0, 256)
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
print('{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "x"}}}}')
"""


async def test_what_a_tool_leaves_running_does_not_see_the_next_render(tmp_path: Path) -> None:
    tools = hostile(tmp_path / "tools", LINGERING.format(python=sys.executable))
    before = render_workers()
    async with pool_of(tmp_path / "scratch", tools) as pool:
        (first,) = render_workers() - before
        for _ in range(2):
            await pool.render(OPTIONS, FILES, WHO)
        assert not living(first), "worker and leftovers are gone"
        # Workers of other tests' repo servers name the tools they may run.
        mine = set(family(os.getpid())) - render_workers()
        assert not [each for each in mine if b"kustomize" in _command_line(each)]
        assert list((tmp_path / "scratch").iterdir()) == [], "and their directories"


def render_workers() -> set[int]:
    return {each for each in family(os.getpid()) if b"render.worker" in _command_line(each)}


def living(session: int) -> list[int]:
    found = []
    for each in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            state, _, _, its_session = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[:4]
            if int(its_session) == session and state not in "ZX":
                found.append(int(each))
    return found


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


# --- what is in force is told, and may be demanded --------------------------------------------------------


def test_it_says_what_is_in_force(repo_server: Callable[..., Any]) -> None:
    server = repo_server(REPO_SERVER_CONFINEMENT="required")
    health = server.fetch("/healthz")
    for layer in ("no_new_privileges", "capabilities", "limits", "files", "system_calls"):
        assert layer in health.partition("not in force")[0]
        assert server.metric("tiphys_render_confinement", layer=layer) == 1
    assert "renders are confined" in server.log.read_text()


# A kernel as old pods have it: a filter in front of the server answers as if it had no such calls.
LESS = """
import ctypes, errno, os, sys
from repo_server.render import seccomp
architecture = seccomp.this_architecture()
lines = [line for number in {numbers!r} for line in seccomp.refusal(number, errno.{code})]
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
seccomp.install(libc, seccomp.program(lines, architecture))
os.execv(sys.executable, [sys.executable, "-m", "repo_server"])
"""
LACKS = {
    "files": ([444, 445, 446], "ENOSYS"),
    "files (rules refused)": ([445], "EACCES"),
    "system_calls": (["seccomp"], "ENOSYS"),
    "namespaces": (["unshare"], "EPERM"),
}


def less(lack: str) -> list[str]:
    numbers, code = LACKS[lack]
    known = [each if isinstance(each, int) else seccomp.number(each, seccomp.this_architecture()) for each in numbers]
    return [sys.executable, "-c", LESS.format(numbers=known, code=code)]


@pytest.mark.parametrize("lack", LACKS)
def test_a_kernel_that_lacks_something_is_told(repo_server: Callable[..., Any], lack: str) -> None:
    server = repo_server(command=less(lack))
    name = lack.partition(" ")[0]
    assert name in server.fetch("/healthz").partition("not in force")[2]
    assert server.metric("tiphys_render_confinement", layer=name) == 0
    told = "renders are not confined in full" in server.log.read_text()
    assert told is (name != "namespaces"), "those double what others refuse"


@pytest.mark.parametrize("lack", ["files", "system_calls"])
def test_required_confinement_that_is_not_to_be_had_ends_the_server(repo_server: Callable[..., Any], lack: str) -> None:
    with pytest.raises(AssertionError) as ended:
        repo_server(command=less(lack), REPO_SERVER_CONFINEMENT="required")
    assert f"not started: renders are to be confined, and the kernel does not provide: {lack} (ENOSYS)" in str(
        ended.value
    )


async def test_without_namespaces_a_hostile_tool_reaches_no_more(tmp_path: Path) -> None:
    """In ordinary pods there are none: Landlock and seccomp alone have to hold."""
    secret = tmp_path / "secret"
    secret.write_text("canary")
    text = PROGRAM.format(
        python=sys.executable, places=(os.getpid(), str(tmp_path), str(secret), str(secret), 1), trials=TRIALS
    )
    tools = hostile(tmp_path / "tools", text)
    code = f"""
import asyncio, ctypes, errno, json, sys
sys.path.insert(0, {os.getcwd()!r})
from pathlib import Path
from repo_server.render import seccomp
from tests.integration.repo.test_repo_confinement import found_by, pool_of
architecture = seccomp.this_architecture()
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
refused = seccomp.refusal(seccomp.number("unshare", architecture), errno.EPERM)
seccomp.install(libc, seccomp.program(refused, architecture))
async def main():
    async with pool_of(Path({str(tmp_path / "scratch")!r}), Path({str(tools)!r})) as pool:
        assert "namespaces (EPERM)" in pool.report.told().partition("not in force")[2]
        print(json.dumps(await found_by(pool)))
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE)
    output, _ = await process.communicate()
    found = json.loads(output.splitlines()[-1])
    assert {name: found[name] for name in TRIALS if found[name] not in REFUSED} == {}


# --- the filter's table -----------------------------------------------------------------------------------

HEADERS = {0: "x86_64-linux-gnu/asm/unistd_64.h", 1: "asm-generic/unistd.h"}


@pytest.mark.parametrize("column", HEADERS)
def test_the_numbers_are_those_of_the_kernels_headers(column: int) -> None:
    header = Path("/usr/include") / HEADERS[column]
    if not header.exists():
        pytest.skip("the kernel's headers are not installed")
    known: dict[str, str] = {}
    for line in header.read_text().splitlines():
        parts = line.replace("__NR3264_", "__NR_").split()
        if len(parts) >= 3 and parts[0] == "#define" and parts[1].startswith("__NR_"):
            known.setdefault(parts[1].removeprefix("__NR_"), parts[2])
    for name, numbers in seccomp.NUMBERS.items():
        number = numbers[column]
        assert (name, known.get(name)) == (name, None if number is None else str(number))


def test_filters_are_short_enough_for_the_kernel_on_every_architecture() -> None:
    for architecture in seccomp.ARCHITECTURES.values():
        assert len(seccomp.render_filter(architecture)) // 8 < 4096


def test_this_machine_is_one_we_have_a_list_for() -> None:
    assert platform.machine() in seccomp.ARCHITECTURES
    assert landlock.WRITE & landlock.EXECUTE == 0, "what a render writes is never run"
