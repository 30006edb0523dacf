"""What Git asks for, per application: rendered, decoded, tracked, and kept while its inputs stay the same.

An application has up to three desired states at once: the one at its target revision, the one it was
last synced to (what drift is measured against where new commits wait), and an operation's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec

from adapters.repo_client import CachePolicy, RenderContext, Rendered, RepoClient
from app_controller.live.cluster import LiveCluster
from gitops.manifest.annotations import is_hook, is_skipped
from gitops.manifest.decode import decode_json
from gitops.manifest.normalize import desired_for, digest_of
from gitops.manifest.tracking import Tracking, app_instance_name
from gitops.model.application import Application, AppName, KustomizeSettings
from gitops.model.errors import GitOpsError, InvalidSpec, ManifestInvalid, PathNotFound, RenderFailed
from gitops.model.repository import Repository, RepositoryAccess
from gitops.model.resource import GroupKind, Manifest, ResourceKey, group_kind_of, key_of, version_of

FAULTS_OF_A_COMMIT = (PathNotFound, RenderFailed, ManifestInvalid)
AUTHOR_WITHIN = timedelta(seconds=5)
LONGEST_AUTHOR = 200

RawSource = Mapping[str, Any]  # one source as the user wrote it


class DesiredObject(msgspec.Struct, frozen=True):
    key: ResourceKey
    version: str
    manifest: Manifest
    digest: bytes  # of the manifest; equal digests mean equal manifests


class Desired(msgspec.Struct, frozen=True):
    """The desired state of one application at given revisions."""

    sources: tuple[RawSource, ...]
    revisions: tuple[str, ...]  # one per source
    source_types: tuple[str, ...]
    render_keys: tuple[str, ...]
    objects: tuple[DesiredObject, ...]
    hooks: tuple[Manifest, ...]
    skipped: frozenset[ResourceKey]
    warnings: tuple[str, ...] = ()  # objects that more than one source or file holds

    @property
    def revision(self) -> str:
        return self.revisions[0] if self.revisions else ""

    @property
    def group_kinds(self) -> set[GroupKind]:
        """Those that have to be seen whole: of objects, and of hooks, whose health tells how they end."""
        return {each.key.group_kind for each in self.objects} | {group_kind_of(each) for each in self.hooks}


class _Inputs(msgspec.Struct, frozen=True):
    """Everything but the revision that a desired state is made from."""

    digest: bytes
    accesses: tuple[RepositoryAccess, ...]  # who may no longer read a repository is not answered from memory


class _Slot(msgspec.Struct):
    """The last desired state made for one purpose, and what it was made from."""

    inputs: "_Inputs"
    desired: Desired


class DesiredStates:
    def __init__(
        self, repo: RepoClient, control_namespace: str, kustomize: Callable[[], KustomizeSettings] = KustomizeSettings
    ) -> None:
        self._repo = repo
        self._kustomize = kustomize  # as argocd-cm has it now
        self._control_namespace = control_namespace
        self._slots: dict[AppName, dict[str, _Slot]] = {}  # by application and purpose

    def forget(self, name: AppName) -> None:
        self._slots.pop(name, None)

    def warnings(self, repositories: Iterable[Repository]) -> set[str]:
        """What of the sources' repositories cannot be read, besides what the application uses."""
        return {warning for repository in repositories for warning in self._repo.warnings(repository)}

    async def get(
        self,
        app: Application,
        sources: Sequence[tuple[RawSource, Repository]],
        revisions: Sequence[str],
        live: LiveCluster,
        *,
        purpose: str,
        tracking: Tracking,
        policy: CachePolicy = CachePolicy.USE,
    ) -> Desired:
        """The desired state of an application at resolved revisions; raises what the repo server says."""
        inputs = _Inputs(
            _inputs_digest(app, sources, live, tracking, self._kustomize()),
            tuple(repository.access for _, repository in sources),
        )
        usable = self._made_of(app.key, inputs, purpose)
        same = next((each for each in usable if each.revisions == tuple(revisions)), None)
        if same is not None and policy is not CachePolicy.BYPASS:
            self._slots[app.key][purpose] = _Slot(inputs, same)
            return same
        present = usable[0] if usable else None
        made = await self._made(app, sources, revisions, live, tracking, policy, present)
        self._slots.setdefault(app.key, {})[purpose] = _Slot(inputs, made)
        return made

    def _made_of(self, name: AppName, inputs: _Inputs, purpose: str) -> list[Desired]:
        """What is held for other revisions or purposes of the same inputs, our own purpose's first."""
        slots = self._slots.get(name, {})
        ordered = sorted(slots, key=lambda each: each != purpose)
        return [slots[each].desired for each in ordered if slots[each].inputs == inputs]

    async def _made(
        self,
        app: Application,
        sources: Sequence[tuple[RawSource, Repository]],
        revisions: Sequence[str],
        live: LiveCluster,
        tracking: Tracking,
        policy: CachePolicy,
        present: Desired | None,
    ) -> Desired:
        context = RenderContext(
            app_name=app.metadata.name,
            app_namespace=app.metadata.namespace,
            project=app.spec.project,
            namespace=app.spec.destination.namespace,
            kube_version=live.version,
            api_versions=live.api_versions,
            kustomize=self._kustomize(),
        )
        refs = [
            (str(source["ref"]), repository, revision)
            for (source, repository), revision in zip(sources, revisions, strict=True)
            if source.get("ref")
        ]
        rendering = [
            (index, source, repository)
            for index, (source, repository) in enumerate(sources)
            if source.get("path") or source.get("chart") or not source.get("ref")
        ]
        known = present.render_keys if present is not None and len(rendering) == 1 else ()
        answers = []
        for index, source, repository in rendering:
            asking = self._repo.manifests(
                repository,
                source,
                revision=revisions[index],
                context=context,
                refs=refs,
                policy=policy,
                known_render_key=known[0] if known else "",
            )
            answers.append(await self._blamed(asking, repository, revisions[index]))
        keys = tuple(each.render_key for each in answers)
        types = tuple(each.source_type for each in answers)
        if present is not None and answers and answers[0].unchanged:
            return msgspec.structs.replace(present, revisions=tuple(revisions), source_types=types)
        manifests = [manifest for each in answers for manifest in decode_json(each.manifests)]
        objects, hooks, skipped, warnings = self._tracked(app, manifests, live, tracking)
        return Desired(
            sources=tuple(source for source, _ in sources),
            revisions=tuple(revisions),
            source_types=types,
            render_keys=keys,
            objects=objects,
            hooks=hooks,
            skipped=skipped,
            warnings=warnings,
        )

    async def _blamed(self, asking: Awaitable[Rendered], repository: Repository, revision: str) -> Rendered:
        """The answer; what is wrong with a commit is told with the commit and who made it."""
        try:
            return await asking
        except FAULTS_OF_A_COMMIT as error:
            author = ""
            with suppress(GitOpsError, TimeoutError):
                async with asyncio.timeout(AUTHOR_WITHIN.total_seconds()):
                    author = (await self._repo.revision_metadata(repository, revision)).author
            by = f" by {author[:LONGEST_AUTHOR]}" if author else ""
            raise type(error)(f"{error} (commit {revision[:7]}{by})") from error

    def _tracked(
        self, app: Application, manifests: list[Manifest], live: LiveCluster, tracking: Tracking
    ) -> tuple[tuple[DesiredObject, ...], tuple[Manifest, ...], frozenset[ResourceKey], tuple[str, ...]]:
        namespace = app.spec.destination.namespace
        scopes = _declared_scopes(manifests)

        def is_namespaced(group_kind: GroupKind) -> bool | None:
            known = live.is_namespaced(group_kind)
            return scopes.get(group_kind) if known is None else known

        placed = desired_for(manifests, namespace=namespace, is_namespaced=is_namespaced)
        instance = app_instance_name(app.key, self._control_namespace)
        objects: list[DesiredObject] = []
        hooks: list[Manifest] = []
        skipped: set[ResourceKey] = set()
        for manifest in placed.manifests:
            if is_skipped(manifest):
                skipped.add(key_of(manifest))
            elif is_hook(manifest):
                hooks.append(tracking.stamp(manifest, instance, namespace))
            else:
                objects.append(_desired_object(tracking.stamp(manifest, instance, namespace)))
        if placed.without_namespace:
            raise InvalidSpec(
                f"{placed.without_namespace[0]} says no namespace and the application's destination has none; "
                "set spec.destination.namespace"
            )
        warnings = tuple(
            f"Resource {key} appears more than once among the rendered manifests; the last one counts"
            for key in placed.repeated
        )
        return tuple(objects), tuple(hooks), frozenset(skipped), warnings


