"""What may stand on a tool's command line, and where a file may be written.

A user's text gets there as one of the values below or not at all: each knows what it may look like and
says so when it is made. An option and its value are one argument, so no value can become an option.
"""

import re
from typing import ClassVar

import msgspec

from gitops.model.errors import InvalidSpec

_SHOWN = 80


class Value(msgspec.Struct, frozen=True):
    """A text of one certain kind; InvalidSpec if it is not of that kind."""

    text: str

    pattern: ClassVar[re.Pattern[str]]
    kind: ClassVar[str]  # for people
    longest: ClassVar[int] = 4096

    def __post_init__(self) -> None:
        if len(self.text) > self.longest or not self.pattern.fullmatch(self.text):
            shown = self.text.encode(errors="backslashreplace").decode()[:_SHOWN]
            raise InvalidSpec(f"`{shown}` is not {self.kind}")

    def __str__(self) -> str:
        return self.text


class ReleaseName(Value, frozen=True):
    pattern = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
    kind = "a Helm release name (lower-case letters, digits, - and ., at most 53); set helm.releaseName"
    longest = 53


class Namespace(Value, frozen=True):
    pattern = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?)?")
    kind = "a namespace (lower-case letters, digits and -, at most 63)"
    longest = 63


class KubeVersion(Value, frozen=True):
    pattern = re.compile(r"(v?[0-9]+(\.[0-9]+){0,2}([-+][0-9A-Za-z.+-]*)?)?")
    kind = "a Kubernetes version such as 1.34.4"
    longest = 128


class ApiVersion(Value, frozen=True):
    pattern = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(/[A-Za-z0-9][A-Za-z0-9.-]*)*")
    kind = "an API version such as apps/v1 or apps/v1/Deployment"
    longest = 512


class ParameterName(Value, frozen=True):
    # A comma would begin the next parameter.
    pattern = re.compile(r"[^=,\x00-\x1f\x7f\ud800-\udfff]+")
    kind = "a parameter's name (helm.parameters, helm.fileParameters)"


class ParameterValue(Value, frozen=True):
    pattern = re.compile(r"[^\x00\ud800-\udfff]*", re.DOTALL)
    kind = "a value that helm can be given (it holds a NUL or half a character)"
    longest = 100_000  # the kernel takes 128 KiB in one argument


class ScratchFile(Value, frozen=True):
    """A place in the scratch directory: never above it, never an address of something else."""

    pattern = re.compile(r"(?:repo|ref)(?:/(?!\.{1,2}(?:/|\Z))[^/\x00\ud800-\udfff]+)*")
    kind = "a path inside the repository (it has to be text without `..`)"


class ListedFile(ScratchFile, frozen=True):
    """For options that read commas, quotes and backslashes as their own: `a,b=/etc/passwd` would be two files."""

    pattern = re.compile(r"(?:repo|ref)(?:/(?!\.{1,2}(?:/|\Z))[^/,\"\\{}\x00-\x1f\x7f\ud800-\udfff]+)*")
    kind = 'a path that helm can be given (no `,`, `"`, `\\`, `{` or `}` in it); rename the file'


class KustomizeTool(Value, frozen=True):
    pattern = re.compile(r"kustomize[A-Za-z0-9._-]*")
    kind = "the name of a kustomize program (kustomize…); name such a file in kustomize.path.<version>"
    longest = 100


class BuildOption(Value, frozen=True):
    """Of `kustomize build`: no other option and no other value of it."""

    pattern = re.compile(
        r"--load-restrictor=LoadRestrictions(RootOnly|None)|--reorder=(legacy|none)|--enable-managedby-label(=(true|false))?"
    )
    kind = "an option and value that kustomize is given here"


class Segment(Value, frozen=True):
    """One name of a path, such as a chart's in charts/."""

    pattern = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
    kind = "a name (letters, digits, -, _ and .)"
    longest = 250


class InScratch(msgspec.Struct, frozen=True):
    """A file as the tool has to be told it."""

    scratch: str
    file: ScratchFile

    def __str__(self) -> str:
        return f"{self.scratch}/{self.file}"


class Argument(msgspec.Struct, frozen=True):
    """One argument, made here only."""

    text: str


def flag(name: str) -> Argument:
    """A word of ours: an option without a value, or a subcommand."""
    return Argument(name)


def option(name: str, *values: Value | InScratch) -> Argument:
    """`name=value`, or for options that take pairs `name=key=value`."""
    return Argument("=".join((name, *map(_checked, values))))


def given(value: BuildOption) -> Argument:
    """An option that was chosen from a list as a whole."""
    return Argument(_checked(value))


def word(value: Value | InScratch) -> Argument:
    """A value in its own place; it stands behind `--`."""
    return Argument(_checked(value))


def _checked(value: object) -> str:
    if not isinstance(value, Value | InScratch):
        raise TypeError("only checked values may stand on a command line")
    return str(value)
