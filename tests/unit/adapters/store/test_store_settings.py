"""Settings from Argo CD's ConfigMaps and Secret."""

from datetime import timedelta
from typing import Any

import pytest

from adapters.store.settings_parsing import Sources, parse_settings
from adapters.store.settings_values import Settings
from tiphys.local import settings_objects


def parsed(previous: Settings | None = None, **sources: Any) -> Settings:
    return parse_settings(Sources(**sources), previous or Settings())


def test_without_any_source_the_defaults_of_argo_cd_hold() -> None:
    settings = parsed()
    assert settings.tracking_method == "annotation"
    assert settings.instance_label_key == "app.kubernetes.io/instance"
    assert (settings.reconciliation_timeout, settings.reconciliation_jitter) == (
        timedelta(seconds=120),
        timedelta(seconds=60),
    )
    assert settings.compare_options.ignore_resource_status_field == "all"
    assert settings.accounts["admin"].enabled
    assert settings.accounts["admin"].capabilities == {"login"}
    assert settings.problems == ()


def test_kustomize_has_options_and_programs_by_version() -> None:
    config = {
        "kustomize.buildOptions": "--enable-helm",
        "kustomize.buildOptions.v4.5.7": " --load-restrictor LoadRestrictionsNone ",
        "kustomize.path.v4.5.7": "/custom-tools/kustomize_4_5_7",
        "kustomize.version.v3": "/custom-tools/kustomize_3",
        "kustomize.buildOptionsX": "no",
        "kustomize.enable": "true",
    }
    found = parsed(config=config).kustomize
    assert found.build_options == (("", "--enable-helm"), ("v4.5.7", "--load-restrictor LoadRestrictionsNone"))
    assert found.paths == (("v3", "/custom-tools/kustomize_3"), ("v4.5.7", "/custom-tools/kustomize_4_5_7"))


@pytest.mark.parametrize(
    ("key", "text", "field", "value"),
    [
        ("application.resourceTrackingMethod", "annotation+label", "tracking_method", "annotation+label"),
        ("application.instanceLabelKey", "team/app", "instance_label_key", "team/app"),
        ("installationID", "blue", "installation_id", "blue"),
        ("timeout.reconciliation", "180s", "reconciliation_timeout", timedelta(minutes=3)),
        ("timeout.hard.reconciliation", "0", "hard_reconciliation_timeout", timedelta(0)),
        ("users.session.duration", "1h30m", "session_duration", timedelta(minutes=90)),
        ("users.anonymous.enabled", "True", "anonymous_enabled", True),
        ("exec.enabled", "false", "exec_enabled", False),
        ("additionalUrls", "- https://a\n- https://b", "additional_urls", ("https://a", "https://b")),
        ("webhook.maxPayloadSizeMB", "10", "max_webhook_payload_mb", 10),
        ("resource.sensitive.mask.annotations", "a/b, c/d", "sensitive_annotations", ("a/b", "c/d")),
    ],
)
def test_each_key_of_argocd_cm_sets_its_field(key: str, text: str, field: str, value: object) -> None:
    settings = parsed(config={key: text})
    assert getattr(settings, field) == value
    assert settings.problems == ()


@pytest.mark.parametrize(
    ("key", "good", "bad", "field"),
    [
        ("application.resourceTrackingMethod", "label", "lable", "tracking_method"),
        ("timeout.reconciliation", "30s", "soon", "reconciliation_timeout"),
        ("resource.exclusions", "- kinds: [Pod]", "- kinds: Pod", "exclusions"),
        ("resource.inclusions", "- apiGroups: ['*']", "[", "inclusions"),
        ("resource.compareoptions", "ignoreAggregatedRoles: true", "ignoreAggregatedRoles: [", "compare_options"),
        ("exec.enabled", "true", "yes", "exec_enabled"),
        (
            "resource.customizations.ignoreDifferences.apps_Deployment",
            "jsonPointers: [/a]",
            "jsonPointers: /a",
            "ignore_differences",
        ),
        (
            "resource.customizations",
            "apps/Deployment: {ignoreDifferences: 'jsonPointers: [/a]'}",
            "- x",
            "ignore_differences",
        ),
        ("accounts.ann", "login", "login", "accounts"),
    ],
)
def test_an_entry_that_cannot_be_read_leaves_the_last_good_value_in_force(
    key: str, good: str, bad: str, field: str
) -> None:
    before = parsed(config={key: good})
    assert before.problems == ()
    broken = {key: bad, **({"accounts.ann.enabled": "perhaps"} if field == "accounts" else {})}
    after = parsed(before, config=broken)
    assert getattr(after, field) == getattr(before, field)
    assert after.problems
    assert "last good value" in after.problems[0]


