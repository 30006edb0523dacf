"""From generators to Applications, for both kinds of template."""

from datetime import timedelta
from typing import Any

import pytest

from gitops.appset.generators import (
    ClustersNeed,
    Fetched,
    GitNeed,
    Listing,
    needs,
    parameters,
    requeue_after,
)
from gitops.appset.template import applications
from gitops.model.appset import AppSet, AppSetSpec, AppSetSyncPolicy
from gitops.model.errors import InvalidSpec, ManifestInvalid
from gitops.model.repository import Cluster

URL = "https://git/deploy"
DEV = Cluster("https://dev", "dev", labels={"env": "dev"})
PROD = Cluster("https://prod", "prod_1", labels={"env": "prod"}, annotations={"zone": "eu"})
IN_CLUSTER = Cluster("https://kubernetes.default.svc", "in-cluster")
CLUSTERS = Fetched(clusters=(PROD, DEV, IN_CLUSTER))


def an_appset(*generators: dict[str, Any], go: bool = False, **spec: Any) -> AppSet:
    return AppSet(
        "argocd", "set", "uid-1", spec=AppSetSpec(generators=generators, go_template=go, **{"template": {}, **spec})
    )


def made(appset: AppSet, fetched: Fetched) -> list[dict[str, Any]]:
    return [dict(each.parameters) for each in parameters(appset, fetched)]


def git(*directories: str, exclude: tuple[str, ...] = (), **rest: Any) -> dict[str, Any]:
    paths = [{"path": path} for path in directories] + [{"path": path, "exclude": True} for path in exclude]
    return {"git": {"repoURL": URL, "revision": "main", "directories": paths, **rest}}


def listing(*directories: str) -> Fetched:
    return Fetched({GitNeed(URL, "main", ("deployments/*/*",)): Listing(directories)})


FOUND = listing("deployments/dev/around_api", "deployments/dev/.hidden", "deployments/prod/web", "deployments/dev")


# --- git ---------------------------------------------------------------------------------------------------------


def test_git_directories_say_what_they_need_and_then_give_flat_names() -> None:
    appset = an_appset(git("deployments/*/*", exclude=("deployments/prod/*",)))
    assert needs(appset) == {GitNeed(URL, "main", ("deployments/*/*",))}
    assert needs(appset, FOUND) == frozenset()
    assert made(appset, FOUND) == [
        {
            "path": "deployments/dev/around_api",
            "path.basename": "around_api",
            "path.basenameNormalized": "around-api",
            "path[0]": "deployments",
            "path[1]": "dev",
            "path[2]": "around_api",
        }
    ]


def test_git_directories_for_go_templates_are_nested_and_may_have_a_prefix() -> None:
    appset = an_appset(
        git("deployments/*/*", pathParamPrefix="app", values={"env": "{{ index .app.path.segments 1 }}"}), go=True
    )
    first, _ = made(appset, FOUND)
    assert first["app"]["path"] == {
        "path": "deployments/dev/around_api",
        "basename": "around_api",
        "basenameNormalized": "around-api",
        "segments": ["deployments", "dev", "around_api"],
    }
    assert first["values"] == {"env": "dev"}


def test_git_files_give_their_content_and_where_they_are() -> None:
    appset = an_appset({"git": {"repoURL": URL, "revision": "main", "files": [{"path": "**/config.yaml"}]}})
    content = b"- {name: a, db: {size: 2}, on: true}\n- {name: b}\n"
    files = {"x/y/config.yaml": content, "x/other.yaml": b""}
    fetched = Fetched({GitNeed(URL, "main", (), ("**/config.yaml",)): Listing(files=files)})
    first, second = made(appset, fetched)
    assert (first["name"], first["db.size"], second["name"]) == ("a", "2", "b")
    assert (first["path"], first["path.filename"], first["path[1]"]) == ("x/y", "config.yaml", "y")


def test_a_parameter_file_that_cannot_be_used_is_named() -> None:
    appset = an_appset({"git": {"repoURL": URL, "revision": "main", "files": [{"path": "*.yaml"}]}})
    need = GitNeed(URL, "main", (), ("*.yaml",))
    with pytest.raises(InvalidSpec, match=r"a\.yaml: a parameter file must hold an object"):
        made(appset, Fetched({need: Listing(files={"a.yaml": b"just text"})}))
    with pytest.raises(ManifestInvalid, match=r"b\.yaml"):
        made(appset, Fetched({need: Listing(files={"b.yaml": b"a: [1"})}))


