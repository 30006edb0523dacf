"""Syncing, rolling back and waiting: what is asked for, what is waited for, how it ends."""

import time

import pytest
from cli_remote import Remote, Run, application, event, operation_state

from gitops.model.application import Application
from gitops.model.operation import OperationState
from gitops.sync.retry import attempt_of
from tiphys.cli.progress import facts_of, progress_lines
from tiphys.cli.replies import read
from tiphys.cli.waiting import Goal, operation_settled, still_missing

NAME = "around-api-prod"
DONE = "successfully synced (all tasks run)"
RESULT = {"group": "apps", "kind": "Deployment", "namespace": "n", "name": "api", "status": "Synced", "message": "ok"}


@pytest.fixture
def prod(remote: Remote) -> Remote:
    """An application whose sync, once asked for, runs and ends while one waits."""
    remote.add(application(NAME, status__sync={"status": "OutOfSync", "revision": "b" * 40}))
    ends_well(remote)
    return remote


def ends_well(remote: Remote, phase: str = "Succeeded", message: str = DONE) -> None:
    def running() -> None:
        remote.changed(NAME, operation=None, status__operationState=operation_state("Running", "applying"))

    def ended() -> None:
        ending = operation_state(phase, message, results=[RESULT])
        remote.changed(NAME, operation=None, status__operationState=ending)

    remote.streams = [[running], [ended]]


def test_sync_asks_waits_and_reports(tiphys: Run, prod: Remote) -> None:
    ran = tiphys("app", "sync", NAME, "--prune", "--revision", "v2")
    assert ran.code == 0
    assert ran.out == (
        f"{NAME}: Succeeded: {DONE} (bbbbbbb, by operator, 2026-11-23T10:00:04Z, took 4 s)\n"
        "GROUP  KIND        NAMESPACE  NAME  RESULT  HOOK  MESSAGE\n"
        "apps   Deployment  n          api   Synced  -     ok\n"
    )
    assert ran.err == ""
    assert prod.asked("POST") == [
        (
            f"/api/v1/applications/{NAME}/sync",
            {"name": NAME, "prune": True, "dryRun": False, "strategy": {"hook": {"force": False}}, "revision": "v2"},
        )
    ]


def test_the_old_operation_is_not_taken_for_the_new_one(tiphys: Run, prod: Remote) -> None:
    """The stream may begin with a state from before the request; here it says that everything is over."""
    before = application(NAME, status__operationState=operation_state("Succeeded", "the last one"))
    prod.streams.insert(0, [event(before)])
    assert DONE in tiphys("app", "sync", NAME).out


def test_an_operation_that_fails_is_1_and_shows_what_failed(tiphys: Run, prod: Remote) -> None:
    ends_well(prod, "Failed", "one or more objects failed to apply")
    ran = tiphys("app", "sync", NAME)
    assert ran.code == 1
    assert "Failed: one or more objects failed to apply" in ran.out


def test_kept_objects_are_mentioned(tiphys: Run, prod: Remote) -> None:
    kept = {"kind": "ConfigMap", "namespace": "n", "name": "old", "status": "PruneSkipped", "message": "ignored"}
    ending = operation_state("Succeeded", DONE, results=[RESULT, kept])
    prod.streams = [[lambda: prod.changed(NAME, operation=None, status__operationState=ending)]]
    ran = tiphys("app", "sync", NAME)
    assert ran.code == 0
    assert ran.out.endswith("1 object(s) that Git no longer has were kept; --prune deletes them.\n")


def test_async_does_not_wait(tiphys: Run, prod: Remote) -> None:
    ran = tiphys("app", "sync", NAME, "--async")
    assert (ran.code, ran.out) == (0, f"{NAME}: operation requested\n")
    assert not any("stream" in path for path, _ in prod.asked("GET"))


def test_chosen_resources_are_completed_from_what_the_application_has(tiphys: Run, prod: Remote) -> None:
    prod.changed(NAME, status__resources=[{**RESULT, "status": "OutOfSync"}])
    tiphys("app", "sync", NAME, "--resource", "deployment:api", "--resource", "batch:Job:n/new", "--async")
    assert prod.asked("POST")[0][1]["resources"] == [
        {"group": "apps", "kind": "Deployment", "namespace": "n", "name": "api"},
        {"group": "batch", "kind": "Job", "namespace": "n", "name": "new"},
    ]
    ran = tiphys("app", "sync", NAME, "--resource", "Service:api")
    assert ran.code == 4
    assert "the application has no Service api" in ran.err


def test_several_are_synced_and_one_refusal_stops_no_other(tiphys: Run, prod: Remote) -> None:
    ran = tiphys("app", "sync", "ghost", NAME)
    assert ran.code == 4
    assert f"{NAME}: Succeeded" in ran.out
    assert "there is no application `ghost`" in ran.err


