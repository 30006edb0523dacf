"""What a project permits its applications.

A pattern that cannot be read permits nothing. Where it stands for a refusal nobody knows what it was to
keep out, so the question itself is refused: InvalidSpec, which names the pattern.
"""

from collections.abc import Iterable

from gitops.model.errors import InvalidSpec
from gitops.model.globs import glob, glob_matches, name_glob, name_matches
from gitops.model.patterns import regex
from gitops.model.project import KindPattern, Project, ProjectDestination
from gitops.model.repository import Cluster, normalized_url
from gitops.model.resource import GroupKind, Manifest, ResourceKey, key_of


def permits_source(project: Project, url: str) -> bool:
    """One refusal (`!pattern`) outweighs every permission."""
    wanted = normalized_url(url)
    refusals = [each[1:] for each in project.spec.source_repos if _denies(each)]
    if any(each == "*" or glob(normalized_url(each), "/").matches(wanted) for each in refusals):
        return False
    return any(
        each == "*" or glob_matches(normalized_url(each), wanted, separator="/")
        for each in project.spec.source_repos
        if not _denies(each)
    )


def permits_destination(project: Project, *, server: str, name: str, namespace: str) -> bool:
    """Whether applications may go to this namespace of this cluster, known by server and by name."""
    permitted = False
    for item in project.spec.destinations:
        at_server = bool(server) and _matches(item.server, server)
        at_name = bool(name) and _matches(item.name, name)
        in_namespace = _matches(item.namespace, namespace)
        if (at_server or at_name) and in_namespace:
            permitted = True
        elif _refuses(item, at_server=at_server, at_name=at_name, in_namespace=in_namespace):
            return False
    return permitted


def _matches(pattern: str, text: str) -> bool:
    if _denies(pattern):
        return not glob(pattern[1:]).matches(text)
    return glob_matches(pattern, text)


def _denies(pattern: str) -> bool:
    return pattern.startswith("!")


def _refuses(item: ProjectDestination, *, at_server: bool, at_name: bool, in_namespace: bool) -> bool:
    # As in Argo CD the three are not alike: a refused name refuses every namespace of that cluster.
    by_name = _denies(item.name) and not at_name
    by_server = _denies(item.server) and not at_server and in_namespace
    by_namespace = _denies(item.namespace) and not in_namespace and (at_server or at_name)
    return by_name or by_server or by_namespace


def permits_kind(project: Project, group_kind: GroupKind, *, namespaced: bool, name: str = "") -> bool:
    """Cluster-scoped kinds have to be listed; namespaced ones are free unless there is a list. A refusal wins."""
    spec = project.spec
    if not namespaced:
        listed = _names_kind(spec.cluster_resource_whitelist, group_kind, name)
        return listed and not _refuses_kind(spec.cluster_resource_blacklist, group_kind, name)
    free = spec.namespace_resource_whitelist is None
    listed = free or _names_kind(spec.namespace_resource_whitelist or (), group_kind, name)
    return listed and not _refuses_kind(spec.namespace_resource_blacklist, group_kind, name)


def _names_kind(patterns: Iterable[KindPattern], group_kind: GroupKind, name: str) -> bool:
    return any(
        name_matches(each.group, group_kind.group)
        and name_matches(each.kind, group_kind.kind)
        and (not each.name or name_matches(each.name, name))
        for each in patterns
    )


def _refuses_kind(patterns: Iterable[KindPattern], group_kind: GroupKind, name: str) -> bool:
    return any(
        name_glob(each.group).matches(group_kind.group)
        and name_glob(each.kind).matches(group_kind.kind)
        and (not each.name or name_glob(each.name).matches(name))
        for each in patterns
    )


def permits_applications_from(project: Project, namespace: str) -> bool:
    """Whether Applications that live in this namespace (not our own) may belong to the project."""
    return any(_names_namespace(pattern, namespace) for pattern in project.spec.source_namespaces)


def _names_namespace(pattern: str, namespace: str) -> bool:
    """A glob, or between slashes a regular expression."""
    if len(pattern) > 1 and pattern.startswith("/") and pattern.endswith("/"):
        try:
            return regex(pattern[1:-1]).occurs_in(namespace)
        except InvalidSpec:
            return False
    return glob_matches(pattern, namespace)


# --- a place, and an object in it: one answer for whoever asks, and why ----------------------------------------


def cluster_refusal(project: Project, cluster: Cluster) -> str:
    """Why the project's applications may not use a cluster, whatever its destinations say; empty if they may."""
    if cluster.project and cluster.project != project.name:
        return (
            f"cluster {cluster.name} is registered for another project and is not for project {project.name}; "
            "choose another destination, or register the cluster for all projects"
        )
    if project.spec.permit_only_project_scoped_clusters and not cluster.project:
        return (
            f"project {project.name} only permits clusters of its own (permitOnlyProjectScopedClusters) and cluster "
            f"{cluster.name} is for all projects; register it with this project or choose another destination"
        )
    return ""


def destination_refusal(project: Project, cluster: Cluster, namespace: str) -> str:
    """Why the project's applications may not go to a namespace of a cluster; empty if they may."""
    if not permits_destination(project, server=cluster.server, name=cluster.name, namespace=namespace):
        return (
            f"application destination server {cluster.server} ({cluster.name}) and namespace '{namespace}' "
            f"do not match any of the allowed destinations in project {project.name}"
        )
    return cluster_refusal(project, cluster)


def object_refusal(project: Project, cluster: Cluster, key: ResourceKey, *, namespaced: bool) -> str:
    """Why an application of the project may neither read nor write an object it declares; empty if it may."""
    if not permits_kind(project, key.group_kind, namespaced=namespaced, name=key.name):
        scope = "namespaced" if namespaced else "cluster-scoped"
        return (
            f"project {project.name} does not allow {scope} {key.group_kind}; "
            "add it to the project's resource whitelist or remove it from the source"
        )
    if namespaced and not permits_destination(
        project, server=cluster.server, name=cluster.name, namespace=key.namespace
    ):
        return (
            f"project {project.name} does not allow namespace {key.namespace} of cluster {cluster.name}; "
            "add it to the project's destinations"
        )
    return cluster_refusal(project, cluster)


def permits_below(project: Project, cluster: Cluster, manifest: Manifest) -> bool:
    """Whether a live object that belongs below one of the application's may be seen with it.

    Projects list the kinds of Git's objects, not what controllers make of them: those only have to be
    where the project may go.
    """
    key = key_of(manifest)
    if not key.namespace:
        return not object_refusal(project, cluster, key, namespaced=False)
    return not destination_refusal(project, cluster, key.namespace)
