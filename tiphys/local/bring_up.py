"""`up`: from a bare machine to the running trio. Every step finds what is there already and goes on."""

import asyncio
import fcntl
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec

from adapters.clock import SystemClock
from adapters.kube.client import KubeClient
from adapters.kube.credentials import cluster_from_kubeconfig
from gitops.model.errors import GitOpsError
from tiphys.local import (
    cluster_add,
    dashboard,
    install,
    installation,
    kubeconfigs,
    pki,
    ports,
    repositories,
    services,
    supervisor,
    tools,
    valkey,
)
from tiphys.local.clusters import ControlPlanes
from tiphys.local.errors import LocalError, NotStarted, PortTaken
from tiphys.local.installation import MGMT, Installation
from tiphys.local.layout import PROJECT, Layout, cache_folder, default_state_folder, write_private
from tiphys.local.progress import Say, say_to_stderr, step
from tiphys.local.report import Status, is_running, status_of
from tiphys.local.take_down import stop_processes

HEALTHY_WITHIN = 60.0  # seconds, for all services together


class UpOptions(msgspec.Struct, frozen=True):
    state: Path | None = None  # the state folder; None: the project's
    contexts: Mapping[str, str] = {}  # cluster -> context; empty: clusters are made
    kubeconfig: Path | None = None  # where the contexts are; None: KUBECONFIG, else ~/.kube/config
    sample: bool = True  # the sample's projects and applications
    stock_limits: bool = False  # True: clusters of our own throttle their controllers as Kubernetes does by default
    dashboard: bool = True  # False: serve the API alone, and need no Node


def up(options: UpOptions, say: Say = say_to_stderr) -> Status:
    """Bring everything up, or find it up; returns what `status` tells."""
    if options.contexts and MGMT not in options.contexts:
        raise LocalError("name the management cluster too: --context mgmt=CONTEXT")
    layout = Layout(options.state or default_state_folder(os.environ))
    layout.make()
    with _alone(layout):
        if is_running(layout):
            say("Tiphys is running already.")
            return status_of(layout)
        return _bring_up(layout, options, say)


def _bring_up(layout: Layout, options: UpOptions, say: Say) -> Status:
    stop_processes(layout)  # what a supervisor that was killed left behind
    decided = _decided(layout, options)
    pages = _prepare_machine(layout, decided, options, say)
    pki.ensure(layout.pki, SystemClock().now())
    _write_once(services.cache_key_file(layout), secrets.token_hex(32))
    write_private(services.push_token_file(layout), decided.push_token)
    with step(say, "settings, users and clusters in the management cluster"):
        installed = asyncio.run(_install(layout, decided, options))
    decided = msgspec.structs.replace(decided, users=dict(installed.users))
    installation.save(layout, decided)
    with step(say, "Git server and services"):
        _make_repository(layout, decided, installed.webhook_secret)
        _start(layout, decided, pages)
        _wait_until_well(layout, services.health_urls(decided))
    return status_of(layout)


def _decided(layout: Layout, options: UpOptions) -> Installation:
    known = installation.load(layout)
    if known is None:
        decided = installation.decide(options.contexts)
    elif options.contexts and dict(options.contexts) != dict(known.contexts):
        raise LocalError(f"{layout.root} belongs to other clusters; `make clean` forgets them, or choose another state")
    else:
        decided = installation.with_free_ports(known)
        if not ports.is_free(decided.ports["git"]):
            raise PortTaken(
                f"the Git server's port {decided.ports['git']}, which the applications' repository address names, "
                "is used by something else; stop that, or start anew with `make clean` and `make up`"
            )
    installation.save(layout, decided)
    return decided


def _prepare_machine(layout: Layout, decided: Installation, options: UpOptions, say: Say) -> Path | None:
    """Tools, clusters and dashboard, the last beside the others; returns the dashboard's pages."""
    cache = cache_folder(os.environ)
    with ThreadPoolExecutor(1) as beside:
        pages = beside.submit(dashboard.ensure, cache, os.environ, say) if options.dashboard else None
        names = () if decided.owns_clusters else tools.RENDERERS
        binaries = tools.ensure(cache, os.environ, say, names)
        tools.link_into(layout.bin, binaries)
        if decided.owns_clusters:
            ControlPlanes(layout.clusters, layout.kubeconfigs, binaries, stock=options.stock_limits, say=say).start_all(
                decided.clusters
            )
        else:
            _copy_kubeconfigs(layout, decided.contexts, options.kubeconfig)
        return pages.result() if pages else None


