"""The process in which jq runs: one question a line, one answer a line for each expression of it.

It has no environment, opens no files, and is killed by the kernel when one expression uses up its processor
time or the process its memory: jq can be stopped in no other way.
"""

import json
import resource
import signal
import sys
from functools import lru_cache
from typing import Any

import jq


def main() -> None:
    seconds, memory, longest = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
    for line in sys.stdin.buffer:
        question = json.loads(line)
        for expression in question["expressions"]:
            signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
            answer = json.dumps(_answer(expression, question["document"])).encode()
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            if len(answer) > longest:
                answer = json.dumps({"failed": "it leads to too many places"}).encode()
            sys.stdout.buffer.write(answer + b"\n")
            sys.stdout.buffer.flush()


def _answer(expression: str, document: str | None) -> dict[str, Any]:
    program, invalid = _program(expression)
    if invalid:
        return {"invalid": invalid}
    if document is None:
        return {"paths": []}
    try:
        (found,) = program.input_text(document).all()
    except ValueError:
        return {"paths": []}  # this very object lacks what the expression wants; jq's words would quote it
    return {"paths": found}


@lru_cache(1024)
def _program(expression: str) -> tuple[Any, str]:
    try:
        # In a function's body neither `import` nor `include` can stand, so that nothing is read.
        program = jq.compile(f"def users_expression:\n{expression}\n; [path(users_expression)]")
        jq.compile(expression)  # whole by itself, not only between what stands around it here
    except ValueError as error:
        return None, str(error).strip() or "it is not jq"
    return program, ""


if __name__ == "__main__":
    main()