def test_a_selector_names_applications(tiphys: Run, prod: Remote) -> None:
    prod.changed(NAME, metadata__labels={"env": "prod"})
    assert tiphys("app", "sync", "-l", "env=prod", "--async").out == f"argocd/{NAME}: operation requested\n"
    assert tiphys("app", "sync", "-l", "env=none").code == 4


def test_a_broken_stream_is_opened_again(tiphys: Run, prod: Remote) -> None:
    prod.streams = [[], [{"error": {"message": "the server is going down"}}], *prod.streams]
    started = time.monotonic()
    assert tiphys("app", "sync", NAME).code == 0
    assert time.monotonic() - started < 10
    assert len([path for path, _ in prod.asked("GET") if "stream" in path]) >= 3


def test_time_is_up_is_5_and_says_why(tiphys: Run, prod: Remote) -> None:
    prod.streams = []
    ran = tiphys("app", "sync", NAME, "--timeout", "0.6s")
    assert ran.code == 5
    assert f"time is up: {NAME}: an operation is in progress" in ran.err


def test_progress_lines_go_to_stderr_once_each(tiphys: Run, prod: Remote) -> None:
    prod.streams.insert(1, [])
    ran = tiphys("app", "sync", NAME, "--progress", "plain")
    said = [line.split(maxsplit=3)[3] for line in ran.err.splitlines()]
    assert said == [
        "sync  OutOfSync",
        "health  Healthy",
        "operation  Running requested",
        "operation  Running applying",
        f"operation  Succeeded {DONE}",
        "Deployment/api  Synced ok",
    ]


def test_progress_does_not_show_the_results_of_the_operation_before() -> None:
    state = operation_state("Succeeded", "the last one", results=[RESULT])
    app = read(Application, application(NAME, operation={"sync": {}}, status__operationState=state))
    assert progress_lines([app]) == [(NAME, "Synced", "Healthy", "Running", "requested")]
    assert dict(facts_of(app))["operation"] == "Running requested"


def test_progress_shows_the_objects_there_is_room_for() -> None:
    results = [{**RESULT, "name": f"api-{number}"} for number in range(40)]
    app = read(Application, application(NAME, status__operationState=operation_state("Running", "", results=results)))
    lines = progress_lines([app, app])
    assert lines[1] == ("  Deployment/api-0", "Synced", "ok")
    assert lines[13] == ("  and 28 more",)
    assert len(lines) == 2 * (1 + 12 + 1)


def test_rollback_goes_to_the_entry_before(tiphys: Run, prod: Remote) -> None:
    entries = [{"id": number, "revision": "a" * 40, "deployedAt": "2026-11-22T09:00:00Z"} for number in (4, 5)]
    prod.changed(NAME, status__history=entries)
    assert tiphys("app", "rollback", NAME, "--prune").code == 0
    assert prod.asked("POST") == [(f"/api/v1/applications/{NAME}/rollback", {"name": NAME, "id": 4, "prune": True})]
    tiphys("app", "rollback", NAME, "2", "--async")
    assert prod.asked("POST")[-1][1]["id"] == 2


def test_rollback_without_history(tiphys: Run, prod: Remote) -> None:
    ran = tiphys("app", "rollback", NAME)
    assert ran.code == 4
    assert "has nothing to roll back to" in ran.err


def test_terminate(tiphys: Run, prod: Remote) -> None:
    assert tiphys("app", "terminate-op", NAME).code == 0
    assert prod.asked("DELETE")[0][0] == f"/api/v1/applications/{NAME}/operation"


def test_wait_ends_when_all_is_well(tiphys: Run, prod: Remote) -> None:
    prod.streams = [[lambda: prod.changed(NAME, status__sync={"status": "Synced"})]]
    ran = tiphys("app", "wait", NAME)
    assert (ran.code, ran.out) == (0, f"{NAME}: Synced, Healthy\n")


def test_wait_for_a_commit_is_not_content_with_the_one_before(tiphys: Run, prod: Remote) -> None:
    new = {"status": "Synced", "revision": "c" * 40}
    prod.changed(NAME, status__sync={"status": "Synced", "revision": "b" * 40})
    prod.streams = []
    ran = tiphys("app", "wait", NAME, "--revision", "ccccccc", "--timeout", "0.3s")
    assert ran.code == 5
    assert f"it was last compared with {'b' * 40}, not with ccccccc" in ran.err
    prod.streams = [[lambda: prod.changed(NAME, status__sync=new)]]
    assert tiphys("app", "wait", NAME, "--revision", "ccccccc").code == 0


def test_wait_for_a_failed_operation_is_1(tiphys: Run, prod: Remote) -> None:
    prod.changed(NAME, status__operationState=operation_state("Failed", "no"))
    assert tiphys("app", "wait", NAME, "--operation").code == 1


