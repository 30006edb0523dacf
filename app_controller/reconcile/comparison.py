"""Compares an application with its cluster, asking the API server only where nothing else can tell.

The order of work: what was found for the same desired and live object holds; else a local comparison
may say "surely equal"; else the API server predicts, by a dry run, what applying would make of the object.
"""

from collections.abc import Mapping, Set

import msgspec

from adapters.jq.engine import JqEngine
from app_controller.concurrency import tasks_together
from app_controller.desired import Desired, DesiredObject
from app_controller.live.cluster import LiveCluster
from app_controller.metrics import Metrics
from app_controller.reconcile.ignored import IgnoredPaths
from app_controller.reconcile.reach import Reach, how_to_share
from app_controller.reconcile.writes import MANAGER, apply_declared, patched, refuses_apply_only
from gitops.compare import Comparison, ObjectComparison, compare_object, summarize
from gitops.diff.ignore import IgnoreRules
from gitops.diff.injected import with_injected
from gitops.diff.local import surely_equal
from gitops.diff.takeover import predict_takeover
from gitops.diff.three_way import predict
from gitops.diff.undeclared import without_fields
from gitops.manifest.annotations import is_custom_resource_definition, is_hook, sync_options
from gitops.manifest.normalize import digest_of
from gitops.manifest.tracking import Tracking, TrackingMethod
from gitops.model.application import AppName
from gitops.model.errors import ClusterRefused, KindNotServed
from gitops.model.resource import (
    GroupKind,
    Manifest,
    ResourceKey,
    ResourceType,
    key_of,
    resource_version_of,
    version_of,
)
from gitops.sync.options import SyncOptions, object_options
from gitops.sync.tasks import kind_defined_by

Problems = tuple[tuple[str, str], ...]

# What changes in a live object without any bearing on what applying would do to it.
_PASSING = frozenset({"resourceVersion", "managedFields", "generation"})


class _Remembered(msgspec.Struct, frozen=True):
    """The last verdict on one object, and what it depended on."""

    desired: bytes
    rules: str  # and what else a verdict rests on beside the two objects
    live_version: str
    compared: ObjectComparison
    content: bytes = b""  # of the live object, if the API server was asked about it
    prediction: Manifest | None = None
    left_out: tuple[str, ...] = ()  # fields of the desired object that its schema does not know


class Comparer:
    def __init__(self, metrics: Metrics, jq: JqEngine) -> None:
        self._metrics = metrics
        self._jq = jq
        self._memory: dict[tuple[AppName, str], dict[ResourceKey, _Remembered]] = {}

    def forget(self, name: AppName) -> None:
        for key in [each for each in self._memory if each[0] == name]:
            del self._memory[key]

    async def compare(
        self,
        name: AppName,
        desired: Desired,
        live: LiveCluster,
        rules: IgnoreRules,
        reach: Reach,
        *,
        purpose: str,
        options: SyncOptions,
    ) -> tuple[Comparison, Problems]:
        """All objects of the application: desired ones, and live ones that carry its mark.

        Of what is out of its reach nothing is read: it counts as missing, and a warning says why.
        `options` of the application: what a sync will do is what is predicted.
        """
        before = self._memory.get((name, purpose), {})
        ignored = IgnoredPaths(self._jq, name, rules)
        await ignored.check()
        visit = _Visit(self._metrics, live, rules, ignored, reach.tracking, before, _defined_by(desired), options)
        problems: list[tuple[str, str]] = [("RepeatedResourceWarning", each) for each in desired.warnings]
        wanted = {each.key for each in desired.objects} | desired.skipped
        runs = {key_of(each) for each in desired.hooks}
        managed = [each for each in desired.objects if not reach.excluded(each.key.group_kind)]
        if len(managed) < len(desired.objects):
            problems += [_excluded(each.key) for each in desired.objects if reach.excluded(each.key.group_kind)]
        async with tasks_together() as tasks:
            for each in managed:
                if refusal := reach.refusal(each.key, namespaced=live.lies_in_a_namespace(each.key)):
                    problems.append(("ExcludedResourceWarning", f"{each.key} is neither read nor synced: {refusal}"))
                    visit.refuse(each, refusal)
                    continue
                found = live.mirror.get(each.key)
                problems += _shared(each.key, found, reach)
                if not visit.recall(each, found):
                    tasks.create_task(visit.judge(each, found))
        for manifest in live.mirror.owned_by(reach.instance):
            key = key_of(manifest)
            is_ours = key not in wanted and not is_child(manifest, reach.tracking) and reach.sees(manifest)
            if is_ours and (key not in runs or is_hook(manifest)):
                visit.add_extra(manifest)  # what a hook left is shown, though it is neither wanted nor in the way
        if not options.skip_dry_run_on_missing:
            problems += visit.unserved
        problems += visit.left_out
        self._memory[(name, purpose)] = visit.remembered
        ordered = [visit.compared[each.key] for each in managed] + visit.extras
        return summarize(ordered), tuple(problems)


