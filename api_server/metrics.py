"""What the API server counts, under Argo CD's names where it has one."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

VERSION = "v0.1.0"


class Metrics:
    """One registry of its own per process: tests make as many as they like."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        info = Gauge("argocd_info", "The running version.", ["version"], registry=registry)
        info.labels(VERSION).set(1)
        self.logins = Counter("argocd_login_request", "Logins, by outcome.", ["status"], registry=registry)
        self.webhooks = Counter("argocd_webhook_requests", "Announced pushes.", ["repo"], registry=registry)
        self.webhooks_in_flight = Gauge(
            "argocd_webhook_handlers_in_flight", "Webhook requests being read.", registry=registry
        )
        self.streams = Gauge("tiphys_api_streams", "Open event streams.", registry=registry)
        self.requests = Histogram(
            "tiphys_api_request_seconds",
            "How long answers took, by route; streams are not counted.",
            ["method", "route", "status"],
            buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
            registry=registry,
        )
