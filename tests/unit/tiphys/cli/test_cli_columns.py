"""What a table shows where there is little room."""

import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from cli_remote import TOKEN, Remote, application
from hypothesis import given
from hypothesis import strategies as st

from tiphys.cli.columns import NEVER_CUT, Table, fitted, middle_cut, widths
from tiphys.cli.views.applications import LEAVE_OUT_OF_THE_LIST

HEADERS = ("NAME", "CLUSTER", "NAMESPACE", "PROJECT", "SYNC", "HEALTH", "REVISION", "POLICY", "CONDITIONS")
cells = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60)


@given(st.lists(st.tuples(*(cells for _ in HEADERS)), max_size=5), st.integers(min_value=20, max_value=200))
def test_a_state_is_never_cut_and_the_rest_fits_if_it_can(rows: list[tuple[str, ...]], width: int) -> None:
    table = Table(HEADERS, rows, LEAVE_OUT_OF_THE_LIST)
    fit = fitted(table, width)
    shown = fit.table
    assert {*shown.headers, *fit.left_out} == set(HEADERS)
    for column, header in enumerate(shown.headers):
        before = [row[HEADERS.index(header)] for row in rows]
        after = [row[column] for row in shown.rows]
        if header in NEVER_CUT:
            assert after == before
    taken = sum(widths(shown)) + 2 * (len(shown.headers) - 1)
    cuttable = [header for header in shown.headers if header not in NEVER_CUT]
    least = all(
        width <= max(8, len(header))
        for header, width in zip(shown.headers, widths(shown), strict=True)
        if header in cuttable
    )
    assert taken <= width or least


def test_a_name_keeps_both_ends() -> None:
    assert middle_cut("around-api-675f9f86d7-hzv2d", 15) == "around-…7-hzv2d"
    assert middle_cut("short", 15) == "short"


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_terminal_shows_sync_and_health_whole(remote: Remote, tmp_path: Path, width: int) -> None:
    name = "around-api-with-quite-a-long-name-prod"
    remote.add(
        application(
            name,
            spec__syncPolicy={"automated": {"prune": True, "selfHeal": True}},
            status__sync={"status": "OutOfSync", "revision": "b" * 40},
            status__health={"status": "Progressing"},
        )
    )
    text = on_a_terminal(("app", "list"), remote, tmp_path, width)
    lines = text.splitlines()
    assert max(len(line) for line in lines[:2]) <= width
    assert "OutOfSync" in lines[1]
    assert "Progressing" in lines[1]
    assert ("POLICY" in lines[0]) == (width == 200)
    assert any("no room for" in line for line in lines) == (width < 200)
    wide = on_a_terminal(("app", "list", "-o", "wide"), remote, tmp_path, width)
    assert name in wide
    assert "POLICY" in wide


def on_a_terminal(command: tuple[str, ...], remote: Remote, tmp_path: Path, width: int) -> str:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, width))
    environment = {
        **os.environ,
        "TIPHYS_SERVER": remote.url,
        "TIPHYS_AUTH_TOKEN": TOKEN,
        "TIPHYS_CONFIG": str(tmp_path / "config.json"),
        "TERM": "xterm",
    }
    environment.pop("COLUMNS", None)
    with subprocess.Popen([sys.executable, "-m", "tiphys", *command], stdout=theirs, stderr=theirs, env=environment):
        os.close(theirs)
        read = bytearray()
        try:
            while chunk := os.read(ours, 65536):
                read += chunk
        except OSError:
            pass  # Linux says EIO when the other side has closed
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;]*m", "", read.decode())