class _Visit:
    """One comparison under way."""

    def __init__(
        self,
        metrics: Metrics,
        live: LiveCluster,
        rules: IgnoreRules,
        ignored: IgnoredPaths,
        tracking: Tracking,
        before: Mapping[ResourceKey, _Remembered],
        defined: Set[GroupKind],
        options: SyncOptions,
    ) -> None:
        self._metrics = metrics
        self._live = live
        self._rules = rules
        self._ignored = ignored
        self._tracking = tracking
        self._terms = f"{rules.digest} {tracking.label_key}"
        self._before = before
        self._defined = defined  # kinds that come with the application itself
        self.remembered: dict[ResourceKey, _Remembered] = {}
        self.compared: dict[ResourceKey, ObjectComparison] = {}
        self.extras: list[ObjectComparison] = []
        self._options = options
        self.unserved: list[tuple[str, str]] = []
        self.left_out: list[tuple[str, str]] = []

    def recall(self, desired: DesiredObject, live: Manifest | None) -> bool:
        """Takes the remembered verdict, if nothing it depended on has changed."""
        last = self._before.get(desired.key)
        version = resource_version_of(live) if live is not None else ""
        if last is None or (last.desired, last.rules, last.live_version) != (
            desired.digest,
            self._terms,
            version,
        ):
            return False
        if live is None and not self._live.serves(desired.key.group_kind):
            return False
        self._keep(desired.key, last, "remembered")
        return True

    async def judge(self, desired: DesiredObject, live: Manifest | None) -> None:
        if live is None:
            await self._missing(desired)
            return
        if version_of(live) != desired.version:
            live = await self._in_version(desired, live)
        desired = msgspec.structs.replace(desired, manifest=with_injected(desired.manifest, live))
        if surely_equal(desired.manifest, live, MANAGER):
            await self._conclude(desired, live, None, "local")
            return
        last = self._before.get(desired.key)
        content = _content_digest(live)
        if last is not None and last.content == content and (last.desired, last.rules) == (desired.digest, self._terms):
            await self._conclude(desired, live, last.prediction, "remembered", content=content, left_out=last.left_out)
            return
        prediction, left_out, message = await self._predicted(desired, live)
        # What a refusal rests on (a webhook that does not answer, a permission) may change at any time.
        lasting = not message
        await self._conclude(
            desired, live, prediction, "dry run", content=content, left_out=left_out, message=message, lasting=lasting
        )

    def refuse(self, desired: DesiredObject, refusal: str) -> None:
        """Not looked at, so nothing is known of its live side, not even whether there is one."""
        self.compared[desired.key] = compare_object(desired.manifest, None, None, self._rules, message=refusal)

    def add_extra(self, manifest: Manifest) -> None:
        self.extras.append(compare_object(None, manifest, None, self._rules))

    # --- inside -------------------------------------------------------------------------------------

    async def _missing(self, desired: DesiredObject) -> None:
        if not self._live.serves(desired.key.group_kind):
            self._note_unserved(desired)
        await self._conclude(desired, None, None, "local")

    def _note_unserved(self, desired: DesiredObject) -> None:
        may_come = "SkipDryRunOnMissingResource=true" in sync_options(desired.manifest)
        if may_come or desired.key.group_kind in self._defined:
            return
        try:
            self._live.type_of(desired.key.group, desired.version, desired.key.kind)
        except KindNotServed as error:
            self.unserved.append(("ComparisonError", f"{desired.key}: {error}"))

    async def _in_version(self, desired: DesiredObject, live: Manifest) -> Manifest:
        """The live object as the version that Git speaks has it; the mirror holds the preferred one."""
        type = self._live.type_of(desired.key.group, desired.version, desired.key.kind)
        found = await self._live.client.get(type, desired.key.namespace, desired.key.name)
        return live if found is None else found

    async def _predicted(self, desired: DesiredObject, live: Manifest) -> tuple[Manifest, tuple[str, ...], str]:
        """What a sync would make of it, the fields it would leave out, and why the API server would not have it."""
        type: ResourceType = self._live.type_of(desired.key.group, desired.version, desired.key.kind)
        server_side = object_options(self._options, desired.manifest).server_side_apply
        client = self._live.client
        try:
            if server_side is False:
                return await patched(client, type, desired.manifest, live), (), ""
            answer, left_out = await apply_declared(
                client, type, desired.manifest, strictly=server_side is True, dry_run=True
            )
        except ClusterRefused as refusal:
            # The verdict must not wait for the refusal to be mended: say how far apart the two are, and why
            # the API server would not have it.
            reason = "" if refuses_apply_only(refusal) else str(refusal)
            return predict(desired.manifest, live), (), reason
        # Of objects nobody has marked yet the mirror does not hold who owns what; the answer tells.
        known = live if live["metadata"].get("managedFields") else _with_managers_of(live, answer)
        kept = without_fields(desired.manifest, left_out) or desired.manifest
        return predict_takeover(kept, known, answer, MANAGER), left_out, ""

    async def _conclude(
        self,
        desired: DesiredObject,
        live: Manifest | None,
        prediction: Manifest | None,
        how: str,
        *,
        content: bytes = b"",
        left_out: tuple[str, ...] = (),
        message: str = "",
        lasting: bool = True,
    ) -> None:
        immaterial = self._tracking.immaterial(desired.manifest, live) if live is not None else ()
        found = None
        if live is not None and prediction is not None:
            found = await self._ignored.of(live, prediction)
        compared = compare_object(
            desired.manifest, live, prediction, self._rules, found=found, message=message, immaterial=immaterial
        )
        verdict = _Remembered(
            desired=desired.digest,
            rules=self._terms,
            live_version=resource_version_of(live) if live is not None else "",
            compared=compared,
            content=content,
            prediction=prediction,
            left_out=left_out,
        )
        self._keep(desired.key, verdict, how, lasting=lasting)

    def _keep(self, key: ResourceKey, verdict: _Remembered, how: str, *, lasting: bool = True) -> None:
        if lasting:
            self.remembered[key] = verdict
        if verdict.left_out:
            fields = ", ".join(verdict.left_out)
            self.left_out.append(("UnknownFieldWarning", f"{key}: its schema does not know {fields}; left out"))
        self.compared[key] = verdict.compared
        self._metrics.comparisons.labels(how=how).inc()


