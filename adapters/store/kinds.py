"""The kinds our records are kept as, and the names Argo CD gave to the single ones."""

from gitops.model.application import AppName
from gitops.model.resource import ResourceType

# Every record lives in a namespace and is addressed like an Application.
RecordName = AppName

APPLICATIONS = ResourceType("argoproj.io", "v1alpha1", "Application", "applications", namespaced=True)
PROJECTS = ResourceType("argoproj.io", "v1alpha1", "AppProject", "appprojects", namespaced=True)
APPSETS = ResourceType("argoproj.io", "v1alpha1", "ApplicationSet", "applicationsets", namespaced=True)
CONFIG_MAPS = ResourceType("", "v1", "ConfigMap", "configmaps", namespaced=True)
SECRETS = ResourceType("", "v1", "Secret", "secrets", namespaced=True)
EVENTS = ResourceType("", "v1", "Event", "events", namespaced=True)

CONFIG = "argocd-cm"
RBAC_CONFIG = "argocd-rbac-cm"
PARAMETERS = "argocd-cmd-params-cm"
KNOWN_HOSTS = "argocd-ssh-known-hosts-cm"
TLS_CERTIFICATES = "argocd-tls-certs-cm"
ARGOCD_SECRET = "argocd-secret"  # noqa: S105 (a name)

SECRET_TYPE_LABEL = "argocd.argoproj.io/secret-type"  # noqa: S105 (a label)
PART_OF_LABEL = "app.kubernetes.io/part-of"
MANAGED_BY_ANNOTATION = "managed-by"
LAST_APPLIED_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
