"""Who wants objects that carry no mark of theirs."""

from app_controller.live.interest import Interest
from gitops.model.application import AppName
from gitops.model.resource import ResourceKey

WEB, API = AppName("argocd", "web"), AppName("argocd", "api")
CRD = ResourceKey("apiextensions.k8s.io", "CustomResourceDefinition", "", "widgets.example")
MISSING = ResourceKey("", "ConfigMap", "shop", "missing")


def test_each_object_knows_who_wants_it_on_which_cluster() -> None:
    interest = Interest()
    interest.put(WEB, "https://dev", {CRD, MISSING})
    interest.put(API, "https://dev", {CRD})
    assert interest.in_object("https://dev", CRD) == {WEB, API}
    assert interest.in_object("https://dev", MISSING) == {WEB}
    assert interest.in_object("https://prod", CRD) == set()


def test_the_last_word_of_an_application_counts_and_the_end_leaves_nothing() -> None:
    interest = Interest()
    interest.put(WEB, "https://dev", {CRD, MISSING})
    interest.put(WEB, "https://prod", {MISSING})
    assert interest.in_object("https://dev", CRD) == set()
    assert interest.in_object("https://prod", MISSING) == {WEB}
    interest.forget(WEB)
    interest.forget(API)
    assert (interest._names, interest._places) == ({}, {})
