"""Laws of access control, against a plain reading of the rules."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from gitops.rbac.enforcer import Enforcer, Who
from gitops.rbac.policy import Policy, Rule

identities = st.sampled_from(["ann", "bob", "devs", "role:x", "role:y"])
resources = st.sampled_from(["applications", "clusters", "*"])
actions = st.sampled_from(["get", "sync", "*"])
objects = st.sampled_from(["prod/a", "prod/*", "*"])
rules = st.builds(Rule, identities, resources, actions, objects, st.booleans())
links = st.tuples(identities, identities)
policies = st.builds(Policy, st.lists(rules, max_size=6).map(tuple), st.lists(links, max_size=4).map(tuple))
asked = list(product(["applications", "clusters"], ["get", "sync"], ["prod/a", "dev/b"]))


def plainly(policy: Policy, identity: str, request: tuple[str, str, str]) -> bool:
    """Some rule of the identity or its roles allows, and none denies."""
    reached, grown = {identity}, True
    while grown:
        more = reached | {role for member, role in policy.links if member in reached}
        grown, reached = more != reached, more

    def fits(pattern: str, text: str) -> bool:
        return pattern in ("*", text) or (pattern == "prod/*" and text.startswith("prod/"))

    effects = [
        rule.allow
        for rule in policy.rules
        if rule.subject in reached and all(map(fits, (rule.resource, rule.action, rule.object), request))
    ]
    return bool(effects) and all(effects)


@given(policies, identities, st.sampled_from(asked))
def test_a_subject_alone_is_judged_as_the_rules_read(
    policy: Policy, subject: str, request: tuple[str, str, str]
) -> None:
    assert Enforcer(policy).allows(Who(subject), *request) is plainly(policy, subject, request)


@given(policies, identities, st.lists(identities, max_size=2), st.sampled_from(["", "role:x", "role:y"]))
def test_default_role_subject_and_groups_each_suffice(
    policy: Policy, subject: str, groups: list[str], default: str
) -> None:
    enforcer = Enforcer(policy, default_role=default)
    named = {member for member, _ in policy.links}
    alone = (
        [default, subject, *(group for group in groups if group in named)]
        if default
        else [
            subject,
            *(group for group in groups if group in named),
        ]
    )
    for request in asked:
        expected = any(plainly(policy, each, request) for each in alone)
        assert enforcer.allows(Who(subject, tuple(groups)), *request) is expected


@given(policies, identities, st.sampled_from(asked))
def test_one_denial_beats_every_permission(policy: Policy, subject: str, request: tuple[str, str, str]) -> None:
    denied = policy + Policy((Rule(subject, "*", "*", "*", False),))
    assert not Enforcer(denied).allows(Who(subject), *request)


@given(policies, identities, st.sampled_from(asked))
def test_answers_do_not_change_with_the_asking(policy: Policy, subject: str, request: tuple[str, str, str]) -> None:
    enforcer = Enforcer(policy)
    assert len({enforcer.allows(Who(subject), *request) for _ in range(3)}) == 1
