"""The local set-up of this project (`make up`), as the commands need it."""

import os
from collections.abc import Mapping
from typing import Any


def running_status() -> Mapping[str, Any] | None:
    """Where the local set-up is and how one gets in, or None when nothing runs here."""
    from tiphys.local import installation
    from tiphys.local.layout import Layout, default_state_folder

    layout = Layout(default_state_folder(os.environ))
    known = installation.load(layout)
    if known is None or not layout.supervisor.exists():
        return None
    return {"url": known.url, "username": "admin", "password": known.users["admin"]}


def running_url() -> str:
    state = running_status()
    return str(state["url"]) if state else ""
