"""The records that sessions need, kept in the management cluster."""

from collections.abc import Mapping

from adapters.store.kinds import PART_OF_LABEL, SECRETS, RecordName
from adapters.store.secrets import data_of, encoded_data
from adapters.store.settings_values import Settings
from adapters.store.store import Store
from api_server.auth.records import SESSIONS_SECRET
from gitops.model.errors import AlreadyExists, Conflict, InvalidSpec, NotFound
from gitops.model.resource import Manifest

Values = Mapping[str, bytes | None]


class ClusterRecords:
    """argocd-secret and a Secret of our own, written by merge patches: replicas never overwrite each other."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sessions_of: Manifest | None = None
        self._sessions: Mapping[str, bytes] = {}

    @property
    def settings(self) -> Settings:
        return self._store.settings()

    @property
    def sessions(self) -> Mapping[str, bytes]:
        found = self._store.secrets.raw(self._name(SESSIONS_SECRET))
        if found is not self._sessions_of:
            self._sessions_of = found
            try:
                self._sessions = data_of(found) if found else {}
            except InvalidSpec:  # unreadable: better to keep what was revoked than to forget it
                return self._sessions
        return self._sessions

    async def patch_secret(self, changes: Values) -> None:
        await self._store.settings.patch_secret(changes)

    async def patch_sessions(self, changes: Values) -> None:
        name = self._name(SESSIONS_SECRET)
        try:
            await self._store.secrets.patch(name, {"data": encoded_data(changes)})
        except NotFound:
            try:
                await self._store.secrets.create(self._new(changes))
            except (AlreadyExists, Conflict):  # another replica was faster
                await self._store.secrets.patch(name, {"data": encoded_data(changes)})

    def _new(self, changes: Values) -> Manifest:
        present = {key: value for key, value in changes.items() if value is not None}
        return {
            "apiVersion": "v1",
            "kind": SECRETS.kind,
            "type": "Opaque",
            "metadata": {"name": SESSIONS_SECRET, "labels": {PART_OF_LABEL: "argocd"}},
            "data": encoded_data(present),
        }

    def _name(self, name: str) -> RecordName:
        return RecordName(self._store.namespace, name)
