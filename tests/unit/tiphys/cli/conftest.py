"""A remote to talk to, and a way to run a command as a shell would: arguments in; exit code and texts out."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_remote import TOKEN, Ran, Remote, Run, running_remote

from tiphys.cli.main import main


@pytest.fixture
def remote() -> Iterator[Remote]:
    with running_remote() as started:
        yield started


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config" / "config.json"
    monkeypatch.setenv("TIPHYS_CONFIG", str(path))
    monkeypatch.setenv("TIPHYS_STATE", str(tmp_path / "no-local-set-up"))
    for name in ("TIPHYS_SERVER", "TIPHYS_AUTH_TOKEN", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return path


@pytest.fixture
def run(config_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Nobody is logged in."""

    def ran(*arguments: str, stdin: str = "") -> Ran:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return ran


@pytest.fixture
def tiphys(run: Run, remote: Remote, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Somebody is logged in at `remote`."""
    monkeypatch.setenv("TIPHYS_SERVER", remote.url)
    monkeypatch.setenv("TIPHYS_AUTH_TOKEN", TOKEN)
    return run
