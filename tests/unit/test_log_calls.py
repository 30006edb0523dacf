"""Every log call of the services, found in the source and made with the worst that strangers can write."""

import ast
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog

from adapters.telemetry import set_up_logging

ROOT = Path(__file__).parents[2]
SERVICES = ("adapters", "api_server", "app_controller", "repo_server", "tiphys")
METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
# Names that structlog gives to what it adds itself, or that its methods take for themselves.
RESERVED = {"event", "level", "timestamp", "logger", "self", "stack_info", "exception", "stack", "extra"}
AUDITED = {"who", "session", "action", "on", "result"}


class LogCall(NamedTuple):
    where: str
    method: str
    call: ast.Call

    @property
    def names(self) -> list[str]:
        return [each.arg for each in self.call.keywords if each.arg is not None]


def log_calls() -> list[LogCall]:
    return [
        LogCall(f"{path.relative_to(ROOT)}:{node.lineno}", node.func.attr, node)
        for service in SERVICES
        for path in sorted((ROOT / service).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_log_method(node.func)
    ]


def _is_log_method(function: ast.Attribute) -> bool:
    owner = function.value
    name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    return (name in ("log", "_log") and function.attr in METHODS) or (name == "audit" and function.attr == "record")


CALLS = log_calls()


def each_call(test: Any) -> Any:
    return pytest.mark.parametrize("made", CALLS, ids=[each.where for each in CALLS])(test)


@pytest.fixture
def quiet_afterwards() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_the_walk_finds_the_calls() -> None:
    assert len(CALLS) > 40
    assert {each.where.split("/")[0] for each in CALLS} >= {"adapters", "api_server", "app_controller", "repo_server"}


@each_call
def test_no_value_takes_a_name_that_the_log_keeps_for_itself(made: LogCall) -> None:
    taken = AUDITED - {"result"} if made.method == "record" else set()
    assert not (RESERVED | taken) & set(made.names)


@each_call
def test_a_stack_is_asked_for_by_the_error_that_has_it(made: LogCall) -> None:
    asked = [each.value for each in made.call.keywords if each.arg == "exc_info"]
    assert not any(isinstance(each, ast.Constant) for each in asked), "True outside of an except block tells of nothing"


@each_call
def test_the_message_is_a_fixed_text_and_the_only_thing_without_a_name(made: LogCall) -> None:
    if made.method == "record":
        return
    assert len(made.call.args) == 1, "further arguments are put into the message, and fail where they do not fit"
    message = made.call.args[0]
    assert isinstance(message, ast.Constant)
    assert isinstance(message.value, str)


class Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError("not even that")

    __str__ = __repr__


class Unending(dict):  # type: ignore[type-arg]
    def items(self) -> Any:
        while True:
            yield "again", "and again"


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)
HOSTILE = {
    "huge": "x" * 5_000_000,
    "half a character": "\ud800 and \udfff",
    "lines": 'first\n{"event": "forged"}\r\nlast\u2028\x85more',
    "terminal": "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "bytes": b"\xff\xfe\x00",
    "unspeakable": Unspeakable(),
    "circle": CIRCLE,
    "unending": Unending(a=1),
    "huge number": 10**6000,
    "not a number": float("nan"),
    "an error": ValueError(Unspeakable()),
    "many": list(range(1_000_000)),
    "odd keys": {("a", 1): "x", None: "y", "\ud800": "z"},
    "percent": "%s %d %",
    "braces": "{} {0} {name!r}",
}


@pytest.mark.usefixtures("quiet_afterwards")
@pytest.mark.parametrize("format", ["json", "text"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_every_call_writes_one_line_of_bounded_size_whatever_it_is_given(
    format: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging("debug", format)
    log = structlog.get_logger("test")
    for made in CALLS:
        values = dict.fromkeys(made.names, HOSTILE[kind])
        stack = made.method == "exception" or values.pop("exc_info", None) is not None
        message = made.call.args[0].value if made.method != "record" else "audit"  # type: ignore[attr-defined]
        method = "info" if made.method in ("log", "record") else made.method
        getattr(log, method)(message, **values)
        lines = capsys.readouterr().err.split("\n")
        assert lines.pop() == ""
        if format == "text" and stack:
            del lines[1:]  # every further one is indented
        assert len(lines) == 1, (made.where, lines)
        assert len(lines[0]) < 200_000
        assert "could not be written" not in lines[0]
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", lines[0])
        lines[0].encode()
        if format == "json":
            assert json.loads(lines[0])["event"] == message


@pytest.mark.usefixtures("quiet_afterwards")
def test_a_stack_for_people_cannot_forge_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("info", "text")
    try:
        raise ValueError("no\n2026-01-01 [info] all is well\x1b[2J")
    except ValueError as error:
        structlog.get_logger("test").error("failed", exc_info=error)
    _, *stack = capsys.readouterr().err.splitlines()
    assert stack
    assert all(each.startswith("  | ") for each in stack)
    assert "\x1b" not in "".join(stack)


@pytest.mark.usefixtures("quiet_afterwards")
@pytest.mark.parametrize("format", ["json", "text"])
def test_a_mistake_in_a_log_call_does_not_reach_its_caller(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("info", format)
    log: Any = structlog.get_logger("test")
    log.info("not written", event="Refused", error="no")
    log.info("too many %s", 1, 2)
    log.warning()
    log.bind(event="bound").error("also")
    written = capsys.readouterr().err
    assert "Refused" in written
    assert "too many" in written
    assert len(written.splitlines()) == 4


@pytest.mark.usefixtures("quiet_afterwards")
def test_a_log_that_cannot_be_written_to_does_not_reach_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def write(self, _: str) -> None:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr("sys.stderr", Gone())
    set_up_logging("info")
    structlog.get_logger("test").info("nobody hears it")


@pytest.mark.usefixtures("quiet_afterwards")
def test_a_secret_is_blanked_before_a_text_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("info")
    padding = "x" * 7_980
    log = structlog.get_logger("test")
    log.info("a", note=f"{padding} https://ann:hunter2hunter2@git.example.com/")
    log.info("a", trace=f"-----BEGIN PRIVATE KEY-----\nhunter2{padding}\n-----END PRIVATE KEY----- the end")
    written = capsys.readouterr().err
    assert "hunter2" not in written
    assert "the end" in written
