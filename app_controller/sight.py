"""What of its cluster an application may be looked at through: its own objects, where its project lets it be.

An application names objects by Git, by marks and by owners, and each of the three can be made to point at
what belongs to somebody else. So the project is asked for every object that is shown, not only for those written.
"""

from collections.abc import Iterable, Iterator

import msgspec

from app_controller.live.cluster import LiveCluster
from app_controller.reconcile.reach import ChildrenOf, seen_below
from app_controller.reconcile.views import View
from gitops.compare import ObjectComparison, unknown_object
from gitops.manifest.tracking import Tracking
from gitops.model.project import Project
from gitops.model.resource import Manifest, ResourceKey, key_of, uid_of
from gitops.rbac.projects import object_refusal, permits_below


class Sight:
    def __init__(self, project: Project | None, live: LiveCluster, *, instance: str, tracking: Tracking) -> None:
        self._project = project
        self._live = live
        self._instance = instance
        self._tracking = tracking

    def refusal(self, key: ResourceKey) -> str:
        """Why an object of Git's may not be looked at; empty if it may."""
        if self._project is None:
            return "the application's project does not exist"
        namespaced = self._live.lies_in_a_namespace(key)
        return object_refusal(self._project, self._live.cluster, key, namespaced=namespaced)

    def shows_below(self, manifest: Manifest) -> bool:
        """Whether an object that belongs below one of the application's may be seen with it."""
        return self._project is not None and permits_below(self._project, self._live.cluster, manifest)

    def shows(self, manifest: Manifest, *, declared: bool) -> bool:
        """Whether a live object is the application's to show: its own, or below one that is."""
        if declared or self._tracking.owner_of(manifest) == self._instance:
            return not self.refusal(key_of(manifest))
        return self._belongs_below(manifest) and self.shows_below(manifest)

    def managed(self, compared: Iterable[ObjectComparison]) -> Iterator[ObjectComparison]:
        """The comparisons without what may not be seen: of Git's object its wish is left, of others nothing."""
        for each in compared:
            refusal = self.refusal(each.key)
            if not refusal:
                yield each
            elif each.desired is not None:
                yield unknown_object(each.desired, None, refusal)

    def below(self) -> ChildrenOf:
        """What lies below the objects shown, as one drawing asks for it."""
        if self._project is None:
            return lambda _: ()
        return seen_below(self._project, self._live.cluster, self._live.mirror.children)

    def _belongs_below(self, manifest: Manifest) -> bool:
        key = key_of(manifest)
        held = self._live.mirror.get(key)
        # What the mirror knows is of the object it holds, not of another one that has taken its name since.
        same = held is not None and uid_of(held) == uid_of(manifest)
        return same and self._live.mirror.root_instance(key) == self._instance


def current(view: View) -> Iterator[ObjectComparison]:
    """The managed objects with their live side as it is at this moment: trees move faster than comparisons."""
    for each in view.comparison.objects:
        live = view.live.mirror.get(each.key)
        yield each if live is each.live else msgspec.structs.replace(each, live=live)
