"""One trio with four real clusters for all end-to-end tests, beside whatever else runs on the machine."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.trio import Trio, eventually
from tiphys import local
from tiphys.local.bring_up import UpOptions


@pytest.fixture(scope="session")
def trio() -> Iterator[Trio]:
    state = Path(tempfile.mkdtemp(prefix="tiphys-e2e-"))
    try:
        status = local.up(UpOptions(state=state))
        running = Trio(status, lambda: local.status(state), Path(shutil.which("kubectl", path=state / "bin") or ""))
        eventually(
            lambda: len(running.admin.get("/api/v1/applications")["items"] or []) >= 9, "the sample's applications"
        )
        yield running
        running.close()
    except BaseException:
        _show_logs(state)
        raise
    finally:
        local.clean(state)
        shutil.rmtree(state, ignore_errors=True)


def _show_logs(state: Path) -> None:
    for log in sorted((state / "logs").glob("*.log")):
        lines = log.read_text(errors="replace").splitlines()[-40:]
        print(f"--- {log.name}\n" + "\n".join(lines))  # noqa: T201 (a failed start is told)
