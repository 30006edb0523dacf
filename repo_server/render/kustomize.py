"""`kustomize build` on files that were all found in the repository beforehand."""

from pathlib import Path

from gitops.manifest.decode import decode_rendered
from repo_server.render.arguments import InScratch, flag, word
from repo_server.render.jobs import Job, KustomizeOptions, Output
from repo_server.render.tools import run


def render_kustomize(options: KustomizeOptions, job: Job) -> Output:
    directory = Path(job.scratch) / str(options.directory)
    if options.edited is not None:
        (directory / options.kustomization).write_text(options.edited)
    where = word(InScratch(job.scratch, options.directory))
    build = [flag("build"), flag("--load-restrictor=LoadRestrictionsRootOnly"), flag("--"), where]
    output = run(Path(job.tools) / "kustomize", build, job.scratch)
    told = f"{str(options.directory).removeprefix('repo/')} (kustomize build)"
    return Output(decode_rendered(output, told), [])
