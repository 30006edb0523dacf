"""One trio with four real clusters for all end-to-end tests, beside whatever else runs on the machine."""

import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.e2e.trio import Trio, eventually
from tiphys import local
from tiphys.local.bring_up import UpOptions

STATE = pytest.StashKey[Path]()


@pytest.fixture(scope="session")
def trio(request: pytest.FixtureRequest) -> Iterator[Trio]:
    state = Path(tempfile.mkdtemp(prefix="tiphys-e2e-"))
    try:
        status = local.up(UpOptions(state=state))
        running = Trio(status, lambda: local.status(state), Path(shutil.which("kubectl", path=state / "bin") or ""))
        eventually(
            lambda: len(running.admin.get("/api/v1/applications")["items"] or []) >= 9, "the sample's applications"
        )
        request.config.stash[STATE] = state
        yield running
        running.close()
    except BaseException:
        print(_log_tails(state))  # noqa: T201 (a failed start is told)
        raise
    finally:
        local.clean(state)
        shutil.rmtree(state, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows the end of the services' logs, so that one run is enough to find out why."""
    report = yield
    state = item.config.stash.get(STATE, None)
    if report.failed and state is not None:
        report.sections.append(("logs of the trio", _log_tails(state)))
    return report


def _log_tails(state: Path, lines: int = 40) -> str:
    logs = sorted((state / "logs").glob("*.log"))
    tails = ((log.name, log.read_text(errors="replace").splitlines()[-lines:]) for log in logs)
    return "\n".join(f"--- {name}\n" + "\n".join(tail) for name, tail in tails)
