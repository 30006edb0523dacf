"""What the repo server counts; names as in Argo CD where it counts the same thing."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.git_requests = Counter(
            "argocd_git_request", "Requests to Git servers", ["repo", "request_type"], registry=self.registry
        )
        self.git_seconds = Histogram(
            "argocd_git_request_duration_seconds",
            "Duration of requests to Git servers",
            ["repo", "request_type"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.fetch_failures = Counter("argocd_git_fetch_fail", "Failed fetches", ["repo"], registry=self.registry)
        self.refs_failures = Counter("argocd_git_lsremote_fail", "Failed ls-remotes", ["repo"], registry=self.registry)
        self.git_processes = Gauge("tiphys_git_processes", "git processes under way", registry=self.registry)
        self.pending = Gauge(
            "argocd_repo_pending_request_total", "Manifest requests under way", ["repo"], registry=self.registry
        )
        self.worker_wait = Histogram(
            "argocd_repo_parallelism_wait_duration_seconds",
            "Wait for a render worker",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.redis_requests = Counter(
            "argocd_redis_request", "Requests to Redis", ["initiator", "command", "failed"], registry=self.registry
        )
        self.redis_seconds = Histogram(
            "argocd_redis_request_duration_seconds",
            "Duration of requests to Redis",
            ["initiator"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.renders = Counter(
            "tiphys_render",
            "Renders that really ran, by the source's path in its repository",
            ["source_type", "path", "result"],
            registry=self.registry,
        )
        self.render_seconds = Histogram(
            "tiphys_render_duration_seconds",
            "Duration of renders",
            ["source_type"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.answers = Counter(
            "tiphys_manifest_answers",
            "How requests for manifests were answered: unchanged, memory, redis, render",
            ["from"],
            registry=self.registry,
        )
        self.workers = Gauge("tiphys_render_workers", "Render workers alive", registry=self.registry)
        self.confinement = Gauge(
            "tiphys_render_confinement",
            "Whether a part of the confinement of renders is in force (1) or not (0)",
            ["layer"],
            registry=self.registry,
        )
        self.worker_kills = Counter(
            "tiphys_render_worker_kills", "Render workers killed, by reason", ["reason"], registry=self.registry
        )

    @contextmanager
    def git_request(self, repo: str, kind: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        except BaseException:
            (self.refs_failures if kind == "ls-remote" else self.fetch_failures).labels(repo).inc()
            raise
        finally:
            self.git_requests.labels(repo, kind).inc()
            self.git_seconds.labels(repo, kind).observe(time.perf_counter() - begun)

    def redis_request(self, command: str, failed: bool, seconds: float) -> None:
        self.redis_requests.labels("repo-server", command, str(failed).lower()).inc()
        self.redis_seconds.labels("repo-server").observe(seconds)
