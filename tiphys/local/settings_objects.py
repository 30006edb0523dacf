"""The objects Tiphys reads its settings from, as a new installation has them; all pure."""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import bcrypt

from gitops.model.moments import rfc3339

ManifestDict = dict[str, Any]

PART_OF = {"app.kubernetes.io/part-of": "argocd"}
BCRYPT_ROUNDS = 10  # as Argo CD hashes

# Who may do what. Everything else is refused, as there is no default role.
POLICIES = """\
g, role:operator, role:readonly
p, role:operator, applications, sync, */*, allow
p, role:operator, applications, action/*, */*, allow
g, role:developer, role:readonly
p, role:developer, applications, sync, dev/*, allow
p, role:developer, applications, sync, stage/*, allow
p, role:developer, applications, action/*, dev/*, allow
p, role:developer, applications, action/*, stage/*, allow
g, admin, role:admin
g, operator, role:operator
g, developer, role:developer
g, readonly, role:readonly
"""

# What Argo CD's own argocd-cm leaves out: many, or made by controllers, and of use to nobody in a tree.
EXCLUSIONS = """\
- apiGroups: ["", discovery.k8s.io]
  kinds: [Endpoints, EndpointSlice]
- apiGroups: [coordination.k8s.io]
  kinds: [Lease]
- apiGroups: [authentication.k8s.io, authorization.k8s.io]
  kinds:
  - SelfSubjectReview
  - TokenReview
  - LocalSubjectAccessReview
  - SelfSubjectAccessReview
  - SelfSubjectRulesReview
  - SubjectAccessReview
- apiGroups: [certificates.k8s.io]
  kinds: [CertificateSigningRequest]
- apiGroups: [cert-manager.io]
  kinds: [CertificateRequest]
- apiGroups: [cilium.io]
  kinds: [CiliumIdentity, CiliumEndpoint, CiliumEndpointSlice]
- apiGroups: [kyverno.io, reports.kyverno.io, wgpolicyk8s.io]
  kinds:
  - PolicyReport
  - ClusterPolicyReport
  - EphemeralReport
  - ClusterEphemeralReport
  - AdmissionReport
  - ClusterAdmissionReport
  - BackgroundScanReport
  - ClusterBackgroundScanReport
  - UpdateRequest
"""


def namespace(name: str) -> ManifestDict:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def config(namespace: str, url: str, users: Mapping[str, str]) -> ManifestDict:
    accounts = {f"accounts.{name}": "login, apiKey" for name in users if name != "admin"}
    data = {
        "url": url,
        "application.resourceTrackingMethod": "annotation",
        "resource.exclusions": EXCLUSIONS,
        **accounts,
    }
    return {**_named("ConfigMap", "argocd-cm", namespace), "data": data}


def rbac_config(namespace: str) -> ManifestDict:
    return {
        **_named("ConfigMap", "argocd-rbac-cm", namespace),
        "data": {"policy.csv": POLICIES, "policy.default": "", "scopes": "[groups]"},
    }


def credentials(users: Mapping[str, str], now: datetime) -> dict[str, str]:
    """What argocd-secret knows of the users: never a password, only its bcrypt hash."""
    found: dict[str, str] = {}
    for name, password in users.items():
        prefix = _prefix(name)
        found[f"{prefix}.password"] = bcrypt.hashpw(password.encode(), bcrypt.gensalt(BCRYPT_ROUNDS)).decode()
        found[f"{prefix}.passwordMtime"] = rfc3339(now)
    return found


def with_unchanged_password(secret: Mapping[str, str], users: Mapping[str, str]) -> dict[str, str]:
    """Of these users, those whose password in argocd-secret is still the one given here."""
    return {
        name: password
        for name, password in users.items()
        if (hashed := secret.get(f"{_prefix(name)}.password")) and bcrypt.checkpw(password.encode(), hashed.encode())
    }


def _prefix(user: str) -> str:
    return "admin" if user == "admin" else f"accounts.{user}"


def secret(name: str, namespace: str, values: Mapping[str, str]) -> ManifestDict:
    return {**_named("Secret", name, namespace), "type": "Opaque", "data": encoded(values)}


def encoded(values: Mapping[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


def default_project(namespace: str) -> ManifestDict:
    """Allows everything, as Argo CD's does; its own projects are what a team should use."""
    anything = [{"group": "*", "kind": "*"}]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "default", "namespace": namespace},
        "spec": {
            "description": "For applications that name no project of their own.",
            "sourceRepos": ["*"],
            "destinations": [{"server": "*", "namespace": "*"}],
            "clusterResourceWhitelist": anything,
        },
    }


def _named(kind: str, name: str, namespace: str) -> ManifestDict:
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": dict(PART_OF)},
    }
