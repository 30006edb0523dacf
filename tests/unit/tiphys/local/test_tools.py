from pathlib import Path

import pytest

from tiphys.local import toolchain, tools
from tiphys.local.errors import BuildFailed
from tiphys.local.tools import TOOLS, Tool

TOOL = Tool("thing", {"thing": "example.com/thing/v2"}, {"example.com/thing.version": "v1"})


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    module = tmp_path / "tools" / "thing"
    module.mkdir(parents=True)
    (module / "go.mod").write_text("module x\n")
    (module / "go.sum").write_text("sum\n")
    return tmp_path / "tools"


def test_the_pin_changes_with_every_input_of_the_build(modules: Path) -> None:
    pins = {tools.pin_of(TOOL, modules / "thing")}
    (modules / "thing" / "go.sum").write_text("another sum\n")
    pins.add(tools.pin_of(TOOL, modules / "thing"))
    (modules / "thing" / "go.mod").write_text("module y\n")
    pins.add(tools.pin_of(TOOL, modules / "thing"))
    pins.add(tools.pin_of(Tool("thing", TOOL.binaries, {"example.com/thing.version": "v2"}), modules / "thing"))
    assert len(pins) == 4


def test_a_tool_is_built_only_when_all_its_binaries_are_there(tmp_path: Path) -> None:
    kwok = next(tool for tool in TOOLS if tool.name == "kwok")
    folder = tools.folder_of(kwok, tmp_path)
    folder.mkdir(parents=True)
    (folder / "kwok").touch()
    assert not tools.is_built(kwok, tmp_path)
    (folder / "kwokctl").touch()
    assert tools.is_built(kwok, tmp_path)


def test_every_tool_has_its_module_pinned() -> None:
    for tool in TOOLS:
        module = tools.PROJECT / "tools" / tool.name
        text = (module / "go.mod").read_text()
        assert (module / "go.sum").exists()
        for package in tool.binaries.values():
            assert package in text


@pytest.mark.parametrize(
    ("package", "name"),
    [("k8s.io/kubernetes/cmd/kubectl", "kubectl"), ("go.etcd.io/etcd/server/v3", "server"), ("x.io/vote", "vote")],
)
def test_binaries_are_named_as_go_names_them(package: str, name: str) -> None:
    assert tools.built_name(package) == name


def test_the_build_keeps_the_users_proxy_and_drops_what_changes_the_result() -> None:
    environment = tools.build_environment(
        {"GOPROXY": "mine", "GOFLAGS": "-mod=vendor", "GOOS": "plan9", "PATH": "/bin"}, Path("/go/bin")
    )
    assert environment["GOPROXY"] == "mine"
    assert environment["PATH"] == "/go/bin:/bin"
    assert "vendor" not in environment["GOFLAGS"]
    assert environment["GOOS"] == ""


def test_links_follow_a_tool_to_its_new_place(tmp_path: Path) -> None:
    old, new, folder = tmp_path / "old", tmp_path / "new", tmp_path / "bin"
    old.write_text("1")
    new.write_text("2")
    tools.link_into(folder, {"helm": old})
    tools.link_into(folder, {"helm": new})
    assert (folder / "helm").read_text() == "2"
    assert [entry.name for entry in folder.iterdir()] == ["helm"]


@pytest.mark.parametrize(
    ("answer", "version"),
    [("go1.26.8\n", (1, 26, 8)), ("v22.1.0", (22, 1, 0)), ("go version devel", ()), ("go1.27-x 1.9.9", (1, 27))],
)
def test_versions_are_read_from_what_commands_answer(answer: str, version: tuple[int, ...]) -> None:
    assert toolchain.version_in(answer) == version


def test_an_old_runtime_on_the_path_is_not_used(tmp_path: Path) -> None:
    for name, version in {"old": "go1.20.1", "new": "go1.99.0"}.items():
        command = tmp_path / name / "go"
        command.parent.mkdir()
        command.write_text(f"#!/bin/sh\necho {version}\n")
        command.chmod(0o755)
    assert toolchain.folder_on_path(toolchain.GO, {"PATH": f"{tmp_path / 'old'}:/bin"}) is None
    assert toolchain.folder_on_path(toolchain.GO, {"PATH": f"{tmp_path / 'new'}:/bin"}) == tmp_path / "new"


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise BuildFailed("no")

    target = tmp_path / "cache" / "tool"
    with pytest.raises(BuildFailed):
        toolchain.made_atomically(target, fail)
    assert list(target.parent.iterdir()) == []
    toolchain.made_atomically(target, lambda folder: (folder / "all").touch())
    toolchain.made_atomically(target, lambda folder: (folder / "slower").touch())
    assert [entry.name for entry in target.iterdir()] == ["all"]
