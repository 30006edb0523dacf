"""docs/getting-started.md, typed as it stands there."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.trio import Trio
from tiphys.local.layout import PROJECT

pytestmark = pytest.mark.e2e

PAGE = PROJECT / "docs" / "getting-started.md"
# What the page shows to end otherwise than with 0.
REFUSED = re.compile(r"^Error: ", re.MULTILINE)
DIFFERS = "tiphys app diff"


def commands_of(page: str) -> list[tuple[str, str]]:
    """(command, the output the page shows for it) of every console block, in order."""
    blocks = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    typed = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, shown) for command, _, shown in (each.partition("\n") for each in typed)]


def test_every_command_of_getting_started_does_what_the_page_says(trio: Trio, tmp_path: Path) -> None:
    state = Path(trio.status["state"])
    (tmp_path / ".tiphys").symlink_to(state)
    (tmp_path / ".venv").symlink_to(PROJECT / ".venv")
    _as_the_sample_was(trio)
    before = trio.git("rev-parse", "HEAD")
    commands = [each for each in commands_of(PAGE.read_text()) if not each[0].startswith("make ")]
    assert len(commands) > 15
    # One shell, as on one terminal: a `cd` or an `export` of one step counts in the next.
    script = "".join(f"{command}\necho '::ended' $?\n" for command, _ in commands)
    try:
        ran = subprocess.run(
            ["bash"],
            input=script,
            cwd=tmp_path,
            env={**os.environ, "TIPHYS_STATE": str(state), "TIPHYS_CONFIG": str(tmp_path / "config.json")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        said = re.split(r"^::ended (\d+)\n", ran.stdout, flags=re.MULTILINE)
        outcomes = list(zip(said[0::2], map(int, said[1::2]), strict=False))
        assert len(outcomes) == len(commands)
        for (command, shown), (output, code) in zip(commands, outcomes, strict=True):
            wanted = 3 if REFUSED.search(shown) else 1 if command.startswith(DIFFERS) else 0
            assert code == wanted, f"$ {command}\n{output}"
        assert "around-api-prod: Succeeded" in ran.stdout
    finally:
        trio.git("revert", "--no-edit", f"{before}..HEAD")
        trio.git("push", "-q", "origin", "HEAD:main")
    # What comes next must not take what was compared before for the state it starts from.
    trio.wait_app("around-api-prod", revision=trio.git("rev-parse", "HEAD"))
    trio.wait_app("around-api-dev", sync="Synced", health="Healthy", revision=trio.git("rev-parse", "HEAD"))


def _as_the_sample_was(trio: Trio) -> None:
    """The reader's repository holds the sample as it came; other tests may have changed it."""
    first = trio.git("rev-list", "--max-parents=0", "HEAD")
    trio.git("checkout", first, "--", "deployments")
    trio.git("commit", "--allow-empty", "-qm", "the sample as it came")
    trio.git("push", "-q", "origin", "HEAD:main")
    trio.wait_app("around-api-dev", sync="Synced", health="Healthy", revision=trio.git("rev-parse", "HEAD"))
