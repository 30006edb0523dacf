"""`status`: what runs, where, and how one gets in; read from files, so it needs no process to answer."""

from typing import Any

from tiphys.local import installation, processes, services, supervisor
from tiphys.local.errors import LocalError
from tiphys.local.layout import Layout

Status = dict[str, Any]


class NotRunning(LocalError):
    """Nothing runs for this state folder."""


def is_running(layout: Layout) -> bool:
    record = supervisor.read_record(layout)
    return record is not None and processes.is_alive(record.supervisor)


def status_of(layout: Layout) -> Status:
    """Raises NotRunning when there is no supervisor; a process between two lives has no pid."""
    decided = installation.load(layout)
    record = supervisor.read_record(layout)
    if decided is None or record is None or not processes.is_alive(record.supervisor):
        raise NotRunning("Tiphys is not running here; `make up` starts it")
    alive = {name: child.process for name, child in record.children.items() if child.process}
    return {
        "url": decided.url,
        "username": "admin",
        "password": decided.users.get("admin", ""),
        "namespace": decided.namespace,
        "kubeconfigs": {name: str(layout.kubeconfig(name)) for name in decided.clusters},
        "repo": {"url": decided.repository_url, "worktree": str(layout.worktree / "gitops")},
        "pids": {
            "supervisor": record.supervisor.pid,
            **{name: process.pid for name, process in alive.items() if processes.is_alive(process)},
        },
        "metrics": services.metrics_urls(decided),
        "users": dict(decided.users),
        "restarts": {name: child.restarts for name, child in record.children.items()},
        "logs": {name: str(layout.log(name)) for name in record.children},
        "tools": str(layout.bin),
        "state": str(layout.root),
    }
