"""Flags of `app create` and `app set` as an Application's specification. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tiphys.cli.errors import Usage
from tiphys.cli.refs import app_ref

Json = Any
Spec = Mapping[str, Json]


@dataclass(frozen=True)
class SpecFlags:
    """What was said on the command line; empty and None mean: not said."""

    repo: str = ""
    path: str = ""
    chart: str = ""
    revision: str = ""
    values: tuple[str, ...] = ()
    dest_name: str = ""
    dest_server: str = ""
    dest_namespace: str = ""
    project: str = ""
    automated: bool | None = None
    prune: bool | None = None
    self_heal: bool | None = None
    sync_options: tuple[str, ...] = ()

    @property
    def source(self) -> Spec:
        return _said(repoURL=self.repo, path=self.path, chart=self.chart, targetRevision=self.revision)

    @property
    def touches_source(self) -> bool:
        return bool(self.source or self.values)


def new_application(name: str, flags: SpecFlags) -> Json:
    if not name or not flags.repo or not (flags.path or flags.chart):
        raise Usage("a new application needs NAME, --repo and --path (or --helm-chart)", "or a file: -f FILE")
    if bool(flags.dest_name) == bool(flags.dest_server):
        raise Usage("say where to: either --dest-name or --dest-server")
    ref = app_ref(name)
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": ref.name, **_said(namespace=ref.namespace)},
        "spec": {"project": "default", **edited_spec({}, flags)},
    }


def edited_spec(spec: Spec, flags: SpecFlags) -> Json:
    """The same specification with what was said on the command line; the given one is left alone."""
    return {
        **spec,
        **_said(project=flags.project),
        **({"source": _edited_source(spec, flags)} if flags.touches_source else {}),
        "destination": _edited_destination(spec.get("destination") or {}, flags),
        **_edited_policy(spec.get("syncPolicy") or {}, flags),
    }


def _edited_source(spec: Spec, flags: SpecFlags) -> Json:
    if spec.get("sources"):
        raise Usage(
            "the application has several sources", "change them in its file and `tiphys app create -f … --upsert`"
        )
    source = {**(spec.get("source") or {}), **flags.source}
    if flags.values:
        source["helm"] = {**(source.get("helm") or {}), "valueFiles": list(flags.values)}
    return source


def _edited_destination(destination: Spec, flags: SpecFlags) -> Json:
    """A cluster has one address: by name or by server."""
    if flags.dest_name and flags.dest_server:
        raise Usage("say where to: either --dest-name or --dest-server")
    kept = {key: value for key, value in destination.items() if key == "namespace"}
    base = kept if flags.dest_name or flags.dest_server else destination
    return {**base, **_said(name=flags.dest_name, server=flags.dest_server, namespace=flags.dest_namespace)}


def _edited_policy(policy: Spec, flags: SpecFlags) -> Json:
    automated = _edited_automated(policy.get("automated"), flags)
    kept = {key: value for key, value in policy.items() if key != "automated"}
    changed = {
        **kept,
        **({} if automated is None else {"automated": automated}),
        **_said(syncOptions=[*_kept_options(policy, flags), *flags.sync_options] if flags.sync_options else []),
    }
    return {"syncPolicy": changed} if changed or policy else {}


def _edited_automated(automated: Spec | None, flags: SpecFlags) -> Json:
    """`manual` with self-heal stays a policy of its own: new commits wait, drift goes back."""
    said = {key: value for key, value in (("prune", flags.prune), ("selfHeal", flags.self_heal)) if value is not None}
    if flags.automated is None and not said:
        return automated
    merged = {**(automated or {}), **said}
    was_automatic = automated is not None and automated.get("enabled") is not False
    automatic = was_automatic if flags.automated is None else flags.automated
    if automatic:
        return {key: value for key, value in merged.items() if key != "enabled"}
    return {**merged, "enabled": False} if merged.get("selfHeal") else None


def _kept_options(policy: Spec, flags: SpecFlags) -> list[str]:
    replaced = {option.partition("=")[0] for option in flags.sync_options}
    return [option for option in policy.get("syncOptions") or () if option.partition("=")[0] not in replaced]


def _said(**fields: Json) -> dict[str, Json]:
    return {key: value for key, value in fields.items() if value}
