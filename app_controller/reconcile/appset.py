"""One visit to one ApplicationSet: what its generators find now, as Applications."""

import traceback
from collections.abc import Awaitable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from adapters.clock import Clock
from adapters.repo_client import RepoClient
from adapters.store.store import Store
from app_controller.revisions import Revisions
from gitops.appset.changes import Changes, is_owned, plan_changes
from gitops.appset.generators import (
    ClustersNeed,
    Fetched,
    GitNeed,
    Listing,
    needs,
    parameters,
    requeue_after,
)
from gitops.appset.template import applications
from gitops.manifest.annotations import APPLICATION_SET_REFRESH, TIPHYS_PREFIX
from gitops.model.application import AppName
from gitops.model.appset import AppSet, AppSetName
from gitops.model.errors import Conflict, GitOpsError, NotFound
from gitops.model.merge import merge_patch
from gitops.model.moments import parse_rfc3339, rfc3339
from gitops.model.resource import annotations_of

log = structlog.get_logger()

ALLOW_EMPTY = TIPHYS_PREFIX + "allow-empty"  # on a set that may find nothing and so delete all it made
ROUNDS = 8  # a generator nested in another may only then know what it needs
LOOK_AGAIN_AFTER_ERROR = timedelta(seconds=3)


class AppSetReconciler:
    def __init__(self, *, store: Store, repo: RepoClient, revisions: Revisions, clock: Clock) -> None:
        self._store = store
        self._repo = repo
        self._revisions = revisions
        self._clock = clock

    async def visit(self, name: AppSetName) -> timedelta | None:
        record = AppName(name.namespace, name.name)
        try:
            appset = self._store.appsets.get(record)
            if appset is None:
                self._revisions.unfollow(name)
                return None
            if appset.deleting:
                return None  # its Applications go with it, by their owner references
            asked = APPLICATION_SET_REFRESH in annotations_of(self._store.appsets.raw(record) or {})
            try:
                changes = await self._changes(name, appset, asked=asked)
            finally:
                if asked:
                    await self._refreshed(record)
            await self._carry_out(changes)
            await self._tell(record, None, changes.warning, resources=self._resources(appset))
            return requeue_after(appset)
        except (Conflict, NotFound):
            return timedelta(milliseconds=100)
        except GitOpsError as error:
            log.info("ApplicationSet not reconciled", applicationset=str(name), error=str(error))
            await self._tell_safely(record, error)
            return LOOK_AGAIN_AFTER_ERROR
        except Exception:  # a bug must not stop the other sets
            log.error("visit failed", applicationset=str(name), trace=traceback.format_exc())
            await self._tell_safely(record, GitOpsError("internal error; the controller's log says more"))
            return LOOK_AGAIN_AFTER_ERROR

    # --- what is to change ----------------------------------------------------------------------------

    async def _refreshed(self, record: AppName) -> None:
        """Whoever asked to look again has been served, also when it came to nothing."""
        if self._store.appsets.raw(record) is not None:
            await self._store.appsets.patch(record, {"metadata": {"annotations": {APPLICATION_SET_REFRESH: None}}})

    async def _changes(self, name: AppSetName, appset: AppSet, *, asked: bool) -> Changes:
        """Raises whenever an answer is missing: half a listing must not delete anybody's Application."""
        raw = self._store.appsets.raw(AppName(name.namespace, name.name)) or {}
        fetched = Fetched()
        created = (raw.get("metadata") or {}).get("creationTimestamp")
        there_since = parse_rfc3339(created) if created and not self._revisions.knows(name) else None
        for _ in range(ROUNDS):
            missing = needs(appset, fetched)
            if not missing:
                break
            fetched = await self._fetched(name, fetched, missing, asked=asked, there_since=there_since)
        located = [(self._store.repositories.for_url(need.repo_url), need.revision) for need in fetched.listings]
        self._revisions.release(name, located)
        desired = applications(appset, parameters(appset, fetched))
        existing = [
            each for each in self._store.applications.raws() if each["metadata"].get("namespace") == name.namespace
        ]
        allow_empty = annotations_of(raw).get(ALLOW_EMPTY) == "true"
        return plan_changes(appset, desired, existing, allow_empty=allow_empty)

    async def _fetched(
        self, name: AppSetName, so_far: Fetched, missing: Any, *, asked: bool, there_since: datetime | None
    ) -> Fetched:
        listings: dict[GitNeed, Listing] = dict(so_far.listings)
        clusters = so_far.clusters
        for need in missing:
            match need:
                case ClustersNeed():
                    clusters = tuple(self._store.clusters.all())
                case GitNeed():
                    listings[need] = await self._listing(name, need, asked=asked, there_since=there_since)
        return Fetched(listings, clusters)

    async def _listing(self, name: AppSetName, need: GitNeed, *, asked: bool, there_since: datetime | None) -> Listing:
        repository = self._store.repositories.for_url(need.repo_url)
        moment = self._clock.now() if asked else None
        revision = await self._revisions.resolve(
            repository, need.revision, name, asked_after=moment, there_since=there_since
        )
        found = await self._repo.list_paths(repository, revision, directories=need.directories, files=need.files)
        return Listing(found.directories, {each.path: each.content for each in found.files})

    # --- changing -------------------------------------------------------------------------------------

    async def _carry_out(self, changes: Changes) -> None:
        """One Application that the API server refuses does not keep the others; it is told in the end."""
        failures: list[GitOpsError] = []
        for raw in changes.create:
            log.info("application generated", application=raw["metadata"]["name"])
            await _noted(self._store.applications.create(raw), failures)
        for update in changes.update:
            patch = merge_patch(update.before, update.after)
            if patch:
                await _noted(self._store.applications.patch(_name(update.before), patch), failures)
        for raw in changes.delete:
            log.info("application no longer generated", application=raw["metadata"]["name"])
            await _noted(self._store.applications.delete(_name(raw), "Foreground"), failures)
        if failures:
            raise failures[0]

    # --- telling --------------------------------------------------------------------------------------

    async def _tell_safely(self, record: AppName, error: GitOpsError) -> None:
        try:
            await self._tell(record, error, "")
        except GitOpsError as failure:
            log.warning("ApplicationSet status not written", applicationset=str(record), error=str(failure))

    def _resources(self, appset: AppSet) -> list[dict[str, Any]]:
        """The Applications of the set, by name; how they are is told by themselves, never by a copy that ages."""
        owned = [each for each in self._store.applications.raws() if is_owned(each, appset)]
        kind = {"group": "argoproj.io", "version": "v1alpha1", "kind": "Application"}
        named = [{**kind, "name": _name(each).name, "namespace": _name(each).namespace} for each in owned]
        return sorted(named, key=lambda each: each["name"])

    async def _tell(
        self,
        record: AppName,
        error: GitOpsError | None,
        warning: str,
        *,
        resources: list[dict[str, Any]] | None = None,
    ) -> None:
        raw = self._store.appsets.raw(record)
        if raw is None:
            return
        message = str(error) if error is not None else warning
        problem = bool(message)
        reason = error.reason if error is not None else "DeletionWithheld" if warning else "ApplicationSetUpToDate"
        told: Mapping[str, Any] = raw.get("status") or {}
        before: list[Mapping[str, Any]] = told.get("conditions") or []
        wanted = [
            ("ErrorOccurred", problem, message or "Successfully generated parameters for all Applications"),
            ("ParametersGenerated", error is None, message or "Successfully generated parameters for all Applications"),
            ("ResourcesUpToDate", not problem, message or "All applications have been generated successfully"),
        ]
        after: dict[str, Any] = {
            "conditions": [self._condition(before, type, holds, reason, text) for type, holds, text in wanted]
        }
        if resources is not None:
            after |= {"resources": resources, "resourcesCount": len(resources)}
        patch = merge_patch({name: told[name] for name in after if name in told}, after)
        if patch:
            await self._store.appsets.write_status(record, patch)

    def _condition(
        self, before: list[Mapping[str, Any]], type: str, holds: bool, reason: str, message: str
    ) -> dict[str, Any]:
        status = "True" if holds else "False"
        told = {"type": type, "status": status, "reason": reason, "message": message}
        same = next((each for each in before if each.get("type") == type and each.get("status") == status), None)
        moment = same.get("lastTransitionTime") if same is not None else rfc3339(self._clock.now())
        return {**told, "lastTransitionTime": moment}


async def _noted(work: Awaitable[object], failures: list[GitOpsError]) -> None:
    try:
        await work
    except GitOpsError as error:
        failures.append(error)


def _name(raw: Mapping[str, Any]) -> AppName:
    return AppName(raw["metadata"].get("namespace", ""), raw["metadata"]["name"])
