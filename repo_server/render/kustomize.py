"""`kustomize build` on files that were all found in the repository beforehand."""

from pathlib import Path

from gitops.manifest.decode import decode_documents
from gitops.model.resource import Manifest
from repo_server.render.jobs import Job, KustomizeOptions
from repo_server.render.objects import objects
from repo_server.render.tools import run


def render_kustomize(options: KustomizeOptions, job: Job) -> list[Manifest]:
    directory = Path(job.scratch) / options.directory
    if options.edited is not None:
        (directory / options.kustomization).write_text(options.edited)
    build = ["build", "--load-restrictor=LoadRestrictionsRootOnly", str(directory)]
    output = run(Path(job.tools) / "kustomize", build, job.scratch)
    told = f"{options.directory.removeprefix('repo/')} (kustomize build)"
    return [each for document in decode_documents(output, told) if document for each in objects(document, told)]