def test_an_entry_that_is_gone_falls_back_to_the_default() -> None:
    before = parsed(config={"application.resourceTrackingMethod": "label"})
    assert parsed(before, config={}).tracking_method == "annotation"


@pytest.mark.parametrize(
    ("group", "kind", "excluded"),
    [
        ("", "Endpoints", True),
        ("discovery.k8s.io", "EndpointSlice", True),
        ("coordination.k8s.io", "Lease", True),
        ("", "Event", True),
        ("events.k8s.io", "Event", True),
        ("metrics.k8s.io", "PodMetrics", True),
        ("authorization.k8s.io", "SubjectAccessReview", True),
        ("cilium.io", "CiliumEndpoint", True),
        ("kyverno.io", "ClusterPolicy", False),
        ("apiregistration.k8s.io", "APIService", False),
        ("apiextensions.k8s.io", "CustomResourceDefinition", False),
        ("cert-manager.io", "CertificateRequest", True),
        ("certificates.k8s.io", "CertificateSigningRequest", True),
        ("", "EndpointSlice", True),
        ("apps", "Deployment", False),
        ("", "Pod", False),
    ],
)
def test_what_argo_cd_ships_as_excluded_stands_in_our_own_argocd_cm(group: str, kind: str, excluded: bool) -> None:
    shipped = settings_objects.config("argocd", "http://here", {})["data"]
    assert parsed(config=shipped).excludes(group, kind, "https://dev") is excluded


@pytest.mark.parametrize(
    ("group", "kind", "excluded"),
    [
        ("", "Event", True),
        ("events.k8s.io", "Event", True),
        ("metrics.k8s.io", "PodMetrics", True),
        ("coordination.k8s.io", "Lease", True),
        ("", "Endpoints", False),
        ("discovery.k8s.io", "EndpointSlice", False),
        ("cert-manager.io", "CertificateRequest", False),
        ("apiregistration.k8s.io", "APIService", False),
    ],
)
def test_where_argocd_cm_names_no_exclusions_only_what_is_fixed_is_excluded(
    group: str, kind: str, excluded: bool
) -> None:
    assert parsed().excludes(group, kind, "https://dev") is excluded


@pytest.mark.parametrize("text", ["", "\n", "[]"])
def test_an_empty_list_of_exclusions_excludes_only_what_is_fixed(text: str) -> None:
    settings = parsed(config={"resource.exclusions": text})
    assert not settings.excludes("", "Endpoints", "https://dev")
    assert settings.excludes("", "Event", "https://dev")


def test_every_default_is_argo_cds() -> None:
    """Those of its code, 3.5: what holds where argocd-cm has no key."""
    settings = parsed()
    assert settings.exclusions == ()
    assert settings.inclusions == ()
    options = settings.compare_options
    assert (options.ignore_resource_status_field, options.ignore_aggregated_roles) == ("all", False)
    assert options.ignore_differences_on_resource_updates
    assert settings.ignore_differences == ()
    assert (settings.tracking_method, settings.instance_label_key) == ("annotation", "app.kubernetes.io/instance")
    assert (settings.installation_id, settings.respect_rbac, settings.exec_enabled) == ("", "", False)
    assert (settings.reconciliation_timeout.total_seconds(), settings.reconciliation_jitter.total_seconds()) == (
        120,
        60,
    )
    assert settings.hard_reconciliation_timeout.total_seconds() == 0
    assert (settings.in_cluster_enabled, settings.anonymous_enabled) == (True, False)
    assert (settings.session_duration.total_seconds(), settings.password_pattern) == (86_400, "^.{8,32}$")
    assert (settings.rbac.match_mode, settings.rbac.scopes, settings.rbac.default_role) == ("glob", ("groups",), "")
    assert (settings.max_webhook_payload_mb, settings.status_badge_enabled) == (50, False)


