"""Who may do what: the built-in roles as a table, the order of evaluation, and text that cannot be read."""

import pytest

from gitops.model.errors import InvalidSpec
from gitops.model.project import Project, ProjectRole, ProjectSpec
from gitops.rbac.enforcer import Enforcer, Who
from gitops.rbac.policy import Policy, parse_policies, parse_policy, project_policies, project_policy

BUILT_IN = Enforcer()
WHO = {"admin": Who("admin"), "reader": Who("role:readonly"), "nobody": Who("eve", ("devs",))}


@pytest.mark.parametrize(
    ("resource", "action", "object", "admin", "reader"),
    [
        ("applications", "get", "prod/web", True, True),
        ("applications", "sync", "prod/web", True, False),
        ("applications", "override", "prod/web", True, False),
        ("applications", "create", "prod/web", True, False),
        ("applications", "update/apps/Deployment/ns/web", "prod/web", True, False),
        ("applications", "delete", "prod/ns/web", True, False),
        ("applications", "action/apps/Deployment/restart", "prod/web", True, False),
        ("applicationsets", "get", "prod/set", True, True),
        ("applicationsets", "delete", "prod/set", True, False),
        ("clusters", "get", "https://dev", True, True),
        ("clusters", "create", "https://dev", True, False),
        ("repositories", "get", "https://git/x", True, True),
        ("write-repositories", "update", "https://git/x", True, False),
        ("projects", "get", "prod", True, True),
        ("projects", "delete", "prod", True, False),
        ("accounts", "get", "alice", True, True),
        ("accounts", "update", "alice", True, False),
        ("certificates", "delete", "x", True, False),
        ("gpgkeys", "create", "x", True, False),
        ("gpgkeys", "update", "x", False, False),
        ("logs", "get", "prod/web", True, True),
        ("exec", "create", "prod/web", True, False),
        ("extensions", "invoke", "metrics", False, False),
    ],
)
def test_built_in_roles(resource: str, action: str, object: str, admin: bool, reader: bool) -> None:
    answers = {name: BUILT_IN.allows(who, resource, action, object) for name, who in WHO.items()}
    assert answers == {"admin": admin, "reader": reader, "nobody": False}


def enforcer(text: str, *, default: str = "", mode: str = "glob") -> Enforcer:
    return Enforcer(parse_policy(text), default_role=default, match_mode=mode)


TEAM = """
# who may sync prod
p, role:operator, applications, sync, prod/*, allow
p, role:operator, applications, get, */*, allow
p, bob, applications, sync, prod/secret, deny
g, bob, role:operator
g, operators, role:operator
g, role:lead, role:operator
g, leads, role:lead
"""


@pytest.mark.parametrize(
    ("who", "action", "object", "allowed"),
    [
        (Who("bob"), "sync", "prod/web", True),
        (Who("bob"), "sync", "prod/secret", False),  # a deny of his own
        (Who("bob"), "sync", "dev/web", False),
        (Who("carol", ("operators",)), "sync", "prod/web", True),
        (Who("carol", ("leads",)), "sync", "prod/web", True),  # through two roles
        (Who("carol", ("strangers",)), "sync", "prod/web", False),
        (Who("bob", ("operators",)), "sync", "prod/secret", True),  # as Argo CD: each identity by itself
        (Who("role:operator"), "sync", "prod/ns/web", True),  # `*` crosses the slash
    ],
)
def test_roles_groups_and_denials(who: Who, action: str, object: str, allowed: bool) -> None:
    assert enforcer(TEAM).allows(who, "applications", action, object) is allowed


def test_the_default_role_comes_first_and_a_deny_does_not_take_it_away() -> None:
    denied = "p, eve, applications, get, */*, deny"
    assert enforcer(denied, default="role:readonly").allows(Who("eve"), "applications", "get", "prod/web")
    assert not enforcer(denied).allows(Who("eve"), "applications", "get", "prod/web")


def test_a_group_counts_only_where_a_g_line_names_it() -> None:
    direct = "p, devs, applications, sync, dev/*, allow\n"
    carol = Who("carol", ("devs",))
    assert not enforcer(direct).allows(carol, "applications", "sync", "dev/web")
    assert enforcer(direct + "g, devs, role:any").allows(carol, "applications", "sync", "dev/web")


def test_plain_update_does_not_imply_the_finer_ones() -> None:
    plain = enforcer("p, bob, applications, update, prod/*, allow")
    assert plain.allows(Who("bob"), "applications", "update", "prod/web")
    assert not plain.allows(Who("bob"), "applications", "update/apps/Deployment/ns/web", "prod/web")


