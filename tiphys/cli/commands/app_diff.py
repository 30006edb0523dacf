"""`tiphys app diff`: what a sync would change, or what another commit would."""

import json
from typing import Annotated, Any

import typer

from tiphys.cli.api import Api
from tiphys.cli.commands.app import HardRefresh, Refresh, found, group, refresh_level
from tiphys.cli.commands.options import AppName, connected
from tiphys.cli.exit_codes import ExitCode
from tiphys.cli.output import show_styled, warn
from tiphys.cli.refs import AppRef, app_ref


@group.command("diff")
def diff(
    context: typer.Context,
    name: AppName,
    revision: Annotated[
        str, typer.Option("--revision", help="What this commit, branch or tag changes against the last synced one.")
    ] = "",
    refresh: Refresh = False,
    hard_refresh: HardRefresh = False,
) -> int:
    """Live against desired as a unified diff. Exit code 0: no difference, 1: some, 2 or more: an error."""
    from tiphys.cli.views.diff import differences, line_style

    ref = app_ref(name)
    with connected(context) as api:
        app = api.get_app(ref, refresh=refresh_level(refresh, hard_refresh))
        if revision:
            found_differences = _of_revision(api, ref, app, revision)
        else:
            from tiphys.cli.replies import ManagedResource, read_items

            found_differences = differences(read_items(ManagedResource, found(api, ref, api.managed_resources)))
    for each in found_differences:
        show_styled([(f"===== {each.title} =====", "bold"), *((line, line_style(line)) for line in each.lines)])
    if not found_differences:
        warn(f"{ref}: no difference")
    return ExitCode.NEGATIVE if found_differences else ExitCode.OK


def _of_revision(api: Api, ref: AppRef, app: Any, revision: str) -> list[Any]:
    """Manifests against manifests: against live, all that the cluster filled in would look like a difference."""
    from tiphys.cli.views.applications import short_revision
    from tiphys.cli.views.diff import between_revisions

    status = app.get("status") or {}
    history = status.get("history") or [{}]
    base = history[-1].get("revision") or (status.get("sync") or {}).get("revision") or ""
    old, new = (_objects(api, ref, each) for each in (base, revision))
    return between_revisions(old, new, labels=(short_revision(base) or "now", short_revision(revision)))


def _objects(api: Api, ref: AppRef, revision: str) -> list[Any]:
    from tiphys.cli.replies import Manifests, read

    raw = found(api, ref, lambda app: api.manifests(app, revision=revision))
    return [json.loads(each) for each in read(Manifests, raw).manifests]
