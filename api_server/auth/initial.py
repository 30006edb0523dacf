"""What a fresh installation needs before anyone can log in: a signing key and the admin's first password."""

import base64
import secrets

import structlog

from adapters.clock import Clock
from adapters.store.kinds import ARGOCD_SECRET, PART_OF_LABEL, RecordName
from adapters.store.secrets import data_of, encoded_data
from adapters.store.store import Store
from api_server.auth.accounts import ADMIN, mtime_key, password_key
from api_server.auth.passwords import Passwords
from gitops.model.errors import AlreadyExists, Conflict
from gitops.model.moments import rfc3339
from gitops.model.resource import resource_version_of

log = structlog.get_logger("session")

INITIAL_SECRET = "argocd-initial-admin-secret"  # noqa: S105
KEY_BYTES = 32
PASSWORD_BYTES = 18  # 24 characters
ATTEMPTS = 5


async def ensure_credentials(store: Store, passwords: Passwords, clock: Clock) -> None:
    """Fills in what argocd-secret lacks, once, however many replicas start together."""
    name = RecordName(store.namespace, ARGOCD_SECRET)
    for _ in range(ATTEMPTS):
        stored = await store.secrets.fresh(name)
        if stored is None:
            await _tolerating(store, {"metadata": {"name": ARGOCD_SECRET, "labels": {PART_OF_LABEL: "argocd"}}})
            continue
        present = data_of(stored)
        missing: dict[str, str | bytes | None] = {}
        if not present.get("server.secretkey"):
            missing["server.secretkey"] = base64.b64encode(secrets.token_bytes(KEY_BYTES))
        password = "" if present.get(password_key(ADMIN)) else secrets.token_urlsafe(PASSWORD_BYTES)
        if password:
            missing[password_key(ADMIN)] = await passwords.hashed(password)
            missing[mtime_key(ADMIN)] = rfc3339(clock.now())
        if not missing:
            return
        try:
            # Only over the version just read: two replicas must not make two keys.
            patch = {"data": encoded_data(missing)}
            await store.secrets.patch(name, patch, resource_version=resource_version_of(stored))
        except Conflict:
            continue
        if password:
            await _publish(store, password)
        return
    raise Conflict(f"{ARGOCD_SECRET} is changing too fast to be completed; start again")


async def _publish(store: Store, password: str) -> None:
    """Where the administrator finds the first password; to be deleted once it was changed."""
    name = RecordName(store.namespace, INITIAL_SECRET)
    values = encoded_data({"password": password})
    if await store.secrets.fresh(name) is None:
        await _tolerating(
            store, {"metadata": {"name": INITIAL_SECRET, "labels": {PART_OF_LABEL: "argocd"}}, "data": values}
        )
    else:
        await store.secrets.patch(name, {"data": values})
    log.info("the admin's first password is in a Secret", secret_name=INITIAL_SECRET)


async def _tolerating(store: Store, manifest: dict[str, object]) -> None:
    try:
        await store.secrets.create({"type": "Opaque", **manifest})
    except (AlreadyExists, Conflict):
        return
