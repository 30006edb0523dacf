"""`down` stops exactly what `up` started and keeps the state; `clean` removes that as well."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tiphys.local import installation, processes, supervisor
from tiphys.local.clusters import ControlPlanes
from tiphys.local.errors import LocalError
from tiphys.local.layout import Layout
from tiphys.local.processes import Process
from tiphys.local.progress import Say, step

GRACE = supervisor.GRACE + 3.0  # the supervisor first waits for its own


def stop_processes(layout: Layout) -> list[Process]:
    """The supervisor, which takes its children along, then any it left behind. Returns what ran."""
    record = supervisor.read_record(layout)
    if record is None:
        return []
    children = [child.process for child in record.children.values() if child.process]
    ran = [process for process in (record.supervisor, *children) if processes.is_alive(process)]
    processes.stop([record.supervisor], grace=GRACE)
    # A child may have been started after the record was read.
    latest = supervisor.read_record(layout) or record
    processes.stop([child.process for child in latest.children.values() if child.process], grace=GRACE)
    layout.supervisor.unlink(missing_ok=True)
    return ran


def down(layout: Layout, say: Say) -> bool:
    """True when there was anything to stop."""
    decided = installation.load(layout)
    if decided is None:
        say("nothing was ever started here")
        return False
    with step(say, "services"):
        ran = bool(stop_processes(layout))
    if decided.owns_clusters:
        planes = _planes(layout)
        with step(say, "clusters"), ThreadPoolExecutor(len(decided.clusters)) as pool:
            running = [name for name in decided.clusters if planes.running(name)]
            list(pool.map(planes.stop, running))
            ran = ran or bool(running)
    return ran


def clean(layout: Layout, say: Say) -> None:
    """Stop everything and forget it. Clusters that existed before us keep what was put into them."""
    if not layout.root.exists():
        return
    if not _is_state(layout.root):
        raise LocalError(f"{layout.root} is not a state folder of Tiphys; nothing was removed")
    decided = installation.load(layout)
    down(layout, say)
    planes = _planes(layout)
    for home in layout.clusters.glob("*"):
        planes.delete(home.name)
    shutil.rmtree(layout.root)
    if decided is not None and not decided.owns_clusters:
        say("the clusters of your kubeconfig keep what was installed: namespace argocd, and argocd-manager in targets")


def _planes(layout: Layout) -> ControlPlanes:
    return ControlPlanes(layout.clusters, layout.kubeconfigs, {})


def _is_state(root: Path) -> bool:
    return (root / "installation.json").exists() or {child.name for child in root.iterdir()} <= {
        "kubeconfigs", "clusters", "pki", "logs", "repos", "bin", "up.lock", "bootstrap", "stamps"
    }  # fmt: skip
