"""What a visit and an operation both need to know of an application: where, what, how it compares."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from adapters.clock import Clock
from adapters.repo_client import CachePolicy
from adapters.store.settings_values import Settings
from adapters.store.store import Store
from app_controller.desired import Desired, DesiredStates, RawSource
from app_controller.live.cluster import LiveCluster
from app_controller.live.clusters import Clusters
from app_controller.reconcile.actions import Door
from app_controller.reconcile.comparison import Comparer
from app_controller.reconcile.reach import Reach
from app_controller.revisions import Revisions, is_commit
from gitops.compare import Comparison
from gitops.diff.ignore import IgnoreRules, compile_rules
from gitops.manifest.tracking import Tracking, app_instance_name, app_name_of_instance
from gitops.model.application import Application, AppName
from gitops.model.errors import InvalidSpec, NotPermitted, RepoServerUnavailable
from gitops.model.moments import parse_rfc3339
from gitops.model.operation import SyncOperation
from gitops.model.project import Project
from gitops.model.repository import Repository
from gitops.model.resource import Manifest, ResourceKey, group_kind_of
from gitops.rbac.projects import destination_refusal, permits_source
from gitops.sync.options import app_options

TARGET = "target"
BASELINE = "baseline"
OPERATION = "operation"


class Examined(msgspec.Struct, frozen=True):
    """One comparison with all it was made from."""

    live: LiveCluster
    desired: Desired
    comparison: Comparison
    reach: Reach
    problems: tuple[tuple[str, str], ...] = ()  # conditions: (type, message)
    foreign: frozenset[ResourceKey] = frozenset()  # objects that another application owns


class Examiner:
    def __init__(
        self,
        *,
        store: Store,
        clusters: Clusters,
        revisions: Revisions,
        desired: DesiredStates,
        comparer: Comparer,
        clock: Clock,
        control_namespace: str,
    ) -> None:
        self._store = store
        self._clusters = clusters
        self._revisions = revisions
        self._desired = desired
        self._comparer = comparer
        self._clock = clock
        self._control_namespace = control_namespace
        self._rules: dict[bytes, IgnoreRules] = {}

    def instance_of(self, app: Application) -> str:
        return app_instance_name(app.key, self._control_namespace)

    def forget_verdicts(self, name: AppName) -> None:
        """What was found out before is not believed any more: everything is compared anew."""
        self._comparer.forget(name)

    def forget(self, name: AppName) -> None:
        self._desired.forget(name)
        self._comparer.forget(name)
        self._revisions.unfollow(name)

    # --- where ----------------------------------------------------------------------------------------

    def destination(self, app: Application) -> LiveCluster:
        """The live view of the destination cluster; raises ClusterUnknown."""
        destination = app.spec.destination
        return self._clusters.use(self._store.clusters.find(destination.server, destination.name))

    def project(self, app: Application) -> Project:
        found = self._store.projects.get(app.spec.project)
        if found is None:
            raise InvalidSpec(f"project {app.spec.project} does not exist; create it or correct spec.project")
        return found

    def door(self, app: Application, live: LiveCluster, *, takes_over: bool = False) -> Door:
        """`takes_over`: a person has said that objects of other applications are to become this one's."""
        reach = self.reach(app, live)
        return Door(
            live,
            self._clock,
            project=lambda: self.project(app),
            owner_of=reach.tracking.owner_of,
            other_owner=(lambda _: "") if takes_over else reach.other_owner,
            instance=reach.instance,
        )

    def reach(self, app: Application, live: LiveCluster) -> Reach:
        """What the application may look at, as its project says now; raises InvalidSpec if there is none."""
        settings, server = self._store.settings(), live.cluster.server
        return Reach(
            project=self.project(app),
            cluster=live.cluster,
            instance=self.instance_of(app),
            tracking=tracking_of(settings),
            exists=self._exists,
            excluded=lambda group_kind: settings.excludes(*group_kind, server),
        )

    def _exists(self, instance: str) -> bool:
        return self._store.applications.raw(app_name_of_instance(instance, self._control_namespace)) is not None

    def check_permitted(self, app: Application, sources: Sequence[RawSource]) -> None:
        """Raises when the project does not allow the application's sources or destination."""
        project = self.project(app)
        for source in sources:
            url = str(source.get("repoURL") or "")
            if not permits_source(project, url):
                raise NotPermitted(
                    f"application repo {url} is not permitted in project {project.name}; "
                    "add it to the project's sourceRepos"
                )
        cluster = self._store.clusters.find(app.spec.destination.server, app.spec.destination.name)
        refusal = destination_refusal(project, cluster, app.spec.destination.namespace)
        if refusal:
            raise NotPermitted(refusal)

    # --- what -----------------------------------------------------------------------------------------

    def repositories(self, app: Application, sources: Sequence[RawSource]) -> list[tuple[RawSource, Repository]]:
        return [
            (source, self._store.repositories.for_url(str(source.get("repoURL") or ""), app.spec.project))
            for source in sources
        ]

    async def resolved(
        self,
        app: Application,
        sources: Sequence[tuple[RawSource, Repository]],
        *,
        asked: Sequence[str] = (),
        asked_after: datetime | None = None,
        follow: bool = True,
    ) -> list[str]:
        """The commit of each source; `asked` names other references than the sources do."""
        names = [
            (asked[index] if index < len(asked) and asked[index] else str(source.get("targetRevision") or ""))
            for index, (source, _) in enumerate(sources)
        ]
        new = not self._revisions.knows(app.key)
        there_since = (
            parse_rfc3339(app.metadata.creation_timestamp) if new and app.metadata.creation_timestamp else None
        )
        found = [
            name
            if is_commit(name)
            else await self._revisions.resolve(
                repository, name, app.key, asked_after=asked_after, there_since=there_since
            )
            for (_, repository), name in zip(sources, names, strict=True)
        ]
        if follow:
            self._revisions.release(
                app.key, [(repository, name) for (_, repository), name in zip(sources, names, strict=True)]
            )
        return found

    async def examine(
        self,
        app: Application,
        sources: Sequence[RawSource],
        *,
        purpose: str,
        revisions: Sequence[str] = (),
        asked_after: datetime | None = None,
        policy: CachePolicy = CachePolicy.USE,
    ) -> Examined:
        """Render the sources at the given references (or their own) and compare with the cluster.

        Raises SourceError when there is no desired state, ClusterError when there is no live state.
        """
        if not sources:
            raise InvalidSpec("the application has no source; set spec.source or spec.sources")
        self.check_permitted(app, sources)
        live = self.destination(app)
        located = self.repositories(app, sources)
        commits = await self.resolved(app, located, asked=revisions, asked_after=asked_after, follow=purpose == TARGET)
        await live.ready()
        settings = self._store.settings()
        try:
            desired = await self._desired.get(
                app, located, commits, live, purpose=purpose, tracking=tracking_of(settings), policy=policy
            )
        except RepoServerUnavailable:
            self._revisions.doubt(repository for _, repository in located)
            raise
        await live.ready(desired.group_kinds)
        if asked_after is not None:
            await live.reachability.confirm()  # who asks to look again is not told what was seen before
        reach = self.reach(app, live)
        comparing = self._comparer.compare(
            app.key,
            desired,
            live,
            self.rules_of(app),
            reach,
            purpose=purpose,
            options=app_options(app.spec, SyncOperation()),
        )
        comparison, problems = await live.reachability.unless_lost(comparing)
        warned = self._desired.warnings(repository for _, repository in located)
        problems = (*problems, *(("SourceWarning", each) for each in sorted(warned)))
        foreign = frozenset(each.key for each in comparison.objects if reach.other_owner(each.live))
        return Examined(live, desired, comparison, reach, problems, foreign)

    async def hooks(self, app: Application, live: LiveCluster) -> tuple[Manifest, ...]:
        """The hooks of the application as its sources have them now, and their kinds in view.

        Raises as `examine` does.
        """
        sources = sources_of(self._store.applications.raw(app.key) or {})
        if not sources:
            raise InvalidSpec("the application has no source; set spec.source or spec.sources")
        self.check_permitted(app, sources)
        located = self.repositories(app, sources)
        commits = await self.resolved(app, located, follow=False)
        await live.ready()
        tracking = tracking_of(self._store.settings())
        desired = await self._desired.get(app, located, commits, live, purpose=TARGET, tracking=tracking)
        await live.ready({group_kind_of(each) for each in desired.hooks})
        return desired.hooks

    def rules_of(self, app: Application) -> IgnoreRules:
        settings = self._store.settings()
        key = msgspec.json.encode((app.spec.ignore_differences, settings.digest))
        rules = self._rules.get(key)
        if rules is None:
            rules = compile_rules(
                app.spec.ignore_differences,
                settings.ignore_differences,
                ignore_status=settings.compare_options.ignore_resource_status_field,
                ignore_aggregated_roles=settings.compare_options.ignore_aggregated_roles,
            )
            if len(self._rules) > 1000:
                self._rules.clear()
            self._rules[key] = rules
        return rules


def tracking_of(settings: Settings) -> Tracking:
    """How this installation marks what it owns."""
    return _tracking(settings.tracking_method, settings.instance_label_key, settings.installation_id)


@cache
def _tracking(method: str, label_key: str, installation_id: str) -> Tracking:
    return Tracking(method, label_key, installation_id)


def sources_of(raw: Mapping[str, Any]) -> list[RawSource]:
    """The sources as the user wrote them; `sources` overrides `source`."""
    spec = raw.get("spec") or {}
    many = spec.get("sources")
    if many:
        return list(many)
    return [spec["source"]] if spec.get("source") else []
