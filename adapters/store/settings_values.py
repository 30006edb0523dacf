"""The settings as one frozen value, taken from Argo CD's ConfigMaps and its Secret."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from gitops.model.application import IgnoreDifference, KustomizeSettings
from gitops.model.globs import glob_matches

TRACKING_METHODS = ("annotation", "label", "annotation+label")


class KindFilter(msgspec.Struct, frozen=True, rename="camel"):
    """A rule of `resource.exclusions` or `resource.inclusions`; an empty part matches everything."""

    api_groups: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()

    def matches(self, group: str, kind: str, server: str) -> bool:
        return (
            _any_glob(self.api_groups, group)
            and (not self.kinds or kind in self.kinds or "*" in self.kinds)
            and self.concerns(server)
        )

    def concerns(self, server: str) -> bool:
        return _any_glob(self.clusters, server)


def _any_glob(patterns: Iterable[str], text: str) -> bool:
    patterns = tuple(patterns)
    return not patterns or any(glob_matches(pattern, text) for pattern in patterns)


def _without(groups: str, kinds: str) -> KindFilter:
    return KindFilter(tuple("" if group == "core" else group for group in groups.split()), tuple(kinds.split()))


# Never looked at: many, short-lived, in no tree. These are Argo CD's own; all other exclusions stand in argocd-cm, and
# where that has none, none are in force.
ALWAYS_EXCLUDED = (
    KindFilter(("events.k8s.io", "metrics.k8s.io")),
    _without("core", "Event"),
    _without("coordination.k8s.io", "Lease"),
)


class CompareOptions(msgspec.Struct, frozen=True, rename="camel"):
    ignore_resource_status_field: str = "all"  # all | crd | none
    ignore_aggregated_roles: bool = False
    ignore_differences_on_resource_updates: bool = True


class AccountToken(msgspec.Struct, frozen=True):
    id: str
    issued_at: int = msgspec.field(name="iat", default=0)
    expires_at: int = msgspec.field(name="exp", default=0)  # 0: never


class Account(msgspec.Struct, frozen=True):
    """A local account. `repr` leaves the password's hash out."""

    name: str
    enabled: bool = True
    capabilities: frozenset[str] = frozenset()  # login, apiKey
    password_hash: str = ""
    password_changed_at: datetime | None = None
    tokens: tuple[AccountToken, ...] = ()

    def __repr__(self) -> str:
        return f"Account({self.name!r}, enabled={self.enabled})"


class RbacSettings(msgspec.Struct, frozen=True):
    policy_csv: str = ""
    default_role: str = ""
    scopes: tuple[str, ...] = ("groups",)
    match_mode: str = "glob"  # glob | regex


class Settings(msgspec.Struct, frozen=True):
    """Read once per piece of work, so that it never sees half of a change. `repr` shows the digest only."""

    tracking_method: str = "annotation"
    instance_label_key: str = "app.kubernetes.io/instance"
    installation_id: str = ""
    reconciliation_timeout: timedelta = timedelta(seconds=120)
    reconciliation_jitter: timedelta = timedelta(seconds=60)
    hard_reconciliation_timeout: timedelta = timedelta(0)  # 0: never
    exclusions: tuple[KindFilter, ...] = ()
    inclusions: tuple[KindFilter, ...] = ()
    compare_options: CompareOptions = CompareOptions()
    ignore_differences: tuple[IgnoreDifference, ...] = ()  # for all applications; group and kind are globs
    ignore_resource_updates: tuple[IgnoreDifference, ...] = ()
    health_scripts: dict[str, str] = {}  # "group/Kind" or "Kind" -> Lua
    action_scripts: dict[str, str] = {}
    respect_rbac: str = ""  # "" | normal | strict
    sensitive_annotations: tuple[str, ...] = ()
    in_cluster_enabled: bool = True
    application_namespaces: tuple[str, ...] = ()  # globs or /regex/, beside our own namespace
    kustomize: KustomizeSettings = KustomizeSettings()
    helm_values_file_schemes: tuple[str, ...] = ("https", "http")

    url: str = ""
    additional_urls: tuple[str, ...] = ()
    anonymous_enabled: bool = False
    session_duration: timedelta = timedelta(hours=24)
    password_pattern: str = "^.{8,32}$"  # noqa: S105 (a pattern)
    status_badge_enabled: bool = False
    exec_enabled: bool = False
    max_webhook_payload_mb: int = 50
    accounts: dict[str, Account] = {}
    rbac: RbacSettings = RbacSettings()

    server_secret_key: str = ""
    webhook_secrets: dict[str, str] = {}  # "github.secret" -> value
    secrets: dict[str, str] = {}  # argocd-secret as it is

    config: dict[str, str] = {}  # argocd-cm as it is
    parameters: dict[str, str] = {}  # argocd-cmd-params-cm as it is
    problems: tuple[str, ...] = ()  # keys that cannot be read; their last good values hold
    digest: str = ""

    def __repr__(self) -> str:
        return f"Settings({self.digest[:12]})"

    def excludes(self, group: str, kind: str, server: str) -> bool:
        """Whether a kind is not to be looked at on a cluster; exclusions beat inclusions."""
        if any(rule.matches(group, kind, server) for rule in (*ALWAYS_EXCLUDED, *self.exclusions)):
            return True
        if any(rule.matches(group, kind, server) for rule in self.inclusions):
            return False
        return any(rule.concerns(server) for rule in self.inclusions)

    def resolved(self, text: str, others: Mapping[str, Mapping[str, str]] | None = None) -> str:
        """`$key` stands for an entry of argocd-secret, `$name:key` for one of another Secret; else the text itself."""
        if not text.startswith("$"):
            return text
        name, separator, key = text[1:].partition(":")
        source = (others or {}).get(name, {}) if separator else self.secrets
        return source.get(key if separator else name, text)