def _desired_object(manifest: Manifest) -> DesiredObject:
    key = key_of(manifest)
    if not key.name:
        raise InvalidSpec(f"a {key.group_kind} in the rendered manifests has no metadata.name; give it one")
    return DesiredObject(key, version_of(manifest), manifest, digest_of(manifest))


def _inputs_digest(
    app: Application,
    sources: Sequence[tuple[RawSource, Repository]],
    live: LiveCluster,
    tracking: Tracking,
    kustomize: KustomizeSettings,
) -> bytes:
    """Everything but the revision and the credentials that a desired state is made from."""
    return digest_of(
        {
            "sources": [[source, repository.url] for source, repository in sources],
            "project": app.spec.project,
            "namespace": app.spec.destination.namespace,
            "tracking": msgspec.to_builtins(tracking),
            "kustomize": msgspec.to_builtins(kustomize),
            "cluster": live.cluster.server,
            "kinds": live.types_digest,
        }
    )


def _declared_scopes(manifests: Sequence[Manifest]) -> dict[GroupKind, bool]:
    """Kinds whose definition comes with the same sources: not served yet, but their scope is known."""
    scopes = {}
    for manifest in manifests:
        if manifest.get("kind") == "CustomResourceDefinition":
            spec = manifest.get("spec") or {}
            kind = (spec.get("names") or {}).get("kind", "")
            scopes[GroupKind(str(spec.get("group", "")), str(kind))] = spec.get("scope") != "Cluster"
    return scopes
