"""What Git says about an application: manifests of any revision, and who made a commit."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.repo_client import CachePolicy, Rendered
from adapters.store.decode import application
from api_server.access import AppAsked, ReadableApp, Segment, Served
from api_server.answers import json_answer
from api_server.applications.validation import ref_sources, render_context, renders, sources_of
from api_server.services import Services
from gitops.diff.render import masked_one
from gitops.manifest.decode import decode_json
from gitops.model.errors import InvalidRequest, NotFound

router = APIRouter(prefix="/api/v1/applications", tags=["applications"])


@router.get("/{name}/manifests", summary="The desired manifests at a revision, Secrets masked")
async def manifests(
    services: Served,
    asked: ReadableApp,
    revision: Annotated[str, Query()] = "",
    revisions: Annotated[list[str] | None, Query()] = None,
    source_positions: Annotated[list[int] | None, Query(alias="sourcePositions")] = None,
    no_cache: Annotated[bool, Query(alias="noCache")] = False,
) -> Response:
    named = _revisions(asked, revision, revisions or [], source_positions or [])
    answers = await _rendered(services, asked, named, CachePolicy.BYPASS if no_cache else CachePolicy.FRESH_REFS)
    hidden = frozenset(services.store.settings().sensitive_annotations)
    shown = [masked_one(each, hidden) for answer in answers for each in decode_json(answer.manifests)]
    first = answers[0] if answers else None
    return json_answer(
        {
            "manifests": [msgspec.json.encode(each).decode() for each in shown],
            "namespace": ((asked.manifest.get("spec") or {}).get("destination") or {}).get("namespace") or "",
            "revision": first.revision if first else "",
            "revisions": [each.revision for each in answers],
            "sourceType": first.source_type if first else "",
            "skippedFiles": [
                {"path": each.path, "reason": each.reason} for answer in answers for each in answer.skipped
            ],
        }
    )


@router.get("/{name}/revisions/{revision}/metadata", summary="Author, date and message of a commit")
async def revision_metadata(
    services: Served,
    asked: ReadableApp,
    revision: Segment,
    source_index: Annotated[int, Query(alias="sourceIndex", ge=0)] = 0,
) -> Response:
    sources = sources_of(asked.manifest)
    if source_index >= len(sources):
        raise NotFound(f"application `{asked.name.name}` has {len(sources)} sources")
    url = str(sources[source_index].get("repoURL") or "")
    found = await services.repo.revision_metadata(services.store.repositories.for_url(url, asked.project), revision)
    return json_answer({"author": found.author, "date": found.date, "message": found.message, "tags": found.tags})


def _revisions(asked: AppAsked, revision: str, revisions: list[str], positions: list[int]) -> Mapping[int, str]:
    """The revision asked for by index of the source; sources not named follow their target revision."""
    if positions:
        if len(positions) != len(revisions) or any(position < 1 for position in positions):
            raise InvalidRequest("sourcePositions begin with 1, and each needs its own entry in revisions")
        return {position - 1: each for position, each in zip(positions, revisions, strict=True)}
    return {index: revision for index in range(len(sources_of(asked.manifest))) if revision}


async def _rendered(
    services: Services, asked: AppAsked, revisions: Mapping[int, str], policy: CachePolicy
) -> list[Rendered]:
    app = application(asked.manifest)
    refs = ref_sources(services, app)
    answers: list[Rendered] = []
    for index, source in enumerate(sources_of(asked.manifest)):
        if renders(source):
            at = revisions.get(index, "")
            answers.append(
                await services.repo.manifests(
                    services.store.repositories.for_url(str(source.get("repoURL") or ""), app.spec.project),
                    _at(source, at),
                    revision="",
                    context=render_context(services, app),
                    refs=refs,
                    policy=policy,
                )
            )
    return answers


def _at(source: dict[str, Any], revision: str) -> dict[str, Any]:
    """The source with another target revision: a branch or tag works as well as a commit."""
    return {**source, "targetRevision": revision} if revision else source
