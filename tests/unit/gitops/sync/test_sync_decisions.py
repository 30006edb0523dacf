"""Whether an application syncs by itself, at what moment, and what people may ask for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from gitops.model.application import Application, AppMetadata, AppSpec, Automated, Destination, Source, SyncPolicy
from gitops.model.errors import Conflict, InvalidRequest, InvalidSpec, NotFound
from gitops.model.moments import rfc3339
from gitops.model.operation import (
    Backoff,
    HistoryEntry,
    Operation,
    OperationInitiator,
    OperationPhase,
    OperationState,
    ResourceResult,
    RetryStrategy,
    SyncOperation,
    SyncOperationResource,
    SyncResult,
)
from gitops.model.project import SyncWindow
from gitops.model.resource import ResourceKey
from gitops.model.status import AppStatus, SyncCode
from gitops.sync.autosync import Decision, Findings, Skip, Wait, backoff, decide_autosync, outdated, superseded
from gitops.sync.cron import parse_schedule
from gitops.sync.history import with_deployment
from gitops.sync.retry import next_retry
from gitops.sync.rollback import SyncRequest, requested_sync, rollback_operation
from gitops.sync.windows import Target, may_sync

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday
SOURCE = {"repoURL": "https://git/x", "path": "web", "targetRevision": "main"}
WEB, DB = ResourceKey("apps", "Deployment", "ns", "web"), ResourceKey("apps", "Deployment", "ns", "db")


def an_app(automated: Automated | None = Automated(), **status: Any) -> Application:
    spec = AppSpec(
        source=Source(repo_url="https://git/x", path="web", target_revision="main"),
        destination=Destination(server="https://prod", namespace="ns"),
        sync_policy=SyncPolicy(automated=automated, sync_options=("CreateNamespace=true",)),
    )
    return Application(metadata=AppMetadata(name="around-api-prod"), spec=spec, status=AppStatus(**status))


def ended(
    revision: str = "a1",
    phase: str = OperationPhase.SUCCEEDED,
    *,
    ago: float = 60,
    heals: int = 0,
    healed: tuple[ResourceKey, ...] = (),
) -> OperationState:
    resources = tuple(SyncOperationResource(key.group, key.kind, key.name, key.namespace) for key in healed)
    return OperationState(
        operation=Operation(
            sync=SyncOperation(revision=revision, resources=resources, self_heal_attempts_count=heals),
            initiated_by=OperationInitiator(automated=True),
        ),
        phase=phase,
        message="it broke",
        sync_result=SyncResult(revision=revision, source=SOURCE),
        started_at=rfc3339(NOW - timedelta(seconds=ago)),
        finished_at=rfc3339(NOW - timedelta(seconds=ago)),
    )


def found(revision: str = "a1", **rest: Any) -> Findings:
    facts: dict[str, Any] = {"out_of_sync": (WEB,), "total": 2, **rest}
    return Findings(SyncCode.OUT_OF_SYNC, revision, **facts)


def reason(decision: Decision) -> str:
    assert isinstance(decision, Skip)
    return decision.reason


# --- Git moved ----------------------------------------------------------------------------------------------


def test_a_new_commit_is_synced_whole_with_five_retries() -> None:
    operation = decide_autosync(an_app(Automated(prune=True)), found("b2"), now=NOW)
    assert isinstance(operation, Operation)
    assert operation.sync == SyncOperation(revision="b2", prune=True, sync_options=("CreateNamespace=true",))
    assert (operation.initiated_by.automated, operation.retry.limit) == (True, 5)


@pytest.mark.parametrize(
    ("app", "told"),
    [
        (an_app(None), "no automated sync policy"),
        (an_app(Automated(enabled=False)), "auto-sync is off"),
        (an_app(operation_state=OperationState(phase=OperationPhase.RUNNING)), "another operation is in progress"),
    ],
)
def test_reasons_not_to_begin(app: Application, told: str) -> None:
    assert reason(decide_autosync(app, found("b2"), now=NOW)) == told


def test_only_an_application_out_of_sync_is_synced() -> None:
    assert "is Synced" in reason(decide_autosync(an_app(), Findings(SyncCode.SYNCED, "b2"), now=NOW))
    assert "is Unknown" in reason(decide_autosync(an_app(), Findings(SyncCode.UNKNOWN, "b2"), now=NOW))


def test_extra_objects_alone_are_no_reason_to_sync_without_prune() -> None:
    extra = found("b2", extraneous=(WEB,))
    assert "only pruning" in reason(decide_autosync(an_app(), extra, now=NOW))
    assert isinstance(decide_autosync(an_app(Automated(prune=True)), extra, now=NOW), Operation)


def test_everything_is_never_pruned_unless_empty_is_allowed() -> None:
    empty = found("b2", out_of_sync=(WEB, DB), extraneous=(WEB, DB))
    refused = decide_autosync(an_app(Automated(prune=True)), empty, now=NOW)
    assert refused == Skip("Skipping sync attempt to [b2]: auto-sync will wipe out all resources", error=True)
    assert isinstance(decide_autosync(an_app(Automated(prune=True, allow_empty=True)), empty, now=NOW), Operation)


def test_a_failed_revision_is_not_tried_again_but_a_newer_one_is() -> None:
    app = an_app(operation_state=ended("a1", OperationPhase.FAILED))
    assert decide_autosync(app, found("a1"), now=NOW) == Skip("Failed last sync attempt to [a1]: it broke", error=True)
    assert isinstance(decide_autosync(app, found("b2"), now=NOW), Operation)


def test_the_same_revision_of_another_source_is_a_new_attempt() -> None:
    state = ended("a1", OperationPhase.FAILED)
    moved = msgspec.structs.replace(state, sync_result=SyncResult(revision="a1", source={**SOURCE, "path": "other"}))
    assert isinstance(decide_autosync(an_app(operation_state=moved), found("a1"), now=NOW), Operation)


def test_a_retry_of_an_older_revision_is_out_of_date() -> None:
    waiting = msgspec.structs.replace(ended("a1"), phase=OperationPhase.RUNNING)
    assert superseded(waiting, found("b2"))
    assert not superseded(waiting, found("a1"))
    assert not superseded(msgspec.structs.replace(waiting, finished_at=None), found("b2"))


# --- live drifted ---------------------------------------------------------------------------------------------


def test_drift_is_healed_only_with_self_heal() -> None:
    app = an_app(operation_state=ended())
    assert "self-heal is off" in reason(decide_autosync(app, found(), now=NOW))
    operation = decide_autosync(an_app(Automated(self_heal=True), operation_state=ended()), found(), now=NOW)
    assert isinstance(operation, Operation)
    assert operation.sync is not None
    assert operation.sync.resources == (SyncOperationResource("apps", "Deployment", "web", "ns"),)
    assert (operation.sync.revision, operation.sync.self_heal_attempts_count) == ("a1", 1)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (ended(ago=0, heals=1, healed=(WEB,)), 2),  # people see it go back a few times
        (ended(ago=0, heals=2, healed=(WEB,)), 3),
        (ended(ago=1, heals=3, healed=(WEB,)), Wait(timedelta(seconds=1))),
        (ended(ago=5, heals=4, healed=(WEB,)), Wait(timedelta(seconds=1))),
        (ended(ago=0, heals=11, healed=(WEB,)), Wait(timedelta(seconds=300))),
        (ended(ago=3, heals=3, healed=(WEB,)), 4),
        (ended(ago=10, heals=3, healed=(WEB,)), 4),
        (ended(ago=11, heals=3, healed=(WEB,)), 1),  # rested for longer than 10 s
        (ended(ago=36, heals=5, healed=(WEB,)), 6),  # and for longer than twice the wait
        (ended(ago=37, heals=5, healed=(WEB,)), 1),
        (ended(ago=601, heals=9, healed=(WEB,)), 1),
        (ended(ago=1, heals=5, healed=(DB,)), 1),  # something else drifted
        # Healing failed, the drift is still there.
        (ended(ago=3, heals=3, healed=(WEB,), phase=OperationPhase.FAILED), 4),
    ],
)
def test_the_same_drift_waits_longer_each_time(state: OperationState, expected: Wait | int) -> None:
    decision = decide_autosync(an_app(Automated(self_heal=True), operation_state=state), found(), now=NOW)
    if isinstance(decision, Operation):
        assert decision.sync is not None
        assert decision.sync.self_heal_attempts_count == expected
    else:
        assert decision == expected


def test_the_backoff_of_self_heal() -> None:
    waits = [backoff(attempts).total_seconds() for attempts in (0, 1, 2, 3, 4, 5, 6, 7, 8, 50)]
    assert waits == [0, 0, 0, 2, 6, 18, 54, 162, 300, 300]


def test_who_fights_is_slowed_down_and_who_comes_now_and_then_is_not() -> None:
    assert heals_within(seconds=600, drift_after=0.0) <= 11
    assert heals_within(seconds=600, drift_after=11.0) == 55


def heals_within(*, seconds: float, drift_after: float) -> int:
    """How often the same object is healed when it drifts again so long after each heal."""
    app, now, heals = an_app(Automated(self_heal=True), operation_state=ended(ago=3600)), NOW, 0
    while now < NOW + timedelta(seconds=seconds):
        decision = decide_autosync(app, found(), now=now)
        if isinstance(decision, Wait):
            now += decision.duration
            continue
        assert isinstance(decision, Operation)
        heals += 1
        state = OperationState(
            operation=decision,
            phase=OperationPhase.SUCCEEDED,
            sync_result=SyncResult(revision="a1", source=SOURCE),
            finished_at=rfc3339(now),
        )
        app = an_app(Automated(self_heal=True), operation_state=state)
        now += timedelta(seconds=drift_after)
    return heals


def test_two_applications_do_not_fight_over_one_object() -> None:
    app = an_app(Automated(self_heal=True), operation_state=ended())
    assert "other applications" in reason(decide_autosync(app, found(foreign=frozenset({WEB})), now=NOW))
    both = decide_autosync(app, found(out_of_sync=(WEB, DB), foreign=frozenset({WEB})), now=NOW)
    assert isinstance(both, Operation)
    assert both.sync is not None
    assert [each.name for each in both.sync.resources] == ["db"]
    new_commit = decide_autosync(app, found("b2", foreign=frozenset({WEB})), now=NOW)
    assert "other applications" in reason(new_commit)  # a commit alone takes nothing from anybody
    with_more = decide_autosync(app, found("b2", out_of_sync=(WEB, DB), foreign=frozenset({WEB})), now=NOW)
    assert isinstance(with_more, Operation)


def test_a_running_operation_of_an_older_commit_is_out_of_date() -> None:
    running = msgspec.structs.replace(ended("a1"), phase=OperationPhase.RUNNING, finished_at=None)
    assert outdated(running, found("b2"))
    assert not outdated(running, found("a1"))
    assert not outdated(msgspec.structs.replace(running, phase=OperationPhase.TERMINATING), found("b2"))
    asked_for = msgspec.structs.replace(running.operation, initiated_by=OperationInitiator(username="dora"))
    assert not outdated(msgspec.structs.replace(running, operation=asked_for), found("b2"))


PROD = Automated(enabled=False, self_heal=True)
HISTORY = (HistoryEntry(id=0, revision="a0", source=SOURCE), HistoryEntry(id=1, revision="a1", source=SOURCE))


def test_with_auto_sync_off_drift_goes_back_to_what_was_deployed_while_commits_wait() -> None:
    app = an_app(PROD, history=HISTORY, operation_state=ended("a1"))
    newer = found("b2", out_of_sync=(WEB, DB), drifted=(DB,))
    operation = decide_autosync(app, newer, now=NOW)
    assert isinstance(operation, Operation)
    assert operation.sync == SyncOperation(
        revision="a1",
        source=SOURCE,
        resources=(SyncOperationResource("apps", "Deployment", "db", "ns"),),
        sync_options=("CreateNamespace=true",),
        self_heal_attempts_count=1,
    )
    assert "manual sync" in reason(decide_autosync(app, found("b2"), now=NOW))


def test_what_a_person_synced_since_the_last_deployment_is_no_drift() -> None:
    state = ended("b2", OperationPhase.FAILED)
    written = ResourceResult("apps", "v1", "Deployment", "ns", "web", "Synced")
    result = SyncResult(revision="b2", source=SOURCE, resources=(written,))
    app = an_app(PROD, history=HISTORY, operation_state=msgspec.structs.replace(state, sync_result=result))
    assert isinstance(decide_autosync(app, found("b2", drifted=(WEB,)), now=NOW), Skip)
    assert isinstance(decide_autosync(app, found("b2", drifted=(WEB, DB)), now=NOW), Operation)


def test_without_a_deployment_there_is_nothing_to_heal_to() -> None:
    assert "nothing has been deployed" in reason(decide_autosync(an_app(PROD), found("b2", drifted=(WEB,)), now=NOW))


# --- retry and history ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("retry", "retries", "seconds"),
    [
        (RetryStrategy(limit=5), 0, 5),
        (RetryStrategy(limit=5), 3, 40),
        (RetryStrategy(limit=50), 20, 180),
        (RetryStrategy(limit=-1), 10_000, 180),
        (RetryStrategy(limit=3, backoff=Backoff("1m", 1, "10m")), 2, 60),
        (RetryStrategy(limit=3, backoff=Backoff("10s", 3, "1m")), 2, 60),
        (RetryStrategy(limit=3), 3, None),
        (RetryStrategy(), 0, None),
    ],
)
def test_retries(retry: RetryStrategy, retries: int, seconds: int | None) -> None:
    state = OperationState(
        operation=Operation(retry=retry), phase=OperationPhase.FAILED, finished_at=rfc3339(NOW), retry_count=retries
    )
    assert next_retry(state, NOW) == (None if seconds is None else NOW + timedelta(seconds=seconds))


def test_only_failures_are_retried() -> None:
    state = OperationState(operation=Operation(retry=RetryStrategy(limit=5)), phase=OperationPhase.SUCCEEDED)
    assert next_retry(state, NOW) is None


def test_history_gets_whole_successful_syncs_and_keeps_its_limit() -> None:
    app = an_app(history=tuple(HistoryEntry(id=number) for number in range(3, 13)))
    history = with_deployment(app, ended("c3"))
    assert history is not None
    assert [entry.id for entry in history] == list(range(4, 14))
    assert (history[-1].revision, history[-1].source) == ("c3", SOURCE)
    assert with_deployment(app, ended("c3", OperationPhase.FAILED)) is None
    assert with_deployment(app, ended("c3", healed=(WEB,))) is None
    none_kept = msgspec.structs.replace(app, spec=msgspec.structs.replace(app.spec, revision_history_limit=0))
    assert with_deployment(none_kept, ended("c3")) == ()


# --- what people ask for ------------------------------------------------------------------------------------------


def test_a_rollback_restores_an_entry_by_apply() -> None:
    operation = rollback_operation(an_app(PROD, history=HISTORY), 0, prune=True, by="alice")
    assert operation.sync is not None
    assert (operation.sync.revision, operation.sync.source, operation.sync.prune) == ("a0", SOURCE, True)
    assert operation.sync.sync_strategy is not None
    assert operation.sync.sync_strategy.apply is not None
    assert operation.initiated_by.username == "alice"
    # Written down, for the revision alone would look like any sync.
    assert [(each.name, each.value) for each in operation.info] == [("Rollback", "to history id 0")]
    previous = rollback_operation(an_app(PROD, history=HISTORY), by="alice")
    assert previous.sync is not None
    assert previous.sync.revision == "a0"


def test_rollbacks_that_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="rollback cannot be initiated when auto-sync is enabled"):
        rollback_operation(an_app(history=HISTORY), 0, by="alice")
    with pytest.raises(NotFound, match="does not have deployment with id 7; it has: 0, 1"):
        rollback_operation(an_app(None, history=HISTORY), 7, by="alice")
    with pytest.raises(NotFound, match="an earlier deployment; it has: none"):
        rollback_operation(an_app(None), by="alice")


def test_a_foreign_revision_is_refused_only_where_auto_sync_would_undo_it() -> None:
    foreign = SyncRequest(revision="feature")
    with pytest.raises(InvalidRequest, match="Cannot sync to feature: auto-sync currently set to main"):
        requested_sync(an_app(), foreign, by="alice")
    for app, asked in (
        (an_app(PROD), foreign),
        (an_app(None), foreign),
        (an_app(), SyncRequest(revision="main")),
        (an_app(), SyncRequest(revision="feature", dry_run=True)),
    ):
        assert requested_sync(app, asked, by="alice").initiated_by == OperationInitiator(username="alice")


def test_one_operation_at_a_time() -> None:
    busy = an_app(operation_state=OperationState(phase=OperationPhase.TERMINATING))
    with pytest.raises(Conflict, match="already in progress"):
        requested_sync(busy, SyncRequest(), by="alice")
    asked = msgspec.structs.replace(an_app(), operation=Operation())
    with pytest.raises(Conflict, match="already in progress"):
        rollback_operation(asked, 0, by="alice")


def test_a_request_takes_the_applications_options_unless_it_brings_its_own() -> None:
    inherited = requested_sync(an_app(), SyncRequest(), by="a").sync
    own = requested_sync(an_app(), SyncRequest(sync_options=()), by="a").sync
    assert inherited is not None
    assert own is not None
    assert (inherited.sync_options, own.sync_options) == (("CreateNamespace=true",), ())


# --- sync windows ---------------------------------------------------------------------------------------------------

TARGET = Target("around-api-prod", "ns", ("https://prod", "prod"))


def a_window(kind: str, schedule: str, duration: str = "2h", **rest: Any) -> SyncWindow:
    return SyncWindow(kind=kind, schedule=schedule, duration=duration, **{"applications": ("*",), **rest})


OPEN, CLOSED = "0 11 * * *", "0 20 * * *"


@pytest.mark.parametrize(
    ("windows", "manual", "allowed"),
    [
        ([], False, True),
        ([a_window("deny", OPEN)], False, False),
        ([a_window("deny", OPEN)], True, False),
        ([a_window("deny", OPEN, manual_sync=True)], True, True),
        ([a_window("deny", OPEN, manual_sync=True), a_window("deny", OPEN)], True, False),
        ([a_window("deny", CLOSED)], False, True),
        ([a_window("allow", OPEN)], False, True),
        ([a_window("allow", CLOSED)], False, False),
        ([a_window("allow", CLOSED, manual_sync=True)], True, True),
        ([a_window("allow", CLOSED), a_window("allow", OPEN)], False, True),
        ([a_window("allow", OPEN), a_window("deny", OPEN)], False, False),
        ([a_window("deny", OPEN, applications=("other",))], False, True),
        ([a_window("deny", OPEN, applications=(), clusters=("prod",))], False, False),
        ([a_window("deny", OPEN, applications=("other",), namespaces=("n*",))], False, False),
        ([a_window("deny", OPEN, applications=("other",), namespaces=("n*",), use_and_operator=True)], False, True),
        ([a_window("deny", OPEN, namespaces=("n*",), use_and_operator=True)], False, False),
        ([a_window("deny", "0 12 * * *", time_zone="Europe/Berlin")], False, False),  # 12:00 there is 11:00 UTC
        ([a_window("deny", "30 13 * * *", time_zone="Europe/Berlin")], False, True),
    ],
)
def test_windows(windows: list[SyncWindow], manual: bool, allowed: bool) -> None:
    assert may_sync(windows, TARGET, now=NOW, manual=manual).allowed is allowed


def test_a_refusal_names_the_window() -> None:
    verdict = may_sync([a_window("deny", OPEN, description="freeze")], TARGET, now=NOW, manual=False)
    assert verdict.reason == "Sync operation blocked by sync window: deny window `0 11 * * *` for 2h (freeze) is open"


@pytest.mark.parametrize(
    "broken",
    [
        a_window("allow", "* * *"),
        a_window("allow", OPEN, time_zone="Mars/Base"),
        a_window("allow", OPEN, applications=("[",)),
        a_window("deny", OPEN, applications=(), namespaces=("{a",)),
    ],
)
def test_a_window_that_cannot_be_read_refuses(broken: SyncWindow) -> None:
    verdict = may_sync([broken], TARGET, now=NOW, manual=True)
    assert not verdict.allowed
    assert "a sync window of the project is wrong" in verdict.reason


@pytest.mark.parametrize("kind", ["allow", "deny"])
@pytest.mark.parametrize("overrun", [True, False])
def test_a_sync_that_began_in_time_may_end_if_the_window_lets_it(kind: str, overrun: bool) -> None:
    window = a_window(kind, "0 10 * * *" if kind == "allow" else OPEN, "1h", sync_overrun=overrun)
    if kind == "deny":
        window = msgspec.structs.replace(window, duration="2h")
    began = NOW - timedelta(minutes=90)
    assert may_sync([window], TARGET, now=began, manual=False).allowed
    assert may_sync([window], TARGET, now=NOW, manual=False, started=began).allowed is overrun


@pytest.mark.parametrize(
    ("schedule", "moment", "started"),
    [
        ("*/15 * * * *", "2026-11-23T12:07", "2026-11-23T12:00"),
        ("0 22 * * MON-FRI", "2026-11-23T12:07", "2026-11-20T22:00"),
        ("0 0 1 jan *", "2026-11-23T12:07", "2026-01-01T00:00"),
        ("0 8-18/5 * * *", "2026-11-23T12:07", "2026-11-23T08:00"),
        ("5/20 * * * *", "2026-11-23T12:30", "2026-11-23T12:25"),
        ("0 0 13 * 5", "2026-11-23T12:07", "2026-11-20T00:00"),  # the 13th, or a Friday
        ("@daily", "2026-11-23T12:07", "2026-11-23T00:00"),
    ],
)
def test_schedules(schedule: str, moment: str, started: str) -> None:
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    last = parse_schedule(schedule).last_before(now, within=timedelta(days=366), zone=UTC)
    assert last == datetime.fromisoformat(started).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "schedule", ["", "* * * *", "60 * * * *", "* * 0 * *", "* * * * 7", "5-1 * * * *", "*/0 * * * *", "x * * * *"]
)
def test_schedules_that_cannot_be_read(schedule: str) -> None:
    with pytest.raises(InvalidSpec, match="schedule"):
        parse_schedule(schedule)


# --- what an operation says it is about ------------------------------------------------------------------


def test_an_operation_names_its_sources_as_the_user_wrote_them() -> None:
    written = {"repoURL": "https://git.example/shop.git", "path": "app", "unheardOf": {"kept": True}}
    one = requested_sync(an_app(None), SyncRequest(), by="alice", sources=[written]).sync
    found = Findings(SyncCode.OUT_OF_SYNC, "b2", total=1, out_of_sync=(WEB,), sources=(written,))
    automated = decide_autosync(an_app(), found, now=NOW)
    assert isinstance(automated, Operation)
    assert one is not None
    assert automated.sync is not None
    assert one.source == automated.sync.source == written
    assert one.sources == automated.sync.sources == ()
    several = msgspec.structs.replace(an_app(None).spec, sources=(Source(), Source()))
    app = msgspec.structs.replace(an_app(None), spec=several)
    both = requested_sync(app, SyncRequest(), by="alice", sources=[written, written]).sync
    assert both is not None
    assert (both.source, both.sources) == (None, (written, written))
