"""Every annotation and label key that carries meaning for us, each with its one parser.

Keys of Argo CD and Helm keep their upstream meaning; our own begin with `tiphys.io/`. Parsers never
raise: a value that cannot be read counts as absent, because a typo in an annotation of one object
must not stop its application.
"""

from collections.abc import Mapping
from datetime import datetime

from gitops.model.moments import parse_rfc3339
from gitops.model.numbers import integer_of
from gitops.model.resource import Manifest, group_of, kind_of

# --- on any managed object ---------------------------------------------------------------------------

TRACKING_ID = "argocd.argoproj.io/tracking-id"
INSTALLATION_ID = "argocd.argoproj.io/installation-id"
INSTANCE_LABEL = "app.kubernetes.io/instance"
HOOK = "argocd.argoproj.io/hook"
HOOK_DELETE_POLICY = "argocd.argoproj.io/hook-delete-policy"
HOOK_FINALIZER = "argocd.argoproj.io/hook-finalizer"
SYNC_WAVE = "argocd.argoproj.io/sync-wave"
SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
COMPARE_OPTIONS = "argocd.argoproj.io/compare-options"
IGNORE_HEALTHCHECK = "argocd.argoproj.io/ignore-healthcheck"
IGNORE_RESOURCE_UPDATES = "argocd.argoproj.io/ignore-resource-updates"
CLIENT_SIDE_APPLY_MIGRATION_MANAGER = "argocd.argoproj.io/client-side-apply-migration-manager"
EXTERNAL_LINK_PREFIX = "link.argocd.argoproj.io/"
IGNORE_DEFAULT_LINKS = "argocd.argoproj.io/ignore-default-links"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

HELM_HOOK = "helm.sh/hook"
HELM_HOOK_WEIGHT = "helm.sh/hook-weight"
HELM_HOOK_DELETE_POLICY = "helm.sh/hook-delete-policy"
HELM_RESOURCE_POLICY = "helm.sh/resource-policy"

# --- on Applications, ApplicationSets, and Secrets that declare clusters and repositories ----------------

REFRESH = "argocd.argoproj.io/refresh"
HYDRATE = "argocd.argoproj.io/hydrate"
SKIP_RECONCILE = "argocd.argoproj.io/skip-reconcile"
MANIFEST_GENERATE_PATHS = "argocd.argoproj.io/manifest-generate-paths"
DELETION_APPROVED = "argocd.argoproj.io/deletion-approved"
MANAGED_BY_URL = "argocd.argoproj.io/managed-by-url"
APPLICATION_SET_REFRESH = "argocd.argoproj.io/application-set-refresh"
SECRET_TYPE_LABEL = "argocd.argoproj.io/secret-type"  # noqa: S105 (a label key)
RESOURCES_FINALIZER = "resources-finalizer.argocd.argoproj.io"
PRE_DELETE_FINALIZER = "pre-delete-finalizer.argocd.argoproj.io"
POST_DELETE_FINALIZER = "post-delete-finalizer.argocd.argoproj.io"
NOTIFICATIONS_PREFIX = "notifications.argoproj.io/"

TIPHYS_PREFIX = "tiphys.io/"


class HookType:
    PRE_SYNC = "PreSync"
    SYNC = "Sync"
    POST_SYNC = "PostSync"
    SYNC_FAIL = "SyncFail"
    PRE_DELETE = "PreDelete"
    POST_DELETE = "PostDelete"
    SKIP = "Skip"

    ALL = frozenset({PRE_SYNC, SYNC, POST_SYNC, SYNC_FAIL, PRE_DELETE, POST_DELETE, SKIP})


class DeletePolicy:
    HOOK_SUCCEEDED = "HookSucceeded"
    HOOK_FAILED = "HookFailed"
    BEFORE_HOOK_CREATION = "BeforeHookCreation"

    ALL = frozenset({HOOK_SUCCEEDED, HOOK_FAILED, BEFORE_HOOK_CREATION})


HELM_HOOK_TYPES: Mapping[str, str] = {
    "pre-install": HookType.PRE_SYNC,
    "pre-upgrade": HookType.PRE_SYNC,
    "post-install": HookType.POST_SYNC,
    "post-upgrade": HookType.POST_SYNC,
    "pre-delete": HookType.PRE_DELETE,
    "post-delete": HookType.POST_DELETE,
}

HELM_DELETE_POLICIES: Mapping[str, str] = {
    "before-hook-creation": DeletePolicy.BEFORE_HOOK_CREATION,
    "hook-succeeded": DeletePolicy.HOOK_SUCCEEDED,
    "hook-failed": DeletePolicy.HOOK_FAILED,
}

_NOTHING: Mapping[str, str] = {}


def _annotations(manifest: Manifest) -> Mapping[str, str]:
    metadata = manifest.get("metadata")
    found = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    return found if isinstance(found, Mapping) else _NOTHING