def test_own_exclusions_replace_the_shipped_ones_but_not_the_fixed_ones() -> None:
    settings = parsed(config={"resource.exclusions": "- apiGroups: ['*.example.com']\n  clusters: ['https://dev*']"})
    assert settings.excludes("a.example.com", "Widget", "https://dev-1")
    assert not settings.excludes("a.example.com", "Widget", "https://prod")
    assert not settings.excludes("", "Endpoints", "https://dev-1")
    assert settings.excludes("", "Event", "https://dev-1")


def test_with_inclusions_only_the_included_is_looked_at_on_their_clusters() -> None:
    rules = "- apiGroups: [apps]\n  kinds: [Deployment]\n  clusters: ['https://dev']"
    settings = parsed(config={"resource.inclusions": rules, "resource.exclusions": "- kinds: [Pod]"})
    assert not settings.excludes("apps", "Deployment", "https://dev")
    assert settings.excludes("apps", "StatefulSet", "https://dev")
    assert not settings.excludes("apps", "StatefulSet", "https://prod")
    assert settings.excludes("", "Pod", "https://prod")


def test_customizations_are_read_in_both_spellings() -> None:
    settings = parsed(
        config={
            "resource.customizations": "cert-manager.io/Certificate:\n  health.lua: return {}\n"
            "apps/Deployment:\n  ignoreDifferences: |\n    jsonPointers: [/spec/replicas]",
            "resource.customizations.health.argoproj.io_Rollout": "return {status='Healthy'}",
            "resource.customizations.ignoreDifferences.all": "managedFieldsManagers: [kube-controller-manager]",
            "resource.customizations.ignoreDifferences.Service": "jqPathExpressions: ['.spec.x']",
        }
    )
    assert settings.health_scripts == {
        "cert-manager.io/Certificate": "return {}",
        "argoproj.io/Rollout": "return {status='Healthy'}",
    }
    rules = {(rule.group, rule.kind): rule for rule in settings.ignore_differences}
    assert rules[("apps", "Deployment")].json_pointers == ("/spec/replicas",)
    assert rules[("*", "*")].managed_fields_managers == ("kube-controller-manager",)
    assert rules[("", "Service")].jq_path_expressions == (".spec.x",)


def test_policies_are_joined_in_the_order_of_their_keys() -> None:
    rbac = parsed(
        rbac={
            "policy.z.csv": "z",
            "policy.csv": "main",
            "policy.a.csv": "a",
            "scopes": "[groups, email]",
            "policy.default": "role:x",
        }
    ).rbac
    assert rbac.policy_csv == "main\na\nz"
    assert (rbac.scopes, rbac.default_role, rbac.match_mode) == (("groups", "email"), "role:x", "glob")


def test_accounts_are_put_together_from_both_objects() -> None:
    settings = parsed(
        config={
            "accounts.ci": "apiKey",
            "accounts.ci.enabled": "false",
            "admin.enabled": "false",
            "accounts.ann": "login",
        },
        secret={
            "admin.password": "$2b$hash",
            "admin.passwordMtime": "2026-01-02T03:04:05Z",
            "accounts.ci.tokens": '[{"id":"t1","iat":5,"exp":9}]',
        },
    )
    assert set(settings.accounts) == {"admin", "ann", "ci"}
    admin, ci = settings.accounts["admin"], settings.accounts["ci"]
    assert not admin.enabled
    assert admin.password_changed_at is not None
    assert admin.password_changed_at.year == 2026
    assert (ci.enabled, ci.capabilities, ci.tokens[0].id, ci.tokens[0].expires_at) == (
        False,
        frozenset({"apiKey"}),
        "t1",
        9,
    )


def test_the_digest_follows_the_sources_and_tells_no_secret() -> None:
    one = parsed(config={"url": "a"}, secret={"server.secretkey": "k1"}, secret_version="1")
    same = parsed(config={"url": "a"}, secret={"server.secretkey": "k2"}, secret_version="1")
    other = parsed(config={"url": "a"}, secret={"server.secretkey": "k1"}, secret_version="2")
    assert one.digest == same.digest
    assert one.digest != other.digest


def test_references_point_into_secrets() -> None:
    settings = parsed(secret={"oidc.secret": "s3cret"})
    assert settings.resolved("$oidc.secret") == "s3cret"
    assert settings.resolved("$other:key", {"other": {"key": "value"}}) == "value"
    assert settings.resolved("plain") == "plain"
    assert "s3cret" not in repr(settings)
