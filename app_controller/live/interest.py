"""Which applications want objects that do not carry their mark: missing ones, definitions, other people's.

What carries an application's mark tells whom it concerns; of the rest only this table knows.
"""

from collections.abc import Set

from gitops.model.application import AppName
from gitops.model.resource import ResourceKey

Place = tuple[str, ResourceKey]  # the cluster's server, and the object


class Interest:
    def __init__(self) -> None:
        self._places: dict[AppName, frozenset[Place]] = {}
        self._names: dict[Place, set[AppName]] = {}

    def put(self, name: AppName, server: str, keys: Set[ResourceKey]) -> None:
        """From now on these, and no others any more."""
        wanted = frozenset((server, key) for key in keys)
        present = self._places.get(name, frozenset())
        if wanted == present:
            return
        for place in present - wanted:
            self._names[place].discard(name)
            if not self._names[place]:
                del self._names[place]
        for place in wanted - present:
            self._names.setdefault(place, set()).add(name)
        if wanted:
            self._places[name] = wanted
        else:
            self._places.pop(name, None)

    def forget(self, name: AppName) -> None:
        self.put(name, "", frozenset())

    def in_object(self, server: str, key: ResourceKey) -> Set[AppName]:
        return self._names.get((server, key), frozenset())
