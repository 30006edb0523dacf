"""`kustomize.buildOptions` of argocd-cm: which of kustomize's options are passed on, and why the others are not."""

from collections.abc import Mapping
from typing import Any

from gitops.model.application import KustomizeSettings
from gitops.model.errors import InvalidSpec
from repo_server.render.arguments import BuildOption, KustomizeTool

DEFAULT_TOOL = KustomizeTool("kustomize")
RESTRICTED = BuildOption("--load-restrictor=LoadRestrictionsRootOnly")
UNRESTRICTED = BuildOption("--load-restrictor=LoadRestrictionsNone")

# Options that take a value, and options that may stand alone.
_VALUED = frozenset({"--load-restrictor", "--reorder"})
_SWITCHES = frozenset({"--enable-managedby-label"})

# Asked for in many installations, and without effect here: charts inside a kustomization are refused by name.
_IDLE = frozenset({"--enable-helm", "--helm-debug", "--stack-trace"})


def chosen(settings: KustomizeSettings, version: str) -> tuple[KustomizeTool, tuple[BuildOption, ...]]:
    """The tool and its options for a source's `kustomize.version`; empty means the one that came along."""
    options, paths = dict(settings.build_options), dict(settings.paths)
    if version and version not in paths:
        raise InvalidSpec(
            f"kustomize version `{version}` is not registered; add `kustomize.path.{version}` to argocd-cm, "
            "or remove kustomize.version from the source"
        )
    tool = KustomizeTool(paths[version].rpartition("/")[2]) if version else DEFAULT_TOOL
    key = f"kustomize.buildOptions.{version}" if version else "kustomize.buildOptions"
    return tool, build_options(options.get(version, ""), key)


def build_options(text: str, key: str) -> tuple[BuildOption, ...]:
    """What is passed to `kustomize build`; where files may come from is always said."""
    found: dict[str, BuildOption] = {"--load-restrictor": RESTRICTED}
    words = text.split()
    while words:
        name, is_joined, value = words.pop(0).partition("=")
        if name in _VALUED and not is_joined:
            value = words.pop(0) if words else ""
        if name in _VALUED or name in _SWITCHES:
            found[name] = _option(name, value, key)
        elif name not in _IDLE:
            raise InvalidSpec(
                f"argocd-cm, {key}: `{name}` is not passed to kustomize, since it could run programs or leave the "
                f"repository; remove it (allowed: {', '.join(sorted(_VALUED | _SWITCHES | _IDLE))})"
            )
    return tuple(found[name] for name in sorted(found))


def _option(name: str, value: str, key: str) -> BuildOption:
    try:
        return BuildOption(f"{name}={value}" if value else name)
    except InvalidSpec as error:
        raise InvalidSpec(f"argocd-cm, {key}: {error}") from None


def is_unrestricted(options: tuple[BuildOption, ...]) -> bool:
    return UNRESTRICTED in options


# Fields whose entries name files by a key, and those keys. Kustomize reads keys by Go's folding of letters (`Files`,
# `fileſ`), which is not how they are read here.
_KEYED_FIELDS = ("configMapGenerator", "secretGenerator", "patches", "patchesJson6902", "replacements", "openapi")
_FILE_KEYS = frozenset({"files", "envs", "env", "path"})
_OLD_KEY = "kvsources"  # of programs before version 3, names files too


def disguised(document: Mapping[str, Any]) -> str:
    """A key that names files for kustomize, and not for whoever reads it letter by letter; empty if there is none."""
    for field in _KEYED_FIELDS:
        entries = document.get(field)
        for entry in entries if isinstance(entries, list) else [entries]:
            for key in entry if isinstance(entry, Mapping) else ():
                folded = key.casefold()
                if folded == _OLD_KEY or (folded in _FILE_KEYS and key not in _FILE_KEYS):
                    return f"{field}: {key}"
    return ""
