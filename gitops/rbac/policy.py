"""Policies as text: `p, subject, resource, action, object, allow|deny` and `g, member, role` lines."""

import csv
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from gitops.model.errors import InvalidSpec
from gitops.model.project import Project, ProjectRole


class Rule(msgspec.Struct, frozen=True):
    subject: str
    resource: str
    action: str
    object: str
    allow: bool


class Policy(msgspec.Struct, frozen=True):
    rules: tuple[Rule, ...] = ()
    links: tuple[tuple[str, str], ...] = ()  # member, role

    def __add__(self, other: "Policy") -> "Policy":
        return Policy(self.rules + other.rules, self.links + other.links)


# --- reading -------------------------------------------------------------------------------------------


def parse_policy(text: str, *, origin: str = "policy.csv") -> Policy:
    """Raises InvalidSpec that names the line; `origin` says where the text is kept."""
    rules: list[Rule] = []
    links: list[tuple[str, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        fields = _fields(line, where := f"{origin} line {number}")
        match fields:
            case [] | [""]:
                continue
            case ["p", subject, resource, action, object, ("allow" | "deny") as effect]:
                rules.append(Rule(subject, resource, action, object, effect == "allow"))
            case ["g", member, role]:
                links.append((member, role))
            case _:
                raise InvalidSpec(f"{where}: `{line.strip()}` is not a policy; {_EXPECTED.get(fields[0], _EITHER)}")
    return Policy(tuple(rules), tuple(links))


_EXPECTED: Mapping[str, str] = {
    "p": "write `p, subject, resource, action, object, allow` (or deny)",
    "g": "write `g, member, role`",
}
_EITHER = "a line begins with `p,` or `g,`"


def _fields(line: str, where: str) -> list[str]:
    if line.lstrip().startswith("#"):
        return []
    try:
        rows = list(csv.reader([line], skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise InvalidSpec(f"{where}: `{line.strip()}` cannot be read: {error}; check the quotes") from error
    return [field.strip() for field in rows[0]] if rows else []


def parse_policies(config: Mapping[str, str]) -> Policy:
    """All policies of `argocd-rbac-cm`'s data: `policy.csv`, then each `policy.<name>.csv` by key."""
    named = sorted(key for key in config if key.startswith("policy.") and key.endswith(".csv") and key != "policy.csv")
    keys = ["policy.csv", *named] if "policy.csv" in config else named
    return sum((parse_policy(config[key], origin=f"argocd-rbac-cm {key}") for key in keys), Policy())


# --- built in ------------------------------------------------------------------------------------------

_OF_PROJECTS = "*/*"
_READABLE: Mapping[str, str] = {
    "applications": _OF_PROJECTS,
    "applicationsets": _OF_PROJECTS,
    "logs": _OF_PROJECTS,
    "certificates": "*",
    "clusters": "*",
    "repositories": "*",
    "write-repositories": "*",
    "projects": "*",
    "accounts": "*",
    "gpgkeys": "*",
}
_CHANGES = ("create", "update", "delete")
_ADMINISTERED: Mapping[str, tuple[str, ...]] = {
    "applications": (*_CHANGES, "update/*", "delete/*", "sync", "override", "action/*"),
    "applicationsets": _CHANGES,
    "certificates": _CHANGES,
    "clusters": _CHANGES,
    "repositories": _CHANGES,
    "write-repositories": _CHANGES,
    "projects": _CHANGES,
    "accounts": ("update",),
    "gpgkeys": ("create", "delete"),
    "exec": ("create",),
}

READONLY = "role:readonly"
ADMIN = "role:admin"


def _built_in() -> Iterator[Rule]:
    for resource, objects in _READABLE.items():
        yield Rule(READONLY, resource, "get", objects, True)
    for resource, actions in _ADMINISTERED.items():
        for action in actions:
            yield Rule(ADMIN, resource, action, _READABLE.get(resource, _OF_PROJECTS), True)


BUILT_IN = Policy(tuple(_built_in()), ((ADMIN, READONLY), ("admin", ADMIN)))

# --- of projects ---------------------------------------------------------------------------------------

PROJECT_SCOPED = frozenset(
    {"applications", "applicationsets", "logs", "exec", "clusters", "repositories", "write-repositories"}
)


def project_policy(project: Project) -> Policy:
    """What the roles of a project bring. Lines that reach beyond the project raise InvalidSpec."""
    parts = (_role_policy(project.name, role) for role in project.spec.roles)
    return sum(parts, Policy())


def project_policies(projects: Iterable[Project]) -> tuple[Policy, tuple[InvalidSpec, ...]]:
    """All projects together; a role that is wrong is left out and told, and harms no other."""
    policy, errors = Policy(), []
    for project, role in ((each, role) for each in projects for role in each.spec.roles):
        try:
            policy += _role_policy(project.name, role)
        except InvalidSpec as error:
            errors.append(error)
    return policy, tuple(errors)


def _role_policy(project: str, role: ProjectRole) -> Policy:
    subject = f"proj:{project}:{role.name}"
    where = f"role {role.name} of project {project}"
    written = parse_policy("\n".join(role.policies), origin=where)
    if written.links:
        raise InvalidSpec(f"{where}: `g` lines are not allowed; list the groups under `groups`")
    for rule in written.rules:
        _check_reach(rule, subject, project, where)
    may_read = Rule(subject, "projects", "get", project, True)
    return Policy((may_read, *written.rules), tuple((group, subject) for group in role.groups))


def _check_reach(rule: Rule, subject: str, project: str, where: str) -> None:
    if rule.subject != subject:
        raise InvalidSpec(f"{where}: the subject must be `{subject}`, not `{rule.subject}`")
    if rule.resource not in PROJECT_SCOPED:
        raise InvalidSpec(f"{where}: `{rule.resource}` does not belong to projects; use one of {_listed()}")
    if not rule.object.startswith(f"{project}/"):
        raise InvalidSpec(f"{where}: the object must begin with `{project}/`, not `{rule.object}`")


def _listed() -> str:
    return ", ".join(sorted(PROJECT_SCOPED))
