"""What may stand on a command line, and where a file may be written."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gitops.model.errors import InvalidSpec
from repo_server.render.arguments import (
    ApiVersion,
    InScratch,
    KubeVersion,
    ListedFile,
    Namespace,
    ParameterName,
    ParameterValue,
    ReleaseName,
    ScratchFile,
    Segment,
    Value,
    option,
    word,
)
from repo_server.render.jobs import HelmOptions
from repo_server.render.tools import run
from repo_server.render.worker import write_files

HOSTILE = ("--post-renderer=/bin/sh", "-x", "--", "a b", "a\nb", "a\0b", "\ud800", "a,b=c", "$(x)", "a=b")
PATHS = (
    "/etc/passwd",
    "repo/../../x",
    "..",
    "repo/..",
    "../repo",
    "repo//x",
    "repo/a\0b",
    "repo/\udcff",
    "other/x",
    "",
)


@pytest.mark.parametrize("kind", [ReleaseName, Namespace, KubeVersion, ApiVersion, Segment])
@pytest.mark.parametrize("text", HOSTILE)
def test_no_option_and_no_second_word_is_a_name(kind: type[Value], text: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        kind(text)
    assert "is not a" in str(refused.value)
    str(refused.value).encode()  # can be shown whatever it holds


@pytest.mark.parametrize(
    "value",
    [
        ReleaseName("shop-dev"),
        ReleaseName("a.b-1"),
        Namespace(""),
        Namespace("shop"),
        KubeVersion(""),
        KubeVersion("v1.34.4"),
        KubeVersion("1.30"),
        KubeVersion("v1.34.4-gke.100+x"),
        ApiVersion("v1"),
        ApiVersion("apps/v1/Deployment"),
        ParameterName("a.b[0].c\\.d/e"),
        ParameterValue("{a,b}=--x\n"),
        ScratchFile("repo"),
        ScratchFile("repo/a b/,x"),
        ScratchFile("repo/..a/...b/.c"),
        ListedFile("ref/values/dev.yaml"),
        Segment("web_1.0"),
    ],
)
def test_what_is_asked_for_every_day_passes(value: Value) -> None:
    assert str(value) == value.text


@pytest.mark.parametrize("kind", [ScratchFile, ListedFile])
@pytest.mark.parametrize("path", PATHS)
def test_paths_stay_in_the_scratch_directory(kind: type[Value], path: str) -> None:
    with pytest.raises(InvalidSpec, match="is not a path"):
        kind(path)


@pytest.mark.parametrize("name", ["a,v=/proc/mounts", 'a"b', "a\\,b", "a{b", "a\nb"])
def test_a_file_name_is_never_two_for_helm(name: str) -> None:
    ScratchFile(f"repo/{name}") if "\0" not in name else None
    with pytest.raises(InvalidSpec, match="rename the file"):
        ListedFile(f"repo/{name}")


@pytest.mark.parametrize("name", ["..", ".", ".git", "a/b", "../../home/helm/plugins/x", ""])
def test_a_dependency_stays_in_charts(name: str) -> None:
    with pytest.raises(InvalidSpec):
        Segment(name)


def test_values_are_checked_where_they_arrive_too() -> None:
    """A worker does not believe what it is sent."""
    options: dict[str, Any] = {"type": "helm", "chart": {"text": "repo"}, "namespace": {"text": ""}}
    good = msgspec.convert({**options, "release": {"text": "web"}}, HelmOptions)
    assert str(good.release) == "web"
    with pytest.raises((InvalidSpec, msgspec.ValidationError)):
        msgspec.convert({**options, "release": {"text": "--post-renderer=x"}}, HelmOptions)


def test_an_option_and_its_value_are_one_argument() -> None:
    where = InScratch("/scratch", ScratchFile("repo/web"))
    assert option("--set", ParameterName("a"), ParameterValue("--x")).text == "--set=a=--x"
    assert word(where).text == "/scratch/repo/web"


def test_a_plain_text_cannot_reach_a_command_line(tmp_path: Path) -> None:
    for made in (lambda: option("--set", "text"), lambda: word("text")):  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            made()
    with pytest.raises(TypeError):
        run(Path("/bin/false"), ["text"], str(tmp_path))  # type: ignore[list-item]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_written_outside_the_scratch_directory(tmp_path: Path, path: str) -> None:
    with pytest.raises(InvalidSpec):
        write_files({path: b"x"}, tmp_path / "scratch")
    assert list(tmp_path.iterdir()) == []
