"""The worker process: reads jobs from standard input, writes replies to standard output, one at a time.

It imports no more than a render needs, so that it starts fast and stays small, and it is confined before
it sees the first job.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec

from gitops.manifest.decode import encode_json
from gitops.model.errors import GitOpsError, RenderFailed
from gitops.model.repository import SkippedFile
from repo_server.render.arguments import ScratchFile
from repo_server.render.confine import Confinement, Report, confine, limit_cpu
from repo_server.render.directory import render_directory
from repo_server.render.jobs import DirectoryOptions, Failure, HelmOptions, Job, KustomizeOptions, Output, Reply
from repo_server.render.kustomize import render_kustomize

LENGTH_BYTES = 8
_SKIPPED_LIMIT = 200
_REASON_LIMIT = 300


def _helm(options: HelmOptions, job: Job) -> Output:
    from repo_server.render.helm import render_helm

    return render_helm(options, job)


_WRITTEN_TO_DISK = (HelmOptions, KustomizeOptions)


def rendered(job: Job) -> Output:
    if isinstance(job.options, _WRITTEN_TO_DISK):
        write_files(job.files, Path(job.scratch))
    match job.options:
        case HelmOptions():
            return _helm(job.options, job)
        case KustomizeOptions():
            return render_kustomize(job.options, job)
        case DirectoryOptions():
            return render_directory(job.options, job)


def write_files(files: Mapping[str, bytes], scratch: Path) -> None:
    made: set[Path] = set()
    for name, content in files.items():
        path = scratch / str(ScratchFile(name))
        if path.parent not in made:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            made.add(path.parent)
        with path.open("xb") as file:  # never through something that is already there
            file.write(content)


def replied(job: Job, render: Callable[[Job], Output] = rendered) -> Reply:
    try:
        output = render(job)
        manifests = encode_json(output.manifests)
        if len(manifests) > job.output_limit:
            limit = job.output_limit // 1024**2
            raise RenderFailed(f"the source renders to more than {limit} MiB of manifests; split it up")
        return Reply(manifests=manifests, skipped=_told(output.skipped))
    except GitOpsError as error:
        return Reply(failure=Failure(error.reason, str(error)))
    except MemoryError:
        return Reply(failure=Failure(RenderFailed.reason, "the render took more memory than it may"))
    except RecursionError:
        return Reply(failure=Failure(RenderFailed.reason, "the source is nested too deep"))
    except (UnicodeError, TypeError, ValueError, OSError) as error:
        # The class only: the text may hold a path of this machine.
        return Reply(failure=Failure(RenderFailed.reason, f"the source cannot be rendered ({type(error).__name__})"))


def _told(skipped: list[SkippedFile]) -> tuple[SkippedFile, ...]:
    """As many as people can read; a hostile source must not grow the answer."""
    told = [SkippedFile(each.path, each.reason[:_REASON_LIMIT]) for each in skipped[:_SKIPPED_LIMIT]]
    if len(skipped) > _SKIPPED_LIMIT:
        told.append(SkippedFile("…", f"and {len(skipped) - _SKIPPED_LIMIT} more"))
    return tuple(told)


def serve(requests: BinaryIO, replies: BinaryIO, cpu_seconds: int) -> None:
    decoder = msgspec.msgpack.Decoder(Job)
    while length := requests.read(LENGTH_BYTES):
        job = decoder.decode(requests.read(int.from_bytes(length, "big")))
        limit_cpu(cpu_seconds)
        send(replies, replied(job))


def send(replies: BinaryIO, message: Reply | Report) -> None:
    encoded = msgspec.msgpack.encode(message)
    replies.write(len(encoded).to_bytes(LENGTH_BYTES, "big") + encoded)
    replies.flush()


def main() -> None:
    # Libraries may print; only replies may reach the pipe.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    confinement = msgspec.json.decode(sys.argv[1], type=Confinement)
    report = confine(confinement)
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        send(replies, report)
        serve(sys.stdin.buffer, replies, confinement.cpu_seconds)


if __name__ == "__main__":
    main()
