"""Whether an application can be worked with at all, asked before it is stored."""

from collections.abc import Mapping
from typing import Any

from adapters.repo_client import CachePolicy, RefSource, RenderContext
from adapters.store.decode import application
from api_server.services import Services
from gitops.model.application import Application, Destination, Source
from gitops.model.errors import ClusterUnknown, InvalidSpec, RepoServerUnavailable, SourceError
from gitops.model.project import Project
from gitops.model.resource import Manifest, name_of
from gitops.rbac.projects import destination_refusal, permits_destination, permits_source


async def check_buildable(services: Services, wanted: Manifest, *, render: bool) -> None:
    """Raises InvalidSpec with what to change: shape, project, source, destination, and whether it renders."""
    app = application(wanted)
    project = _project(services, app)
    sources = app.spec.all_sources
    if not sources:
        raise InvalidSpec("spec.source.repoURL and either spec.source.path or spec.source.chart are required")
    for source in sources:
        _check_source(source, project)
    _check_destination(services, app.spec.destination, project)
    if render:
        await _check_render(services, wanted, app)


def sources_of(app: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The sources as the user wrote them."""
    spec = app.get("spec") or {}
    return list(spec.get("sources") or ([spec["source"]] if spec.get("source") else []))


def ref_sources(services: Services, app: Application) -> list[RefSource]:
    return [
        (each.ref, services.store.repositories.for_url(each.repo_url, app.spec.project), each.target_revision)
        for each in app.spec.all_sources
        if each.ref
    ]


def renders(source: Mapping[str, Any]) -> bool:
    """A source that only lends its files to others (`ref` without a path) brings no manifests of its own."""
    return bool(source.get("path") or source.get("chart") or not source.get("ref"))


def render_context(services: Services, app: Application) -> RenderContext:
    return RenderContext(
        app_name=app.metadata.name,
        app_namespace=app.metadata.namespace,
        project=app.spec.project,
        namespace=app.spec.destination.namespace,
        kustomize=services.store.settings().kustomize,
    )


def _project(services: Services, app: Application) -> Project:
    project = services.store.projects.get(app.spec.project)
    if project is None:
        raise InvalidSpec(
            f"application `{app.metadata.name}` is not allowed in project `{app.spec.project}`, "
            "or the project does not exist"
        )
    return project


def _check_source(source: Source, project: Project) -> None:
    if not source.repo_url:
        raise InvalidSpec("spec.source.repoURL is required")
    if not (source.path or source.chart or source.ref):
        raise InvalidSpec("spec.source.path or spec.source.chart is required (the repository's root is `.`)")
    if not permits_source(project, source.repo_url):
        raise InvalidSpec(f"application repo {source.repo_url} is not permitted in project `{project.name}`")


def _check_destination(services: Services, destination: Destination, project: Project) -> None:
    refused = InvalidSpec(
        f"application destination server `{destination.server}` name `{destination.name}` and namespace "
        f"`{destination.namespace}` do not match any of the allowed destinations in project `{project.name}`"
        f"{' (which only permits clusters of its own)' if project.spec.permit_only_project_scoped_clusters else ''}"
    )
    try:
        cluster = services.store.clusters.find(destination.server, destination.name)
    except ClusterUnknown:
        # Whether a cluster exists is only told to those whose project may use it.
        if (destination.server or destination.name) and not permits_destination(
            project, server=destination.server, name=destination.name, namespace=destination.namespace
        ):
            raise refused from None
        raise
    if destination_refusal(project, cluster, destination.namespace):
        raise refused


async def _check_render(services: Services, wanted: Manifest, app: Application) -> None:
    refs = ref_sources(services, app)
    for source in filter(renders, sources_of(wanted)):
        repository = services.store.repositories.for_url(str(source.get("repoURL") or ""), app.spec.project)
        try:
            await services.repo.manifests(
                repository,
                source,
                revision="",
                context=render_context(services, app),
                refs=refs,
                policy=CachePolicy.FRESH_REFS,  # who creates it may have pushed just before
            )
        except RepoServerUnavailable:
            raise
        except SourceError as error:
            raise InvalidSpec(f"application spec for {name_of(wanted)} is invalid: {error.reason}: {error}") from error
