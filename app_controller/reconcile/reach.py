"""What one application may look at, and what is another's: asked about every object it comes across.

Nothing outside its project is read into a comparison, a diff, a tree or a dry run, whatever Git names and
whatever mark an object carries. What another application owns is seen, and left alone.
"""

from collections.abc import Callable, Iterable

from gitops.manifest.tracking import Tracking
from gitops.model.project import Project
from gitops.model.repository import Cluster
from gitops.model.resource import GroupKind, Manifest, ResourceKey, key_of
from gitops.rbac.projects import object_refusal, permits_below

ChildrenOf = Callable[[Manifest], Iterable[Manifest]]


class Reach:
    """Of one application in one cluster, for one visit: projects and marks may be others at the next."""

    def __init__(
        self,
        *,
        project: Project,
        cluster: Cluster,
        instance: str,
        tracking: Tracking,
        exists: Callable[[str], bool],
        excluded: Callable[[GroupKind], bool] = lambda _: False,
    ) -> None:
        self._project = project
        self._cluster = cluster
        self.instance = instance
        self.tracking = tracking
        self._exists = exists  # whether an application goes by an instance name
        self.excluded = excluded

    def refusal(self, key: ResourceKey, *, namespaced: bool) -> str:
        """Why an object that Git declares is out of reach; empty if it is not."""
        return object_refusal(self._project, self._cluster, key, namespaced=namespaced)

    def sees(self, manifest: Manifest) -> bool:
        """Whether a live object that carries the application's mark may be one of its objects."""
        key = key_of(manifest)
        return not self.refusal(key, namespaced=bool(key.namespace))

    def below(self, children_of: ChildrenOf) -> ChildrenOf:
        return seen_below(self._project, self._cluster, children_of)

    def other_owner(self, live: Manifest | None) -> str:
        """Which other application owns a live object, in words; empty if none does.

        A mark whose application does not exist (any more) binds nobody: so objects change hands when their
        application is deleted without them, or is given another name.
        """
        if live is None:
            return ""
        installation = self.tracking.other_installation_of(live)
        if installation:
            return f"an application of installation {installation}"
        owner = self.tracking.owner_of(live)
        return f"application {owner}" if owner not in (None, self.instance) and self._exists(owner or "") else ""


def seen_below(project: Project, cluster: Cluster, children_of: ChildrenOf) -> ChildrenOf:
    """The same children, but for those that lie outside the project, which is asked once for each namespace."""
    in_namespace: dict[str, bool] = {}

    def is_seen(child: Manifest) -> bool:
        namespace = key_of(child).namespace
        if not namespace:
            return permits_below(project, cluster, child)
        if namespace not in in_namespace:
            in_namespace[namespace] = permits_below(project, cluster, child)
        return in_namespace[namespace]

    return lambda parent: [child for child in children_of(parent) if is_seen(child)]


def how_to_share(owner: str) -> str:
    """What a person can do about an object that belongs to another application."""
    return (
        f"it carries the mark of {owner} and is left alone; take it out of one of the two, or take it over by "
        "syncing by hand with the option FailOnSharedResource=false"
    )
