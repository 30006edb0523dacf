"""From the raw entries of argocd-cm, argocd-rbac-cm, argocd-cmd-params-cm and argocd-secret to Settings (pure).

An entry that cannot be read is reported, and the last good value of what it sets stays in force: a typo
in a ConfigMap must never switch a rule off.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import orjson
import yaml

from adapters.store.settings_values import (
    TRACKING_METHODS,
    Account,
    AccountToken,
    CompareOptions,
    KindFilter,
    RbacSettings,
    Settings,
)
from gitops.model.application import IgnoreDifference, KustomizeSettings
from gitops.model.errors import InvalidSpec
from gitops.model.moments import parse_duration, parse_rfc3339

Entries = Mapping[str, str]

_CUSTOMIZATIONS = "resource.customizations"
_ERRORS = (ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError, msgspec.ValidationError, InvalidSpec)


class Sources(msgspec.Struct, frozen=True):
    """The entries of the four objects; empty where an object does not exist."""

    config: Entries = {}
    rbac: Entries = {}
    parameters: Entries = {}
    secret: Entries = {}
    secret_version: str = ""


def parse_settings(sources: Sources, previous: Settings) -> Settings:
    """`previous` lends the values of entries that cannot be read (the defaults, at first)."""
    fields: dict[str, Any] = {}
    problems: list[str] = []
    for name, keys, parse in _FIELDS:
        try:
            value = parse(sources)
        except _ERRORS as error:
            problems.append(f"{keys}: {_first_line(error)}; the last good value stays in force")
            value = getattr(previous, name)
        if value is not None:
            fields[name] = value
    return Settings(
        **fields,
        secrets=dict(sources.secret),
        server_secret_key=sources.secret.get("server.secretkey", ""),
        config=dict(sources.config),
        parameters=dict(sources.parameters),
        problems=tuple(problems),
        digest=_digest(sources),
    )


def _digest(sources: Sources) -> str:
    # The Secret takes part by its version only: a digest ends up in logs.
    known = [dict(sources.config), dict(sources.rbac), dict(sources.parameters), sources.secret_version]
    return hashlib.sha256(orjson.dumps(known, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


# --- single entries: each gives None when the entry is absent, so that the default holds ---------------


def _entry(key: str, parse: Callable[[str], Any]) -> Callable[[Sources], Any]:
    def read(sources: Sources) -> Any:
        text = sources.config.get(key, "").strip()
        return parse(text) if text else None

    return read


def _present(key: str, parse: Callable[[str], Any]) -> Callable[[Sources], Any]:
    """As `_entry`, where an empty text says something too."""
    return lambda sources: parse(sources.config[key]) if key in sources.config else None


def _text(text: str) -> str:
    return text


def _flag(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError(f"`{text}` is neither true nor false")
    return text.lower() == "true"


def _one_of(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"`{text}` is none of {', '.join(allowed)}")
        return text

    return read


def _comma_list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _yaml_list(text: str) -> tuple[str, ...]:
    return msgspec.convert(yaml.safe_load(text) or [], tuple[str, ...])


def _filters(text: str) -> tuple[KindFilter, ...]:
    return msgspec.convert(yaml.safe_load(text) or [], tuple[KindFilter, ...])


def _compare_options(text: str) -> CompareOptions:
    found = yaml.safe_load(text) or {}
    # Older ConfigMaps say `crd`, `all`, `none`, or YAML's false for none.
    field = found.get("ignoreResourceStatusField", "all")
    known = {"all": "all", "crd": "crd", "none": "none", "off": "none", "false": "none", "": "all"}
    return msgspec.convert({**found, "ignoreResourceStatusField": known[str(field).lower()]}, CompareOptions)


def _kustomize(sources: Sources) -> KustomizeSettings:
    def by_version(*keys: str) -> tuple[tuple[str, str], ...]:
        found: dict[str, str] = {}
        for key in keys:
            for name, text in sources.config.items():
                if text.strip() and (name == key or name.startswith(f"{key}.")):
                    found[name[len(key) + 1 :]] = text.strip()
        return tuple(sorted(found.items()))

    # `kustomize.version.<v>` is the older name of `kustomize.path.<v>`.
    return KustomizeSettings(by_version("kustomize.buildOptions"), by_version("kustomize.version", "kustomize.path"))


def _application_namespaces(sources: Sources) -> tuple[str, ...] | None:
    text = sources.parameters.get("application.namespaces", "")
    return _comma_list(text) or None


# --- customizations: one key per kind and topic, or all of them in one YAML map ------------------------


def _customizations(sources: Sources, topic: str) -> Iterator[tuple[str, str]]:
    """("group/Kind" or "Kind" or "*/*", text) of one topic, in both spellings."""
    old_style = yaml.safe_load(sources.config.get(_CUSTOMIZATIONS, "")) or {}
    for kind, topics in old_style.items():
        if isinstance(topics, Mapping) and topics.get(topic):
            yield str(kind), str(topics[topic])
    prefix = f"{_CUSTOMIZATIONS}.{topic}."
    for key, text in sorted(sources.config.items()):
        if key.startswith(prefix) and text.strip():
            kind = key.removeprefix(prefix)
            yield ("*/*" if kind == "all" else kind.replace("_", "/", 1)), text


def _ignores(topic: str) -> Callable[[Sources], tuple[IgnoreDifference, ...]]:
    def read(sources: Sources) -> tuple[IgnoreDifference, ...]:
        rules = []
        for name, text in _customizations(sources, topic):
            group, _, kind = name.rpartition("/")
            parsed = yaml.safe_load(text) or {}
            rule = msgspec.convert({**parsed, "group": group, "kind": kind}, IgnoreDifference)
            rules.append(rule)
        return tuple(rules)

    return read


def _scripts(topic: str) -> Callable[[Sources], dict[str, str]]:
    new_topic = topic.partition(".")[0]
    return lambda sources: {
        **dict(_customizations(sources, topic)),
        **dict(_customizations(sources, new_topic)),
    }


# --- accounts, policy, secrets -------------------------------------------------------------------------


def _accounts(sources: Sources) -> dict[str, Account]:
    names = {"admin"}
    names.update(key.split(".")[1] for key in sources.config if key.startswith("accounts.") and key.count(".") == 1)
    return {name: _account(name, sources) for name in sorted(names)}


def _account(name: str, sources: Sources) -> Account:
    is_admin = name == "admin"
    prefix = "admin." if is_admin else f"accounts.{name}."
    enabled = sources.config.get(f"{prefix}enabled" if is_admin else f"accounts.{name}.enabled", "true")
    capabilities = frozenset(_comma_list(sources.config.get(f"accounts.{name}", "")))
    changed_at = sources.secret.get(f"{prefix}passwordMtime", "")
    tokens = sources.secret.get(f"accounts.{name}.tokens", "") or "[]"
    return Account(
        name=name,
        enabled=_flag(enabled.strip()),
        capabilities=capabilities | {"login"} if is_admin else capabilities,
        password_hash=sources.secret.get(f"{prefix}password", ""),
        password_changed_at=parse_rfc3339(changed_at) if changed_at else None,
        tokens=msgspec.json.decode(tokens, type=tuple[AccountToken, ...] | None) or (),
    )


def _rbac(sources: Sources) -> RbacSettings:
    entries = sources.rbac
    extra = sorted(key for key in entries if key.startswith("policy.") and key.endswith(".csv") and key != "policy.csv")
    scopes = entries.get("scopes", "").strip()
    return RbacSettings(
        policy_csv="\n".join(entries[key] for key in ("policy.csv", *extra) if entries.get(key)),
        default_role=entries.get("policy.default", "").strip(),
        scopes=_yaml_list(scopes) if scopes else ("groups",),
        match_mode=_one_of("glob", "regex")(entries.get("policy.matchMode", "").strip() or "glob"),
    )


def _webhook_secrets(sources: Sources) -> dict[str, str]:
    prefix = "webhook."
    return {key.removeprefix(prefix): value for key, value in sources.secret.items() if key.startswith(prefix)}


# Field of Settings, where it comes from (for the message), how it is read.
_FIELDS: tuple[tuple[str, str, Callable[[Sources], Any]], ...] = (
    *(
        (field, f"argocd-cm {key}", _entry(key, parse))
        for field, key, parse in (
            ("tracking_method", "application.resourceTrackingMethod", _one_of(*TRACKING_METHODS)),
            ("instance_label_key", "application.instanceLabelKey", _text),
            ("installation_id", "installationID", _text),
            ("reconciliation_timeout", "timeout.reconciliation", parse_duration),
            ("reconciliation_jitter", "timeout.reconciliation.jitter", parse_duration),
            ("hard_reconciliation_timeout", "timeout.hard.reconciliation", parse_duration),
            ("compare_options", "resource.compareoptions", _compare_options),
            ("respect_rbac", "resource.respectRBAC", _one_of("normal", "strict")),
            ("sensitive_annotations", "resource.sensitive.mask.annotations", _comma_list),
            ("in_cluster_enabled", "cluster.inClusterEnabled", _flag),
            ("helm_values_file_schemes", "helm.valuesFileSchemes", _comma_list),
            ("url", "url", _text),
            ("additional_urls", "additionalUrls", _yaml_list),
            ("anonymous_enabled", "users.anonymous.enabled", _flag),
            ("session_duration", "users.session.duration", parse_duration),
            ("password_pattern", "passwordPattern", _text),
            ("status_badge_enabled", "statusbadge.enabled", _flag),
            ("exec_enabled", "exec.enabled", _flag),
            ("max_webhook_payload_mb", "webhook.maxPayloadSizeMB", int),
        )
    ),
    ("exclusions", "argocd-cm resource.exclusions", _present("resource.exclusions", _filters)),
    ("inclusions", "argocd-cm resource.inclusions", _present("resource.inclusions", _filters)),
    ("ignore_differences", "argocd-cm ignoreDifferences", _ignores("ignoreDifferences")),
    ("ignore_resource_updates", "argocd-cm ignoreResourceUpdates", _ignores("ignoreResourceUpdates")),
    ("health_scripts", "argocd-cm health customizations", _scripts("health.lua")),
    ("action_scripts", "argocd-cm actions customizations", _scripts("actions")),
    ("application_namespaces", "argocd-cmd-params-cm application.namespaces", _application_namespaces),
    ("kustomize", "argocd-cm kustomize.buildOptions", _kustomize),
    ("accounts", "accounts in argocd-cm and argocd-secret", _accounts),
    ("rbac", "argocd-rbac-cm", _rbac),
    ("webhook_secrets", "argocd-secret webhooks", _webhook_secrets),
)
