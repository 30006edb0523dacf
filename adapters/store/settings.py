"""The settings as they are now: one frozen snapshot, made anew when one of its sources has changed."""

from collections.abc import Mapping

from adapters.store.feed import Feed
from adapters.store.kinds import ARGOCD_SECRET, CONFIG, PARAMETERS, RBAC_CONFIG, RecordName
from adapters.store.mirror import Mirror
from adapters.store.secrets import encoded_data, texts_of
from adapters.store.settings_parsing import Sources, parse_settings
from adapters.store.settings_values import Settings
from gitops.model.errors import InvalidSpec
from gitops.model.resource import Manifest, name_of, resource_version_of

_SOURCES = frozenset({CONFIG, RBAC_CONFIG, PARAMETERS, ARGOCD_SECRET})


class SettingsStore:
    """Call it for the snapshot: `store.settings()`."""

    def __init__(self, config_maps: Mirror[Manifest], secrets: Mirror[Manifest]) -> None:
        self._config_maps = config_maps
        self._secrets = secrets
        self._versions: tuple[str, ...] | None = None
        self._snapshot = Settings()
        self._generation = -1

    def __call__(self) -> Settings:
        generation = self._config_maps.generation + self._secrets.generation
        if generation != self._generation:
            self._generation = generation
            self._refresh()
        return self._snapshot

    def changes(self) -> Feed:
        """Fires when one of the sources changes; ask for the snapshot then."""
        feed = self._config_maps.changes(_is_source)
        self._secrets.attach(feed)
        return feed

    async def patch_secret(self, values: Mapping[str, str | bytes | None]) -> None:
        """Change entries of argocd-secret; a None removes one."""
        await self._secrets.patch(self._name(ARGOCD_SECRET), {"data": encoded_data(values)})

    async def patch_config(self, values: Mapping[str, str | None], name: str = CONFIG) -> None:
        """Change entries of argocd-cm (or another of our ConfigMaps); a None removes one."""
        await self._config_maps.patch(self._name(name), {"data": dict(values)})

    def _refresh(self) -> None:
        maps = [self._config_maps.raw(self._name(name)) or {} for name in (CONFIG, RBAC_CONFIG, PARAMETERS)]
        secret = self._secrets.raw(self._name(ARGOCD_SECRET)) or {}
        versions = tuple(resource_version_of(each) for each in (*maps, secret))
        if versions == self._versions:
            return
        try:
            entries = texts_of(secret)
        except InvalidSpec:  # the API server lets no such Secret in; keep the last good one all the same
            entries = dict(self._snapshot.secrets)
        config, rbac, parameters = (dict(each.get("data") or {}) for each in maps)
        self._versions = versions
        self._snapshot = parse_settings(Sources(config, rbac, parameters, entries, versions[-1]), self._snapshot)

    def _name(self, name: str) -> RecordName:
        return RecordName(self._config_maps.namespace, name)


def _is_source(manifest: Manifest) -> bool:
    return name_of(manifest) in _SOURCES
