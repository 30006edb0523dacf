"""Applications as a list, and one of them in full."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from gitops.model.application import Application, Source
from gitops.model.moments import parse_rfc3339
from gitops.model.operation import HistoryEntry, OperationState, ResourceResult
from gitops.model.status import AppCondition, Health, ResourceStatus
from gitops.sync.retry import attempt_of
from tiphys.cli.columns import Table
from tiphys.cli.durations import in_words
from tiphys.cli.replies import Node
from tiphys.cli.views.advice import advice_for
from tiphys.cli.views.policy import policy_sentence, policy_words

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

ClusterNames = Mapping[str, str]
"""Server address -> the name a cluster is registered under."""

LEAVE_OUT_OF_THE_LIST = ("TARGET", "REPO", "PATH", "NAMESPACE", "POLICY", "PROJECT", "REVISION", "CLUSTER")
LEAVE_OUT_OF_OBJECTS = ("GROUP", "HOOK", "NAMESPACE")


def short_revision(revision: str) -> str:
    return revision[:7] if _SHA.fullmatch(revision) else revision


def revision_of(app: Application) -> str:
    sync = app.status.sync
    return ",".join(short_revision(each) for each in sync.revisions or (sync.revision,))


def cluster_of(app: Application, names: ClusterNames) -> str:
    where = app.spec.destination
    return where.name or names.get(where.server, where.server)


def app_list(apps: Sequence[Application], names: ClusterNames, *, wide: bool = False) -> Table:
    """Names carry their namespace only where the list spans several."""
    several = len({app.metadata.namespace for app in apps}) > 1
    headers: tuple[str, ...] = (
        *("NAME", "CLUSTER", "NAMESPACE", "PROJECT", "SYNC", "HEALTH"),
        *("REVISION", "POLICY", "CONDITIONS"),
    )
    rows = [_app_row(app, names, str(app.key) if several else app.metadata.name) for app in apps]
    if wide:
        headers += ("REPO", "PATH", "TARGET")
        rows = [row + _source_columns(app) for row, app in zip(rows, apps, strict=True)]
    return Table(headers, rows, LEAVE_OUT_OF_THE_LIST)


def _app_row(app: Application, names: ClusterNames, label: str) -> tuple[str, ...]:
    status = app.status
    return (
        label,
        cluster_of(app, names),
        app.spec.destination.namespace,
        app.spec.project,
        status.sync.status or "Unknown",
        status.health.status or "Unknown",
        revision_of(app),
        policy_words(app.spec.automated),
        condition_words(status.conditions),
    )


def _source_columns(app: Application) -> tuple[str, ...]:
    sources = app.spec.all_sources
    return (
        ",".join(source.repo_url for source in sources),
        ",".join(source.path or source.chart for source in sources),
        ",".join(source.target_revision or "HEAD" for source in sources),
    )


def condition_words(conditions: Iterable[AppCondition]) -> str:
    counts = Counter(condition.type for condition in conditions)
    return ",".join(f"{kind}({count})" if count > 1 else kind for kind, count in sorted(counts.items()))


def app_fields(app: Application, names: ClusterNames, server: str) -> list[tuple[str, str]]:
    """The header of `app get`."""
    status, automated = app.status, app.spec.automated
    target = ", ".join(source.target_revision or "HEAD" for source in app.spec.all_sources)
    at = f" ({revision_of(app)})" if revision_of(app) else ""
    return [
        ("Name", str(app.key)),
        ("Project", app.spec.project),
        ("Destination", f"{cluster_of(app, names)} / {app.spec.destination.namespace or '-'}"),
        ("URL", f"{server}/applications/{app.metadata.name}"),
        ("Source", "\n".join(source_words(source) for source in app.spec.all_sources)),
        ("Policy", f"{policy_words(automated)}: {policy_sentence(automated)}"),
        ("Deleting", f"since {app.metadata.deletion_timestamp}" if app.metadata.deletion_timestamp else ""),
        ("Sync", f"{status.sync.status or 'Unknown'} with {target}{at}{_waiting(app)}"),
        ("Health", " ".join(filter(None, (status.health.status or "Unknown", status.health.message)))),
        ("Last synced", _last_synced(status.history)),
        ("Conditions", "\n".join(_condition_lines(app))),
        ("Operation", operation_words(app)),
    ]


def source_words(source: Source) -> str:
    where = source.path or source.chart or "."
    return f"{source.repo_url}  {where}  @ {source.target_revision or 'HEAD'}"


def _waiting(app: Application) -> str:
    automated = app.spec.automated
    manual = automated is None or not automated.syncs_new_commits
    if app.status.sync.status != "OutOfSync" or not manual or app.operation:
        return ""
    return f": `tiphys app diff {app.metadata.name}` shows what, `tiphys app sync {app.metadata.name}` brings it"


def _last_synced(history: Sequence[HistoryEntry]) -> str:
    if not history:
        return ""
    last = history[-1]
    return f"{entry_revision(last)} at {last.deployed_at} (history id {last.id})"


def _condition_lines(app: Application) -> Iterable[str]:
    for condition in app.status.conditions:
        yield f"{condition.type}: {condition.message}"
        if advice := advice_for(condition.type, app.metadata.name):
            yield f"  → {advice}"


def operation_words(app: Application) -> str:
    """The operation under way, else the last one."""
    state = app.status.operation_state
    if is_requested(app):
        return "Running: requested, not started yet"
    if state is None:
        return ""
    facts = [_revision_words(state), f"by {initiator(state)}", _times(state)]
    return f"{state.phase}: {state.message or 'under way'}\n" + ", ".join(filter(None, (*facts, attempt_of(state))))


def is_requested(app: Application) -> bool:
    """An operation was asked for that has not begun; what the status tells is of the one before."""
    state = app.status.operation_state
    return app.operation is not None and (state is None or state.completed)


def _revision_words(state: OperationState) -> str:
    result = state.sync_result
    revisions = (result.revisions or (result.revision,)) if result else ()
    return ",".join(short_revision(each) for each in revisions)


def initiator(state: OperationState) -> str:
    by = state.operation.initiated_by
    return by.username or ("automated sync" if by.automated else "unknown")


def _times(state: OperationState) -> str:
    if not state.started_at:
        return ""
    if not state.finished_at:
        return f"since {state.started_at}"
    took = parse_rfc3339(state.finished_at) - parse_rfc3339(state.started_at)
    return f"{state.finished_at}, took {in_words(took.total_seconds())}"


def keeps_health_in_the_tree(app: Application) -> bool:
    """Whether the objects' health is not in the resource itself, to keep that small."""
    return app.status.resource_health_source == "appTree"


