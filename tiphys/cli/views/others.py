"""Clusters, projects, repositories and application sets as tables and fields."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tiphys.cli.columns import Table
from tiphys.cli.replies import Cluster, Repository

Json = Any


def cluster_table(clusters: Iterable[Cluster]) -> Table:
    rows = [
        (
            each.name,
            each.server,
            each.server_version,
            each.connection_state.status or "Unknown",
            str(each.info.applications_count),
            ",".join(each.namespaces) or "all",
            each.connection_state.message,
        )
        for each in clusters
    ]
    return Table(
        ("NAME", "SERVER", "VERSION", "STATUS", "APPS", "NAMESPACES", "MESSAGE"),
        rows,
        ("NAMESPACES", "VERSION", "APPS"),
    )


def repository_table(repositories: Iterable[Repository]) -> Table:
    rows = [
        (
            each.type or "git",
            each.name,
            each.repo,
            each.project,
            each.connection_state.status or "Unknown",
            each.connection_state.message,
        )
        for each in repositories
    ]
    return Table(("TYPE", "NAME", "REPO", "PROJECT", "STATUS", "MESSAGE"), rows, ("TYPE", "NAME", "PROJECT"))


def project_table(projects: Iterable[Json]) -> Table:
    rows = [
        (
            _name(each),
            _spec(each).get("description") or "",
            ",".join(_texts(each, "sourceRepos")),
            ",".join(_destinations(each)),
            ",".join(role.get("name", "") for role in _listed(each, "roles")),
            str(len(_listed(each, "syncWindows"))),
        )
        for each in projects
    ]
    return Table(("NAME", "DESCRIPTION", "REPOS", "DESTINATIONS", "ROLES", "WINDOWS"), rows)


def project_fields(project: Json) -> list[tuple[str, str]]:
    return [
        ("Name", _name(project)),
        ("Description", str(_spec(project).get("description") or "")),
        ("Repositories", "\n".join(_texts(project, "sourceRepos")) or "none"),
        ("Destinations", "\n".join(_destinations(project)) or "none"),
        ("Cluster kinds", _kinds(project, "clusterResourceWhitelist") or "none"),
        ("Refused kinds", _refused(project)),
        ("Roles", "\n".join(_roles(project))),
        ("Sync windows", "\n".join(_windows(project))),
    ]


def appset_table(appsets: Iterable[Json]) -> Table:
    rows = [
        (
            _name(each),
            str(((_spec(each).get("template") or {}).get("spec") or {}).get("project") or ""),
            ",".join(_generators(each)),
            str(len((each.get("status") or {}).get("resources") or ())),
            ",".join(_true_conditions(each)),
        )
        for each in appsets
    ]
    return Table(("NAME", "PROJECT", "GENERATORS", "APPS", "CONDITIONS"), rows)


def appset_fields(appset: Json) -> list[tuple[str, str]]:
    status = appset.get("status") or {}
    conditions = status.get("conditions") or ()
    return [
        ("Name", _name(appset)),
        ("Generators", "\n".join(_generators(appset))),
        ("Conditions", "\n".join(f"{c.get('type')}={c.get('status')}: {c.get('message', '')}" for c in conditions)),
        ("Applications", "\n".join(str(each.get("name")) for each in status.get("resources") or ())),
    ]


def _name(each: Json) -> str:
    return str((each.get("metadata") or {}).get("name") or "")


def _spec(each: Json) -> Mapping[str, Json]:
    return each.get("spec") or {}


def _listed(each: Json, field: str) -> Sequence[Mapping[str, Json]]:
    return _spec(each).get(field) or ()


def _texts(each: Json, field: str) -> Sequence[str]:
    return _spec(each).get(field) or ()


def _destinations(project: Json) -> list[str]:
    return [
        f"{each.get('name') or each.get('server') or '*'}/{each.get('namespace') or '*'}"
        for each in _listed(project, "destinations")
    ]


def _kinds(project: Json, field: str) -> str:
    return ", ".join(f"{each.get('group') or 'core'}/{each.get('kind')}" for each in _listed(project, field))


def _refused(project: Json) -> str:
    both = (_kinds(project, field) for field in ("clusterResourceBlacklist", "namespaceResourceBlacklist"))
    return ", ".join(filter(None, both))


def _roles(project: Json) -> list[str]:
    return [
        f"{role.get('name')}: groups {_joined(role, 'groups')}\n  {_policies(role)}"
        for role in _listed(project, "roles")
    ]


def _joined(role: Mapping[str, Json], field: str) -> str:
    return ", ".join(role.get(field) or ()) or "none"


def _policies(role: Mapping[str, Json]) -> str:
    return "\n  ".join(role.get("policies") or ("no policies",))


def _windows(project: Json) -> list[str]:
    return [
        f"{window.get('kind')} {window.get('schedule')} for {window.get('duration')}"
        for window in _listed(project, "syncWindows")
    ]


def _generators(appset: Json) -> list[str]:
    return [next(iter(each), "") for each in _listed(appset, "generators")]


def _true_conditions(appset: Json) -> list[str]:
    conditions = (appset.get("status") or {}).get("conditions") or ()
    return [str(each.get("type")) for each in conditions if each.get("status") == "True"]
