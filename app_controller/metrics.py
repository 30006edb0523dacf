"""What the controller counts, under the names Argo CD's dashboards and alerts know."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app_controller.live.cluster import LiveCluster
from gitops.model.application import Application, AppName


class Metrics:
    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        applications: Callable[[], Iterable[Application]],
        clusters: Callable[[], Iterable[LiveCluster]],
        queue_length: Callable[[], int],
    ) -> None:
        self.reconciles = Histogram(
            "argocd_app_reconcile",
            "How long one visit to an application takes, in seconds",
            ["namespace", "dest_server"],
            buckets=(0.05, 0.25, 0.5, 1, 2, 4, 8, 16),
            registry=registry,
        )
        self.syncs = Counter(
            "argocd_app_sync",
            "Operations that ended",
            ["namespace", "name", "project", "dest_server", "phase", "dry_run"],
            registry=registry,
        )
        self.sync_seconds = Counter(
            "argocd_app_sync_duration_seconds",
            "Time spent in operations, in seconds",
            ["namespace", "name", "project", "dest_server"],
            registry=registry,
        )
        self.comparisons = Counter(
            "tiphys_object_comparisons",
            "How the verdict on one object was reached: remembered, local, or by a dry-run request",
            ["how"],
            registry=registry,
        )
        self.polls = Counter("tiphys_git_polls", "Questions to repositories about their references", registry=registry)
        registry.register(_Present(applications, clusters, queue_length))

    def forget(self, name: AppName) -> None:
        """The application is gone, and its series with it."""
        for counter in (self.syncs, self.sync_seconds):
            counter.remove_by_labels({"namespace": name.namespace, "name": name.name})


class _Present(Collector):
    """Gauges read off the mirrors at the moment of the scrape."""

    def __init__(
        self,
        applications: Callable[[], Iterable[Application]],
        clusters: Callable[[], Iterable[LiveCluster]],
        queue_length: Callable[[], int],
    ) -> None:
        self._applications = applications
        self._clusters = clusters
        self._queue_length = queue_length

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        info = GaugeMetricFamily(
            "argocd_app_info",
            "One series per application; its labels say how it is",
            labels=_INFO_LABELS,
        )
        for app in self._applications():
            info.add_metric(_labels(app), 1)
        yield info
        objects = GaugeMetricFamily("argocd_cluster_api_resource_objects", "Objects in the mirror", labels=["server"])
        kinds = GaugeMetricFamily("argocd_cluster_api_resources", "Kinds watched", labels=["server"])
        status = GaugeMetricFamily(
            "argocd_cluster_connection_status", "1 while the cluster answers", labels=["server", "k8s_version"]
        )
        for live in self._clusters():
            server = live.cluster.server
            objects.add_metric([server], len(live.mirror))
            kinds.add_metric([server], live.kinds_watched)
            status.add_metric([server, live.version], 0 if live.reachability.error else 1)
        yield from (objects, kinds, status)
        depth = GaugeMetricFamily("workqueue_depth", "Keys that wait for a visit", labels=["name"])
        depth.add_metric(["app_reconciliation_queue"], self._queue_length())
        yield depth


_INFO_LABELS = (
    "namespace",
    "name",
    "project",
    "autosync_enabled",
    "repo",
    "dest_server",
    "dest_namespace",
    "sync_status",
    "health_status",
    "operation",
)


def _labels(app: Application) -> list[str]:
    source = app.spec.all_sources[0] if app.spec.all_sources else None
    automated = app.spec.automated
    return [
        app.metadata.namespace,
        app.metadata.name,
        app.spec.project,
        str(automated is not None and automated.syncs_new_commits).lower(),
        source.repo_url if source else "",
        app.spec.destination.server or app.spec.destination.name,
        app.spec.destination.namespace,
        app.status.sync.status or "Unknown",
        app.status.health.status or "Unknown",
        "sync" if app.operation is not None else "",
    ]