def _copy_kubeconfigs(layout: Layout, contexts: Mapping[str, str], source: Path | None) -> None:
    first = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    path = (source or Path(first or "~/.kube/config")).expanduser()
    for cluster, context in contexts.items():
        write_private(layout.kubeconfig(cluster), kubeconfigs.extract(path, context))


async def _install(layout: Layout, decided: Installation, options: UpOptions) -> install.Installed:
    mgmt = cluster_from_kubeconfig(layout.kubeconfig(MGMT))
    try:
        async with KubeClient.for_cluster(mgmt) as client:
            installed = await install.install(client, decided, SystemClock().now())
            async with asyncio.TaskGroup() as registrations:
                for name in decided.environments:
                    registrations.create_task(
                        cluster_add.register_cluster(
                            layout.kubeconfig(name), "", name, layout.kubeconfig(MGMT), decided.namespace
                        )
                    )
            if options.sample:
                await install.apply_sample(client, decided.namespace, decided.repository_url, decided.environments)
    except* GitOpsError as errors:
        raise NotStarted("; ".join(str(error) for error in _leaves(errors))) from errors
    return installed


def _leaves(group: BaseExceptionGroup[Exception]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _make_repository(layout: Layout, decided: Installation, webhook_secret: str) -> None:
    bare = layout.repositories / "gitops.git"
    if not bare.exists():
        repositories.make_bare(bare)
        repositories.fill(bare, PROJECT / "examples" / "gitops-repo", "The sample, as it begins")
    webhook = {
        "url": f"{decided.url}/api/webhook",
        "secret": webhook_secret,
        "clone_url": decided.repository_url,
    }
    repositories.announce_pushes(bare, webhook)
    worktree = layout.worktree / "gitops"
    if not worktree.exists():
        layout.worktree.mkdir(mode=0o700, exist_ok=True)
        repositories.make_worktree(worktree, bare, decided.repository_url, decided.push_token)


_DETACH = """
import os, sys
if os.fork() == 0:
    os.execv(sys.executable, [sys.executable, "-m", "tiphys.local.supervisor", sys.argv[1]])
"""


def _start(layout: Layout, decided: Installation, pages: Path | None) -> None:
    cache_port = decided.ports["cache"]
    command = valkey.command(layout.root / "valkey.conf", cache_port, decided.cache_password)
    cache_url = valkey.url(cache_port, decided.cache_password)
    children = services.children(
        layout, decided, os.environ, cache_command=command, cache_url=cache_url, dashboard=pages
    )
    supervisor.write_plan(layout, children)
    log = layout.log("supervisor")
    log.touch(mode=0o600)
    with log.open("ab") as stream:
        # Through a parent that ends at once: the supervisor is nobody's child, whoever called us lives on.
        subprocess.run(
            [sys.executable, "-S", "-c", _DETACH, str(layout.root)],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            cwd=layout.root,
            check=True,
        )


def _wait_until_well(layout: Layout, health: Mapping[str, str]) -> None:
    """Until every service says that it is well; the end of its log when one does not come up."""
    deadline = time.monotonic() + HEALTHY_WITHIN
    waiting = dict(health)
    while waiting:
        waiting = {name: url for name, url in waiting.items() if not _answers_well(url)}
        record = supervisor.read_record(layout)
        doomed = [name for name in waiting if record and name in record.children and record.children[name].restarts > 3]
        if waiting and (doomed or time.monotonic() > deadline):
            name = (doomed or list(waiting))[0]
            stop_processes(layout)
            raise NotStarted(f"{name} did not come up; the end of {layout.log(name)}:\n{_tail(layout.log(name))}")
        time.sleep(0.05)


def _answers_well(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _tail(log: Path, lines: int = 25) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(empty)"


def _write_once(path: Path, content: str) -> None:
    if not path.exists():
        write_private(path, content)


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    """Two `up`s at once would build the same thing twice."""
    with (layout.root / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LocalError("another `up` is under way for this state folder") from error
        yield
