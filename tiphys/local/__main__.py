"""`python -m tiphys.local COMMAND`: what the Makefile runs."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping

from tiphys import local
from tiphys.local import dashboard, tools
from tiphys.local.layout import cache_folder
from tiphys.local.progress import elapsed_text, say_to_stderr

FAREWELL = """\

  Tiphys is at {url}   user {username}   password {password}
{others}
  Three things to try
  1  Open {url} and look at around-api-dev, then change a tag and watch it arrive:
       cd {worktree}
       sed -i 's/1.27.3-alpine/1.27.4-alpine/' deployments/dev/around-api/values-dev.yaml
       git commit -am 'around-api 1.27.4 in dev' && git push
  2  Change something behind Git's back, and see it put right:
       {tools}/kubectl --kubeconfig {dev} -n around-api scale deployment around-api --replicas 5
  3  prod waits for an operator; be one:
       .venv/bin/tiphys login --local -u operator && .venv/bin/tiphys app sync around-api-prod

  `make down` stops it all and keeps it, `make up` starts it again, `make clean` forgets it.
"""


def up() -> int:
    began = time.monotonic()
    status = local.up()
    others = "\n".join(
        f"            also: user {name:<10} password {password}"
        for name, password in status["users"].items()
        if name != status["username"]
    )
    dev = status["kubeconfigs"].get("dev", "")
    print(
        FAREWELL.format(
            url=status["url"],
            username=status["username"],
            password=status["password"],
            worktree=status["repo"]["worktree"],
            tools=status["tools"],
            dev=dev,
            others=others,
        )
    )
    say_to_stderr(f"up in {elapsed_text(time.monotonic() - began)}")
    return 0


def down() -> int:
    print("stopped; its state is kept" if local.down() else "nothing was running")
    return 0


def clean() -> int:
    local.clean()
    return 0


def status() -> int:
    print(json.dumps(local.status(), indent=2))
    return 0


def build_tools() -> int:
    for name, path in tools.ensure(cache_folder(os.environ), os.environ, say_to_stderr).items():
        print(f"{name:<24} {path}")
    return 0


def build_dashboard() -> int:
    print(dashboard.ensure(cache_folder(os.environ), os.environ, say_to_stderr))
    return 0


def test_dashboard() -> int:
    dashboard.test(cache_folder(os.environ), os.environ, say_to_stderr)
    return 0


COMMANDS: Mapping[str, Callable[[], int]] = {
    "up": up,
    "down": down,
    "clean": clean,
    "status": status,
    "tools": build_tools,
    "dashboard": build_dashboard,
    "test-dashboard": test_dashboard,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tiphys.local", description=__doc__)
    parser.add_argument("command", choices=list(COMMANDS))
    try:
        return COMMANDS[parser.parse_args().command]()
    except local.LocalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
