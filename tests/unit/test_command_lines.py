"""Every place that starts a process, read from the source: what is on its command line was checked before."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("gitops", "adapters", "repo_server", "app_controller", "api_server")
TREES = {
    str(path.relative_to(ROOT)): ast.parse(path.read_text())
    for service in SERVICES
    for path in sorted((ROOT / service).rglob("*.py"))
}

STARTERS = frozenset(
    {"run", "call", "check_call", "check_output", "getoutput", "getstatusoutput", "Popen"}
    | {"create_subprocess_exec", "create_subprocess_shell", "subprocess_exec", "subprocess_shell"}
    | {"system", "popen", "execv", "execve", "execvp", "execvpe", "execl", "execle", "execlp", "execlpe"}
    | {"spawnl", "spawnle", "spawnlp", "spawnlpe", "spawnv", "spawnve", "spawnvp", "spawnvpe", "posix_spawn"}
    | {"posix_spawnp", "fork", "forkpty"}
)
OWNERS = frozenset({"subprocess", "os", "asyncio", "loop", "pty"})

# Where a process may be started, with the program and the arguments as they stand there.
ALLOWED = {
    "repo_server/render/tools.py": {"str(tool)", "*(each.text for each in arguments)"},  # `Argument`s, see below
    "repo_server/sources/git_command.py": {"'git'", "*arguments"},  # words of ours, addresses and commits, see below
    "repo_server/worker.py": {
        *("sys.executable", "'-I'", "'-m'", "'repo_server.render.worker'"),
        "msgspec.json.encode(mine).decode()",  # our own value
    },
    # Programs that users write go in by the standard input, never by the command line.
    "adapters/jq/engine.py": {
        *("sys.executable", "'-I'", "'-m'", "'adapters.jq.worker'"),
        *("str(self._time.total_seconds())", "str(self._memory)", "str(_LONGEST_ANSWER)"),
    },
    "repo_server/tools.py": {"tool", "*arguments"},  # `version` of the installed tools
    # What a registered cluster's Secret asks for, as in a kubeconfig: whoever registers clusters may say so.
    "adapters/kube/authorization.py": {"*command"},
}

# What git may be told besides our own words: each was checked when it was made.
GIT_VALUES = frozenset({"str(self.path)", "str(self.access.url)", "str(unfinished)", "*refspecs", "commit"})


def starts(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in STARTERS:
            owner = ast.unparse(node.func.value).rpartition(".")[2]
            if owner in OWNERS:
                yield node


def arguments_of(call: ast.Call) -> set[str]:
    found: list[ast.expr] = []
    for each in call.args:
        found.extend(each.elts if isinstance(each, ast.List | ast.Tuple) else [each])
    return {ast.unparse(each) for each in found}


def test_processes_are_started_in_known_places_with_known_arguments() -> None:
    found = {path: set[str]() for path, tree in TREES.items() if any(starts(tree))}
    for path in found:
        for call in starts(TREES[path]):
            found[path] |= arguments_of(call)
    # `asyncio.run(main())` starts a loop, not a process.
    found = {path: each - {"main()", "run()"} for path, each in found.items()}
    assert {path: each for path, each in found.items() if each} == ALLOWED


def test_no_command_goes_through_a_shell() -> None:
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "shell":
                raise AssertionError(f"{path}:{node.value.lineno} uses a shell")
            if isinstance(node, ast.Attribute) and node.attr in ("create_subprocess_shell", "subprocess_shell"):
                raise AssertionError(f"{path}:{node.lineno} uses a shell")
            if isinstance(node, ast.ImportFrom) and node.module in ("subprocess", "os", "pty"):
                names = {each.name for each in node.names} & STARTERS
                assert not names, f"{path}:{node.lineno} hides a starter behind a bare name: {names}"


def test_arguments_of_tools_are_made_in_one_module() -> None:
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Argument":
                assert path == "repo_server/render/arguments.py", f"{path}:{node.lineno}"
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("flag", "option") and "/render/" in path:
                name = node.args[0]
                words = [name.body, name.orelse] if isinstance(name, ast.IfExp) else [name]
                is_ours = all(isinstance(each, ast.Constant) for each in words)
                assert is_ours, f"{path}:{node.lineno}: the name of an option is a word of ours, not a value"


@pytest.mark.parametrize("path", [path for path in TREES if path.startswith("repo_server/sources/")])
def test_git_is_told_words_of_ours_and_checked_values(path: str) -> None:
    for function in ast.walk(TREES[path]):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            told = [node for node in ast.walk(function) if is_told_git(node)]
            if told:
                elements = {ast.unparse(each) for node in told for each in list_elements(function, node)}
                values = {each for each in elements if not isinstance(ast.parse(each).body[0].value, ast.Constant)}  # type: ignore[attr-defined]
                assert values <= GIT_VALUES, f"{path}: {function.name} tells git {values - GIT_VALUES}"


def is_told_git(node: ast.AST) -> bool:
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_call and node.func.attr in ("local", "remote") and "command" in ast.unparse(node.func.value)  # type: ignore[attr-defined]


def list_elements(function: ast.AST, call: ast.AST) -> Iterator[ast.expr]:
    """Of lists in the call, and of all that are put into a list the call names."""
    assert isinstance(call, ast.Call)
    names = {each.id for each in call.args if isinstance(each, ast.Name)}
    for node in ast.walk(function):
        value = None
        if isinstance(node, ast.Assign) and {ast.unparse(each) for each in node.targets} & names:
            value = node.value
        if isinstance(node, ast.AugAssign) and ast.unparse(node.target) in names:
            value = node.value
        if isinstance(value, ast.List):
            yield from value.elts
    for each in call.args:
        if isinstance(each, ast.List):
            yield from each.elts
