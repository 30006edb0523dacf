"""Custom resources as they are really written."""

import pytest

from adapters.store import decode
from gitops.model.application import Application
from gitops.model.errors import InvalidSpec


def test_explicit_nulls_and_unknown_fields_are_passed_over() -> None:
    raw = {
        "metadata": {"name": "a", "namespace": "argocd", "creationTimestamp": None, "annotations": None},
        "spec": {
            "project": "dev",
            "source": {"repoURL": "https://git.example.com/a", "path": "x", "helm": None, "fancy": {"new": 1}},
            "sources": None,
            "destination": {"namespace": None, "server": "https://dev"},
            "syncPolicy": {"automated": {"prune": None, "selfHeal": True}, "syncOptions": None},
        },
        "status": {"history": None, "health": {"status": None}, "operationState": None},
    }
    app = decode.application(raw)
    assert app.spec.automated is not None
    assert (app.spec.automated.prune, app.spec.automated.self_heal) == (False, True)
    assert app.spec.source is not None
    assert app.spec.source.repo_url == "https://git.example.com/a"
    assert (app.spec.destination.namespace, app.status.history) == ("", ())


def test_a_null_in_helm_values_keeps_its_meaning() -> None:
    source = {"repoURL": "x", "helm": {"valuesObject": {"default": None, "kept": {"too": None}}, "parameters": None}}
    app = decode.decode(Application, {"spec": {"source": source, "sources": None}})
    assert app.spec.source is not None
    assert app.spec.source.helm is not None
    assert app.spec.source.helm.values_object == {"default": None, "kept": {"too": None}}


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        pytest.param({"source": {"path": 7}}, r"\$\.spec\.source\.path", id="number for text"),
        pytest.param({"sources": [{}, {"helm": []}]}, r"\$\.spec\.sources\[1\]\.helm", id="list for object"),
        pytest.param({"syncPolicy": {"automated": True}}, r"\$\.spec\.syncPolicy\.automated", id="flag for object"),
    ],
)
def test_a_spec_that_cannot_be_read_names_the_field(spec: object, path: str) -> None:
    with pytest.raises(InvalidSpec, match=rf"Application `web`: .*{path}"):
        decode.application({"metadata": {"name": "web"}, "spec": spec})


def test_projects_and_sets_know_their_names() -> None:
    project = decode.project({"metadata": {"name": "dev"}, "spec": {"sourceRepos": ["*"], "roles": None}})
    assert (project.name, project.spec.source_repos, project.spec.roles) == ("dev", ("*",), ())
    metadata = {"name": "services", "namespace": "argocd", "uid": "u", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    template = {"metadata": {"labels": None}}
    appset = decode.appset(
        {"metadata": metadata, "spec": {"generators": [{"git": {}}], "template": template, "strategy": None}}
    )
    assert (appset.name, appset.uid, appset.deleting) == ("services", "u", True)
    assert appset.spec.template == template