def _defined_by(desired: Desired) -> Set[GroupKind]:
    """Kinds whose definition is part of the application: not served yet, they come with its first sync."""
    definitions = (each.manifest for each in desired.objects if is_custom_resource_definition(each.manifest))
    return {kind_defined_by(each) for each in definitions}


def is_child(manifest: Manifest, tracking: Tracking) -> bool:
    """Labels are copied onto what controllers make of an object; that goes with its owner, never by us."""
    return tracking.method == TrackingMethod.LABEL and bool(manifest["metadata"].get("ownerReferences"))


def _excluded(key: ResourceKey) -> tuple[str, str]:
    message = f"Resource {key} is excluded in the settings (resource.exclusions); it is neither compared nor synced"
    return "ExcludedResourceWarning", message


def _with_managers_of(live: Manifest, answer: Manifest) -> Manifest:
    fields = answer["metadata"].get("managedFields") or []
    return {**live, "metadata": {**live["metadata"], "managedFields": fields}}


def _content_digest(live: Manifest) -> bytes:
    """Of all that a prediction depends on: a new status alone changes nothing."""
    kept = {name: value for name, value in live.items() if name not in ("status", "metadata")}
    metadata = {name: value for name, value in live["metadata"].items() if name not in _PASSING}
    return digest_of({**kept, "metadata": metadata, "managers": _managers(live)})


def _managers(live: Manifest) -> object:
    fields = live["metadata"].get("managedFields") or []
    return [
        [each.get("manager"), each.get("operation"), each.get("fieldsV1")]
        for each in fields
        if not each.get("subresource")
    ]


def _shared(key: ResourceKey, live: Manifest | None, reach: Reach) -> Problems:
    owner = reach.other_owner(live)
    if not owner:
        return ()
    name = owner.removeprefix("application ")
    return (
        ("SharedResourceWarning", f"{key} is part of applications {reach.instance} and {name}: {how_to_share(owner)}"),
    )
