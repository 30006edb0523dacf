"""May this subject do this, under the policies as they are now?"""

import structlog

from adapters.store.settings_values import RbacSettings
from adapters.store.store import Store
from api_server.auth.sessions import Subject
from gitops.model.errors import InvalidSpec
from gitops.rbac.enforcer import Enforcer, Who
from gitops.rbac.policy import parse_policy, project_policies

log = structlog.get_logger("policy")


class Policy:
    """Built anew when argocd-rbac-cm or a project changes; one that cannot be read leaves the last in force."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._built_from: tuple[RbacSettings, int] | None = None
        self._enforcer = Enforcer()

    def allows(self, user: Subject, resource: str, action: str, on: str) -> bool:
        if user.name.startswith("proj:") and not _within(user.name.split(":")[1], on):
            return False
        return self._current().allows(Who(user.name, user.groups), resource, action, on)

    def _current(self) -> Enforcer:
        wanted = (self._store.settings().rbac, self._store.projects.generation)
        if self._built_from is None or self._built_from[0] is not wanted[0] or self._built_from[1] != wanted[1]:
            self._built_from = wanted
            self._rebuild(wanted[0])
        return self._enforcer

    def _rebuild(self, rbac: RbacSettings) -> None:
        of_projects, refused = project_policies(self._store.projects.all())
        for error in refused:
            log.warning("a project's role is left out of the policy", error=str(error))
        try:
            policy = parse_policy(rbac.policy_csv, origin="argocd-rbac-cm policy") + of_projects
            self._enforcer = Enforcer(policy, default_role=rbac.default_role, match_mode=rbac.match_mode)
            for message in self._enforcer.unreadable:
                log.error("a policy's pattern cannot be read", error=message)
        except InvalidSpec as error:
            log.error("the policy cannot be read; the last one stays in force", error=str(error))


def _within(project: str, on: str) -> bool:
    """A project's token never reaches beyond its project, whatever role it was linked to."""
    return on == project or on.startswith(f"{project}/")