def test_regular_expressions_by_match_mode() -> None:
    policy = enforcer("p, bob, applications, (get|sync), ^prod/web-[0-9]+$, allow", mode="regex")
    assert policy.allows(Who("bob"), "applications", "sync", "prod/web-12")
    assert not policy.allows(Who("bob"), "applications", "sync", "prod/web-x")
    assert policy.allows(Who("admin"), "applications", "sync", "prod/web-x")  # built-in roles stay globs


@pytest.mark.parametrize("mode", ["glob", "regex"])
def test_a_pattern_that_cannot_be_read_never_lets_anybody_in_and_is_told(mode: str) -> None:
    allowed = enforcer("p, bob, applications, get, [, allow\np, ann, applications, get, .*, allow", mode=mode)
    assert not allowed.allows(Who("bob"), "applications", "get", "[")
    assert allowed.allows(Who("ann"), "applications", "get", ".x")
    denied = enforcer("p, bob, applications, get, .*, allow\np, bob, clusters, get, [, deny", mode=mode)
    assert not denied.allows(Who("bob"), "applications", "get", ".x")
    assert len(denied.unreadable) == 1
    assert "a policy of bob: `[` cannot be used as a pattern" in denied.unreadable[0]


def test_a_policy_is_answered_in_one_pass_whatever_its_patterns() -> None:
    for mode, pattern in (("glob", "*a" * 7 + "*b"), ("regex", "^(a|aa|a?)+$")):
        policy = enforcer(f"p, bob, applications, get, {pattern}, allow", mode=mode)
        assert not policy.allows(Who("bob"), "applications", "get", "a" * 63 + "/")


def test_roles_that_go_round_in_a_circle_end() -> None:
    circle = enforcer("g, role:a, role:b\ng, role:b, role:a\np, role:b, projects, get, *, allow")
    assert circle.allows(Who("role:a"), "projects", "get", "x")


def test_quotes_spaces_and_comments_are_read() -> None:
    policy = parse_policy('  p , "role:a, b",applications,get,"*/*",allow  \n#p, x\n\n g, "my, group", role:a')
    assert policy.rules[0].subject == "role:a, b"
    assert policy.links == (("my, group", "role:a"),)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("p, a, b, c, d", "write `p, subject, resource, action, object, allow`"),
        ("p, a, b, c, d, maybe", "write `p, subject"),
        ("g, a", "write `g, member, role`"),
        ("x, a, b", "a line begins with `p,` or `g,`"),
        ('p, "a, b, c, d, allow', "check the quotes"),
    ],
)
def test_a_bad_line_is_named(line: str, told: str) -> None:
    with pytest.raises(InvalidSpec) as raised:
        parse_policy(f"# fine\n{line}\n", origin="argocd-rbac-cm policy.csv")
    assert "argocd-rbac-cm policy.csv line 2" in str(raised.value)
    assert told in str(raised.value)


def test_named_policies_are_added_in_order_of_their_keys() -> None:
    config = {"policy.b.csv": "g, b, r", "policy.csv": "g, first, r", "policy.a.csv": "g, a, r", "policy.default": "x"}
    assert [member for member, _ in parse_policies(config).links] == ["first", "a", "b"]
    assert parse_policies({}) == Policy()


def a_project(*policies: str, groups: tuple[str, ...] = ("ci",)) -> Project:
    return Project("prod", ProjectSpec(roles=(ProjectRole("deployer", "", policies, groups),)))


def test_project_roles_reach_their_own_project_only() -> None:
    policy = project_policy(a_project("p, proj:prod:deployer, applications, sync, prod/*, allow"))
    enforcing = Enforcer(policy)
    bot = Who("bot", ("ci",))
    assert enforcing.allows(bot, "applications", "sync", "prod/web")
    assert enforcing.allows(bot, "projects", "get", "prod")
    assert not enforcing.allows(bot, "projects", "get", "dev")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("p, proj:prod:deployer, applications, sync, dev/*, allow", "must begin with `prod/`"),
        ("p, proj:prod:deployer, applications, sync, *, allow", "must begin with `prod/`"),
        ("p, role:admin, applications, sync, prod/*, allow", "the subject must be `proj:prod:deployer`"),
        ("p, proj:prod:deployer, accounts, update, prod/x, allow", "does not belong to projects"),
        ("g, eve, role:admin", "list the groups under `groups`"),
    ],
)
def test_a_project_cannot_grant_what_is_not_its_own(line: str, told: str) -> None:
    with pytest.raises(InvalidSpec, match="role deployer of project prod") as raised:
        project_policy(a_project(line))
    assert told in str(raised.value)
    good = Project("dev", ProjectSpec(roles=(ProjectRole("ok", groups=("devs",)),)))
    policy, errors = project_policies([a_project(line), good])
    assert len(errors) == 1
    assert Enforcer(policy).allows(Who("x", ("devs",)), "projects", "get", "dev")