def resource_table(app: Application, nodes: Iterable[Node] = ()) -> Table:
    """Every managed object with its sync, its health, and what the last operation said of it."""
    said = {_place(each): each for each in (() if is_requested(app) else results_of(app))}
    healths = {_place(node): node.health for node in nodes}
    rows = [
        _resource_row(each, each.health or healths.get(_place(each)), said.get(_place(each)))
        for each in app.status.resources
    ]
    return Table(("GROUP", "KIND", "NAMESPACE", "NAME", "SYNC", "HEALTH", "MESSAGE"), rows, LEAVE_OUT_OF_OBJECTS)


def _place(each: ResourceStatus | ResourceResult | Node) -> tuple[str, str, str, str]:
    return each.group, each.kind, each.namespace, each.name


def _resource_row(each: ResourceStatus, health: Health | None, said: ResourceResult | None) -> tuple[str, ...]:
    remark = (health.message if health else "") or (said.message if said else "")
    if each.requires_pruning:
        remark = "no longer in Git; kept until a sync with --prune"
    kind = f"{each.kind} (hook)" if each.hook else each.kind
    return each.group, kind, each.namespace, each.name, each.status, health.status if health else "", remark


def results_of(app: Application) -> tuple[ResourceResult, ...]:
    state = app.status.operation_state
    return state.sync_result.resources if state and state.sync_result else ()


def result_table(results: Iterable[ResourceResult]) -> Table:
    rows = [
        (each.group, each.kind, each.namespace, each.name, each.status or each.hook_phase, each.hook_type, each.message)
        for each in results
    ]
    return Table(("GROUP", "KIND", "NAMESPACE", "NAME", "RESULT", "HOOK", "MESSAGE"), rows, LEAVE_OUT_OF_OBJECTS)


def entry_revision(entry: HistoryEntry) -> str:
    revisions = entry.revisions if isinstance(entry.revisions, tuple) and entry.revisions else (entry.revision,)
    return ",".join(short_revision(each) for each in revisions)


def history_table(history: Sequence[HistoryEntry]) -> Table:
    rows = [(str(each.id), each.deployed_at, entry_revision(each), _by(each), _paths(each)) for each in history]
    return Table(("ID", "DEPLOYED", "REVISION", "BY", "SOURCE"), rows)


def _by(entry: HistoryEntry) -> str:
    by = entry.initiated_by
    if not by:
        return ""
    return by.username or ("automated" if by.automated else "")


def _paths(entry: HistoryEntry) -> str:
    one = entry.source if isinstance(entry.source, dict) else {}
    sources = entry.sources if isinstance(entry.sources, tuple) and entry.sources else (one,)
    return ",".join(str(each.get("path") or each.get("chart") or "") for each in sources)