def annotation(manifest: Manifest, key: str) -> str:
    """The value under a key; empty when absent or not text."""
    value = _annotations(manifest).get(key)
    return value if isinstance(value, str) else ""


def comma_list(text: str) -> frozenset[str]:
    return frozenset(part for each in text.split(",") if (part := each.strip()))


def sync_wave(manifest: Manifest) -> int:
    """The wave an object is applied in; a Helm hook's weight stands in where there is no annotation."""
    found = _annotations(manifest)
    if not found:
        return 0
    for key in (SYNC_WAVE, HELM_HOOK_WEIGHT):
        text = found.get(key)
        if (number := integer_of(text)) is not None:
            return number
    return 0


def hook_types(manifest: Manifest) -> frozenset[str]:
    """The phases a hook runs in (`HookType`); Argo CD's annotation wins over Helm's."""
    found = _annotations(manifest)
    if HOOK not in found and HELM_HOOK not in found:
        return frozenset()
    types = comma_list(annotation(manifest, HOOK)) & HookType.ALL
    if types:
        return types
    helm = comma_list(annotation(manifest, HELM_HOOK))
    return frozenset(HELM_HOOK_TYPES[each] for each in helm if each in HELM_HOOK_TYPES)


def is_hook(manifest: Manifest) -> bool:
    """Whether the object is run as a hook instead of being part of the desired state.

    True as well for Helm hooks we have no phase for (tests, rollbacks): those have no `hook_types`
    and so never run.
    """
    found = _annotations(manifest)
    if HOOK in found:
        return not is_skipped(manifest)
    # Helm 2 marked CRDs as hooks; they are ordinary objects.
    return HELM_HOOK in found and found[HELM_HOOK] != "crd-install"


def is_skipped(manifest: Manifest) -> bool:
    """`hook: Skip` alone: declared, but never applied and never counted."""
    return hook_types(manifest) == {HookType.SKIP}


def hook_delete_policies(manifest: Manifest) -> frozenset[str]:
    """When a hook's object is removed (`DeletePolicy`); before its next run unless said otherwise."""
    policies = comma_list(annotation(manifest, HOOK_DELETE_POLICY)) & DeletePolicy.ALL
    if not policies:
        helm = comma_list(annotation(manifest, HELM_HOOK_DELETE_POLICY))
        policies = frozenset(HELM_DELETE_POLICIES[each] for each in helm if each in HELM_DELETE_POLICIES)
    return policies or frozenset({DeletePolicy.BEFORE_HOOK_CREATION})


def has_hook_finalizer(manifest: Manifest) -> bool:
    finalizers = (manifest.get("metadata") or {}).get("finalizers")
    return isinstance(finalizers, list) and HOOK_FINALIZER in finalizers


def sync_options(manifest: Manifest) -> frozenset[str]:
    """The object's own sync options, such as `Prune=false`; they beat the application's."""
    text = annotation(manifest, SYNC_OPTIONS)
    return comma_list(text) if text else frozenset()


def compare_options(manifest: Manifest) -> frozenset[str]:
    text = annotation(manifest, COMPARE_OPTIONS)
    return comma_list(text) if text else frozenset()


def ignores_extraneous(manifest: Manifest) -> bool:
    """A live object with this option does not make its application OutOfSync when Git lacks it."""
    return "IgnoreExtraneous" in compare_options(manifest)


def ignores_healthcheck(manifest: Manifest) -> bool:
    return annotation(manifest, IGNORE_HEALTHCHECK) == "true"


def ignores_resource_updates(manifest: Manifest) -> bool:
    return annotation(manifest, IGNORE_RESOURCE_UPDATES) == "true"


def skips_reconcile(manifest: Manifest) -> bool:
    return annotation(manifest, SKIP_RECONCILE) == "true"


def requested_refresh(manifest: Manifest) -> str:
    """`normal`, `hard`, or empty; Argo CD reads any unknown value as `normal`."""
    text = annotation(manifest, REFRESH)
    if not text:
        return ""
    return "hard" if text == "hard" else "normal"


def deletion_approved_at(manifest: Manifest) -> datetime | None:
    """When a person approved the pending deletions, if at all."""
    text = annotation(manifest, DELETION_APPROVED)
    try:
        return parse_rfc3339(text) if text else None
    except ValueError:
        return None


def manifest_generate_paths(manifest: Manifest) -> tuple[str, ...]:
    text = annotation(manifest, MANIFEST_GENERATE_PATHS)
    return tuple(part for each in text.split(";") if (part := each.strip()))


def external_links(manifest: Manifest) -> tuple[str, ...]:
    """URLs an object's owner wants shown with it, sorted."""
    found = _annotations(manifest)
    return tuple(sorted(str(value) for key, value in found.items() if key.startswith(EXTERNAL_LINK_PREFIX) and value))


def is_custom_resource_definition(manifest: Manifest) -> bool:
    return kind_of(manifest) == "CustomResourceDefinition" and group_of(manifest) == "apiextensions.k8s.io"