def test_a_lookup_that_is_missing_is_an_error_not_an_empty_answer() -> None:
    with pytest.raises(InvalidSpec, match="lookups"):
        parameters(an_appset(git("*")), Fetched())
    with pytest.raises(InvalidSpec, match="lookups"):
        parameters(an_appset({"clusters": {}}), Fetched())


# --- the others ----------------------------------------------------------------------------------------------------


def test_lists() -> None:
    element = {"cluster": "dev", "values": {"size": 3}}
    assert made(an_appset({"list": {"elements": [element]}}), Fetched()) == [{"cluster": "dev", "values.size": "3"}]
    assert made(an_appset({"list": {"elements": [element]}}, go=True), Fetched()) == [element]
    assert made(an_appset({"list": {"elementsYaml": "[{a: 1}, {a: 2}]"}}), Fetched()) == [{"a": "1"}, {"a": "2"}]


def test_clusters_by_selector_and_with_values() -> None:
    everything = an_appset({"clusters": {}})
    assert needs(everything) == {ClustersNeed()}
    assert [each["name"] for each in made(everything, CLUSTERS)] == ["dev", "in-cluster", "prod_1"]
    chosen = {
        "selector": {"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["dev"]}]},
        "values": {"u": "{{name}}!"},
    }
    assert made(an_appset({"clusters": chosen}), CLUSTERS) == [
        {
            "name": "prod_1",
            "nameNormalized": "prod-1",
            "server": "https://prod",
            "project": "",
            "metadata.labels.env": "prod",
            "metadata.annotations.zone": "eu",
            "values.u": "prod_1!",
        }
    ]


def test_a_matrix_fills_its_second_generator_from_the_first() -> None:
    pair = {
        "matrix": {
            "generators": [{"clusters": {"selector": {"matchLabels": {"env": "dev"}}}}, git("deployments/{{name}}/*")]
        }
    }
    appset = an_appset(pair)
    assert needs(appset) == {ClustersNeed()}
    need = GitNeed(URL, "main", ("deployments/dev/*",))
    assert needs(appset, CLUSTERS) == {need}
    fetched = Fetched({need: Listing(("deployments/dev/web",))}, CLUSTERS.clusters)
    (only,) = made(appset, fetched)
    assert (only["name"], only["path.basename"]) == ("dev", "web")


def test_a_matrix_whose_halves_disagree() -> None:
    halves = [{"list": {"elements": [{"a": "1"}]}}, {"list": {"elements": [{"a": "2"}]}}]
    with pytest.raises(InvalidSpec, match="parameter `a`, as `1` and `2`"):
        made(an_appset({"matrix": {"generators": halves}}), Fetched())
    assert made(an_appset({"matrix": {"generators": halves}}, go=True), Fetched()) == [{"a": "1"}]
    with pytest.raises(InvalidSpec, match="exactly two"):
        made(an_appset({"matrix": {"generators": halves[:1]}}), Fetched())


def test_merge_overrides_where_the_keys_agree() -> None:
    base = {"list": {"elements": [{"env": "dev", "size": "1"}, {"env": "prod", "size": "1"}]}}
    over = {"list": {"elements": [{"env": "prod", "size": "9"}, {"env": "moon", "size": "5"}]}}
    merge = {"merge": {"mergeKeys": ["env"], "generators": [base, over]}}
    assert made(an_appset(merge), Fetched()) == [{"env": "dev", "size": "1"}, {"env": "prod", "size": "9"}]
    twice = {"merge": {"mergeKeys": ["size"], "generators": [base, over]}}
    with pytest.raises(InvalidSpec, match="more than one set of parameters"):
        made(an_appset(twice), Fetched())


def test_a_selector_filters_what_a_generator_makes() -> None:
    elements = {"list": {"elements": [{"env": "dev"}, {"env": "prod"}]}, "selector": {"matchLabels": {"env": "prod"}}}
    assert made(an_appset(elements), Fetched()) == [{"env": "prod"}]


@pytest.mark.parametrize(
    ("generator", "told"),
    [
        ({"scmProvider": {}}, "generator `scmProvider` is not supported; use clusters, git, list, matrix, merge"),
        ({}, "each generator names one kind"),
        ({"git": {"repoURL": URL}}, "either directories or files"),
        ({"list": {"elements": "text"}}, "list generator: "),
        ({"list": {"elements": ["text"]}}, "list generator: "),
    ],
)
def test_generators_that_are_wrong(generator: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidSpec, match=told):
        made(an_appset(generator), Fetched())


def test_how_soon_git_is_asked_again() -> None:
    assert requeue_after(an_appset(git("*"))) == timedelta(minutes=3)
    assert requeue_after(an_appset(git("*", requeueAfterSeconds=20), git("*", requeueAfterSeconds=60))) == timedelta(
        seconds=20
    )


# --- Applications -----------------------------------------------------------------------------------------------------

TEMPLATE = {
    "metadata": {"name": "{{path.basenameNormalized}}-{{path[1]}}", "labels": {"env": "{{path[1]}}"}},
    "spec": {
        "project": "{{path[1]}}",
        "source": {"repoURL": URL, "path": "{{path}}"},
        "syncPolicy": {"automated": {"prune": True}},
    },
}


def test_applications_are_owned_by_their_set_and_go_with_what_they_deployed() -> None:
    appset = an_appset(git("deployments/*/*"), template=TEMPLATE)
    first, second = applications(appset, parameters(appset, FOUND))
    assert first == {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": "around-api-dev",
            "namespace": "argocd",
            "labels": {"env": "dev"},
            "finalizers": ["resources-finalizer.argocd.argoproj.io"],
            "ownerReferences": [
                {
                    "apiVersion": "argoproj.io/v1alpha1",
                    "kind": "ApplicationSet",
                    "name": "set",
                    "uid": "uid-1",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "project": "dev",
            "source": {"repoURL": URL, "path": "deployments/dev/around_api"},
            "syncPolicy": {"automated": {"prune": True}},
        },
    }
    assert second["metadata"]["name"] == "web-prod"
    kept = an_appset(
        git("deployments/*/*"), template=TEMPLATE, sync_policy=AppSetSyncPolicy(preserve_resources_on_deletion=True)
    )
    assert "finalizers" not in applications(kept, parameters(kept, FOUND))[0]["metadata"]


def test_a_generators_own_template_wins() -> None:
    generator = {"list": {"elements": [{"n": "a"}], "template": {"spec": {"project": "special"}}}}
    appset = an_appset(generator, template={"metadata": {"name": "{{n}}"}, "spec": {"project": "default", "x": 1}})
    (application,) = applications(appset, parameters(appset, Fetched()))
    assert application["spec"] == {"project": "special", "x": 1}


def test_a_template_patch_is_merged_in() -> None:
    appset = an_appset(
        {"list": {"elements": [{"n": "a", "prune": True}]}},
        go=True,
        template={"metadata": {"name": "{{ .n }}"}, "spec": {"project": "p"}},
        template_patch="spec:\n  syncPolicy:\n    automated: {prune: {{ .prune }}}\n",
    )
    (application,) = applications(appset, parameters(appset, Fetched()))
    assert application["spec"] == {"project": "p", "syncPolicy": {"automated": {"prune": True}}}


def test_names_that_are_missing_or_double() -> None:
    twice = an_appset({"list": {"elements": [{}, {}]}}, template={"metadata": {"name": "same"}, "spec": {}})
    with pytest.raises(InvalidSpec, match="generates same more than once"):
        applications(twice, parameters(twice, Fetched()))
    nameless = an_appset({"list": {"elements": [{}]}}, template={"spec": {}})
    with pytest.raises(InvalidSpec, match="gives an Application no name"):
        applications(nameless, parameters(nameless, Fetched()))


def test_a_placeholder_nobody_knows_stays_as_it_is() -> None:
    appset = an_appset(
        {"list": {"elements": [{"a": "x"}]}}, template={"metadata": {"name": "{{a}}"}, "spec": {"v": "{{ b }} {{ a }}"}}
    )
    assert applications(appset, parameters(appset, Fetched()))[0]["spec"] == {"v": "{{ b }} x"}
