"""`python -m api_server`: reads the environment, then serves until SIGTERM."""

import resource
import sys

import uvloop
from pydantic import ValidationError

from adapters.telemetry import set_up_logging
from api_server.errors import told
from api_server.server import serve
from api_server.settings import Settings
from gitops.model.errors import GitOpsError


def more_descriptors(wanted: int = 65_536) -> None:
    """As many as we are allowed: each connection takes one, and the usual 1,024 are soon used up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def main() -> int:
    try:
        settings = Settings()  # type: ignore[call-arg]  # the environment gives them
    except ValidationError as error:
        sys.stderr.write(f"settings: {told(error.errors())}\n")
        return 2
    more_descriptors()
    set_up_logging(settings.log_level, settings.log_format)
    try:
        uvloop.run(serve(settings))
    except GitOpsError as error:
        sys.stderr.write(f"the API server cannot start: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
