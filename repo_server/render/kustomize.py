"""`kustomize build` on files that were all found in the repository beforehand."""

from pathlib import Path

from gitops.manifest.decode import decode_rendered
from repo_server.render.arguments import InScratch, flag, given, word
from repo_server.render.jobs import Job, KustomizeOptions, Output
from repo_server.render.tools import run


def render_kustomize(options: KustomizeOptions, job: Job) -> Output:
    for each in options.rewritten:
        (Path(job.scratch) / str(each.file)).write_text(each.text)
    where = word(InScratch(job.scratch, options.directory))
    build = [flag("build"), *map(given, options.build_options), flag("--"), where]
    output = run(Path(job.tools) / str(options.tool), build, job.scratch)
    told = f"{str(options.directory).removeprefix('repo/')} (kustomize build)"
    return Output(decode_rendered(output, told), [])
