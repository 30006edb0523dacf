"""May this subject do this? One answer for REST, streams and the controller alike."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

import msgspec

from gitops.model.errors import InvalidSpec
from gitops.model.globs import glob
from gitops.model.patterns import regex
from gitops.rbac.policy import BUILT_IN, Policy, Rule

NOTHING = Policy()
_REMEMBERED = 65_536

Matcher = Callable[[str], bool]


class Who(msgspec.Struct, frozen=True):
    """A subject and the groups (or other scopes) its token names."""

    subject: str
    groups: tuple[str, ...] = ()


class Request(msgspec.Struct, frozen=True):
    resource: str
    action: str
    object: str


class _Compiled(msgspec.Struct, frozen=True):
    resource: Matcher
    action: Matcher
    object: Matcher
    allow: bool

    def concerns(self, request: Request) -> bool:
        return self.resource(request.resource) and self.action(request.action) and self.object(request.object)


class Enforcer:
    """An immutable set of policies, built anew when they change; answers are remembered.

    A rule whose pattern cannot be read permits nothing if it allows, and forbids everything if it denies;
    `unreadable` says which those are.
    """

    def __init__(self, policy: Policy = NOTHING, *, default_role: str = "", match_mode: str = "glob") -> None:
        chosen = _MATCH_MODES.get(match_mode, _glob)
        self._default_role = default_role
        self.unreadable: list[str] = []
        self._rules: dict[str, list[_Compiled]] = defaultdict(list)
        self._roles: dict[str, list[str]] = defaultdict(list)
        self._add(BUILT_IN, _glob)  # written as globs, whatever the users' own policies are
        self._add(policy, chosen)
        self._decide = lru_cache(_REMEMBERED)(self._decided)

    def _add(self, policy: Policy, compile_pattern: Callable[[str], Matcher]) -> None:
        for rule in policy.rules:
            self._rules[rule.subject].append(self._compiled(rule, compile_pattern))
        for member, role in policy.links:
            self._roles[member].append(role)

    def _compiled(self, rule: Rule, compile_pattern: Callable[[str], Matcher]) -> _Compiled:
        try:
            resource, action, object = map(compile_pattern, (rule.resource, rule.action, rule.object))
        except InvalidSpec as error:
            outcome = "it permits nothing" if rule.allow else "it forbids everything"
            self.unreadable.append(f"a policy of {rule.subject}: {error}; {outcome} until it is corrected")
            resource = action = object = _never if rule.allow else _always
        return _Compiled(resource, action, object, rule.allow)

    def allows(self, who: Who, resource: str, action: str, object: str) -> bool:
        """The default role is asked first: what it allows, a `deny` elsewhere does not take away.

        Then the subject, then each group; each of these alone must allow, without a deny of its own.
        """
        request = Request(resource, action, object)
        return any(self._decide(each, request) for each in self._identities(who))

    def _identities(self, who: Who) -> Iterable[str]:
        if self._default_role:
            yield self._default_role
        yield who.subject
        # A group counts only where a `g` line names it, as in Argo CD.
        yield from (group for group in who.groups if group in self._roles)

    def _decided(self, identity: str, request: Request) -> bool:
        effects = {
            rule.allow for role in self._reach(identity) for rule in self._rules.get(role, ()) if rule.concerns(request)
        }
        return effects == {True}

    def _reach(self, identity: str) -> list[str]:
        """The identity itself and all roles it has, directly or through other roles."""
        reached = {identity: None}
        unfollowed = [identity]
        while unfollowed:
            new = dict.fromkeys(role for role in self._roles.get(unfollowed.pop(), ()) if role not in reached)
            reached |= new
            unfollowed += new
        return list(reached)


def _always(text: str) -> bool:
    return True


def _never(text: str) -> bool:
    return False


def _glob(pattern: str) -> Matcher:
    return glob(pattern).matches


def _regex(pattern: str) -> Matcher:
    return regex(pattern).occurs_in


_MATCH_MODES: Mapping[str, Callable[[str], Matcher]] = {"glob": _glob, "regex": _regex}