def test_wait_ends_when_the_application_goes(tiphys: Run, prod: Remote) -> None:
    prod.streams = [[event(prod.apps[NAME], "DELETED")]]
    ran = tiphys("app", "wait", NAME, "--sync")
    assert ran.code == 4
    assert "was deleted meanwhile" in ran.err


def test_wait_for_a_name_that_does_not_exist_fails_at_once(tiphys: Run, remote: Remote) -> None:
    assert tiphys("app", "wait", "ghost").code == 4


def test_delete_asks_for_cascade_and_waits(tiphys: Run, prod: Remote) -> None:
    ran = tiphys("app", "delete", NAME, "-y", "--wait")
    assert ran.out == f"{NAME}: deletion requested\n{NAME}: gone\n"
    assert prod.asked("DELETE")[0][0] == f"/api/v1/applications/{NAME}?cascade=true"
    prod.add(application(NAME))
    tiphys("app", "delete", NAME, "-y", "--no-cascade")
    assert prod.asked("DELETE")[-1][0] == f"/api/v1/applications/{NAME}?cascade=false"


OF_A_SET = {"ownerReferences": [{"kind": "ApplicationSet", "name": "around-api", "controller": True}]}


def test_delete_says_beforehand_that_the_set_makes_it_again(tiphys: Run, prod: Remote) -> None:
    prod.changed(NAME, metadata__ownerReferences=OF_A_SET["ownerReferences"])
    ran = tiphys("app", "delete", NAME)
    assert prod.asked("DELETE") == []
    assert "needs a confirmation" in ran.err
    ran = tiphys("app", "delete", NAME, "-y")
    assert "ApplicationSet around-api made it and will make it again" in ran.err
    assert ran.code == 0


def test_an_application_made_again_under_its_name_is_not_the_deleted_one(tiphys: Run, prod: Remote) -> None:
    old = prod.changed(NAME, metadata__ownerReferences=OF_A_SET["ownerReferences"])
    new = {**old, "metadata": {**old["metadata"], "uid": "uid-of-the-next"}}
    prod.streams = [[lambda: prod.add(new), event(new, "ADDED")]]
    prod.remakes[NAME] = new
    ran = tiphys("app", "delete", NAME, "-y", "--wait", "--timeout", "5s")
    assert ran.code == 0
    assert ran.out.endswith(f"{NAME}: gone, and its ApplicationSet has made it again\n")


def test_attempts_are_counted_from_one_and_out_of_how_many() -> None:
    def words(retries: int, limit: int) -> str:
        state = operation_state("Running", "", retryCount=retries)
        state["operation"]["retry"] = {"limit": limit}
        return attempt_of(read(OperationState, state))

    assert words(0, 0) == ""
    assert words(0, 5) == "attempt 1 of 6"
    assert words(5, 5) == "attempt 6 of 6"
    assert words(7, -1) == "attempt 8"


ENDED = operation_state("Succeeded", DONE)


@pytest.mark.parametrize(
    ("status", "operation", "settled"),
    [
        pytest.param({}, None, True, id="nothing ever ran"),
        pytest.param({}, {"sync": {}}, False, id="requested"),
        pytest.param({"operationState": operation_state("Running", "")}, None, False, id="running"),
        pytest.param(
            {"operationState": {**ENDED, "phase": "Running"}, "reconciledAt": "2026-11-23T10:00:10Z"},
            None,
            False,
            id="between two tries",
        ),
        pytest.param({"operationState": ENDED}, None, False, id="ended, not compared since"),
        pytest.param(
            {"operationState": ENDED, "reconciledAt": "2026-11-23T10:00:03Z"}, None, False, id="compared before the end"
        ),
        pytest.param(
            {"operationState": ENDED, "reconciledAt": "2026-11-23T10:00:04Z"}, None, True, id="compared in time"
        ),
        pytest.param(
            {"operationState": {**ENDED, "operation": {"sync": {"dryRun": True}}}}, None, True, id="dry run"
        ),
    ],
)  # fmt: skip
def test_when_an_operation_is_settled(status: object, operation: object, settled: bool) -> None:
    app = read(Application, {"metadata": {"name": "a"}, "status": status, "operation": operation})
    assert operation_settled(app) is settled


def test_what_is_still_missing_in_words() -> None:
    app = read(Application, {"status": {"sync": {"status": "OutOfSync"}, "health": {"status": "Degraded"}}})
    assert still_missing(app, Goal.of(sync=False, health=False, operation=False)) == [
        "sync is OutOfSync",
        "health is Degraded",
    ]
    assert still_missing(app, Goal.of(sync=False, health=False, operation=True)) == []
