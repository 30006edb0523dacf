"""The mirror never goes back in time and always knows who owns what."""

from typing import Any

from app_controller.live.mirror import Mirror
from gitops.manifest.tracking import Tracking
from gitops.model.resource import GroupKind, ResourceKey, key_of

CONFIG = GroupKind("", "ConfigMap")


class Heard:
    def __init__(self) -> None:
        self.managed: list[tuple[str, str]] = []
        self.all: list[str] = []

    def managed_object_changed(self, server: str, instance: str, key: ResourceKey) -> None:
        self.managed.append((instance, key.name))

    def object_changed(self, server: str, key: ResourceKey) -> None:
        self.all.append(key.name)


def an_object(
    name: str, version: int, *, app: str = "", owner: str = "", uid: str = "", kind: str = "ConfigMap"
) -> Any:
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": "shop",
        "resourceVersion": str(version),
        "uid": uid or f"uid-{name}",
    }
    if owner:
        metadata["ownerReferences"] = [{"uid": owner, "kind": "X", "name": "x"}]
    made = {"apiVersion": "v1", "kind": kind, "metadata": metadata}
    return Tracking().stamp(made, app, "shop") if app else made


def a_mirror() -> tuple[Mirror, Heard]:
    heard = Heard()
    return Mirror("https://dev", Tracking().owner_of, heard), heard


def test_an_older_version_never_replaces_a_newer_one() -> None:
    mirror, heard = a_mirror()
    mirror.observe(an_object("a", 7, app="web"))
    mirror.observe(an_object("a", 5, app="web"))
    found = mirror.get(key_of(an_object("a", 1)))
    assert found is not None
    assert found["metadata"]["resourceVersion"] == "7"
    assert heard.managed == [("web", "a")]


def test_a_list_removes_what_it_does_not_hold() -> None:
    mirror, heard = a_mirror()
    mirror.observe(an_object("a", 1, app="web"))
    mirror.observe(an_object("b", 2, app="web"))
    mirror.replace_kind(CONFIG, [an_object("b", 2, app="web")])
    assert [each["metadata"]["name"] for each in mirror.owned_by("web")] == ["b"]
    assert heard.managed[-1] == ("web", "a")


def test_a_moved_mark_is_told_to_both_applications() -> None:
    mirror, heard = a_mirror()
    mirror.observe(an_object("a", 1, app="web"))
    mirror.observe(an_object("a", 2, app="api"))
    assert {instance for instance, _ in heard.managed[1:]} == {"web", "api"}
    assert mirror.owned_by("web") == []
    assert len(mirror.owned_by("api")) == 1


def test_an_object_below_a_managed_one_finds_its_application() -> None:
    mirror, _ = a_mirror()
    mirror.observe(an_object("deploy", 1, app="web", uid="d"))
    mirror.observe(an_object("set", 2, owner="d", uid="s"))
    mirror.observe(an_object("pod", 3, owner="s", uid="p"))
    assert mirror.root_instance(key_of(an_object("pod", 1))) == "web"
    assert [each["metadata"]["name"] for each in mirror.children(an_object("set", 2, uid="s"))] == ["pod"]


def test_owner_references_in_a_circle_end() -> None:
    mirror, _ = a_mirror()
    mirror.observe(an_object("a", 1, owner="uid-b"))
    mirror.observe(an_object("b", 2, owner="uid-a"))
    assert mirror.root_instance(key_of(an_object("a", 1))) is None


def test_the_end_of_an_earlier_object_does_not_remove_its_successor() -> None:
    mirror, _ = a_mirror()
    mirror.observe(an_object("a", 9, uid="new"))
    mirror.remove(key_of(an_object("a", 1)), uid="old")
    assert mirror.get(key_of(an_object("a", 1))) is not None


def test_removing_leaves_no_trace_in_any_index() -> None:
    mirror, _ = a_mirror()
    mirror.observe(an_object("a", 1, app="web", owner="o", uid="u"))
    mirror.remove(key_of(an_object("a", 1)))
    assert len(mirror) == 0
    assert mirror.owned_by("web") == []
    assert mirror.children(an_object("x", 1, uid="o")) == []
    assert mirror.by_uid("u") is None
    assert list(mirror.of_kind(CONFIG)) == []


# --- news that come in another order than they happened -------------------------------------------------------


def held(mirror: Mirror, name: str) -> str | None:
    found = mirror.get(key_of(an_object(name, 1)))
    return None if found is None else found["metadata"]["resourceVersion"]


def test_a_list_taken_before_our_own_write_does_not_hide_what_we_made() -> None:
    mirror, _heard = a_mirror()
    mirror.observe(an_object("made", 12, app="web"))
    mirror.replace_kind(CONFIG, [an_object("a", 3, app="web")], "10")
    assert held(mirror, "made") == "12"
    mirror.replace_kind(CONFIG, [an_object("a", 3, app="web")], "13")
    assert held(mirror, "made") is None


def test_the_late_news_of_an_end_leaves_the_successor_alone() -> None:
    mirror, _ = a_mirror()
    mirror.observe(an_object("hook", 9, uid="new"))
    mirror.told_gone(an_object("hook", 8, uid="old"))
    assert held(mirror, "hook") == "9"


def test_an_answer_that_is_overtaken_by_the_end_does_not_bring_the_object_back() -> None:
    mirror, _ = a_mirror()
    mirror.told(an_object("a", 4))
    mirror.told_gone(an_object("a", 6))
    mirror.observe(an_object("a", 5))
    assert held(mirror, "a") is None
    mirror.remove(key_of(an_object("b", 1)))
    mirror.told(an_object("b", 2))
    mirror.remove(key_of(an_object("b", 2)), uid="uid-b")
    mirror.told(an_object("b", 3))  # the watch lags behind our own deletion
    assert held(mirror, "b") is None


def test_when_the_servers_data_was_restored_the_list_is_believed() -> None:
    mirror, _ = a_mirror()
    mirror.told(an_object("changed", 50))
    mirror.told(an_object("made-since", 60))
    mirror.told_gone(an_object("deleted-since", 61))
    mirror.replace_kind(CONFIG, [an_object("changed", 20), an_object("deleted-since", 21)], "30")
    assert (held(mirror, "changed"), held(mirror, "made-since"), held(mirror, "deleted-since")) == ("20", None, "21")


def test_a_kind_listed_anew_may_come_back_with_the_same_objects() -> None:
    mirror, _ = a_mirror()
    mirror.told(an_object("a", 5))
    mirror.drop_kind(CONFIG)
    assert held(mirror, "a") is None
    mirror.replace_kind(CONFIG, [an_object("a", 5)], "9")
    assert held(mirror, "a") == "5"


def test_graves_are_not_kept_for_ever() -> None:
    mirror, _ = a_mirror()
    for number in range(5_000):
        mirror.told_gone(an_object("pod", number + 1, uid=f"u{number}"))
    assert len(mirror._buried) <= 4_000
