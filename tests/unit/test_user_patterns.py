"""No pattern that a person writes may reach an engine that backtracks."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("gitops", "adapters", "repo_server", "app_controller", "api_server", "tiphys")
BACKTRACKING = {"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}


def variable_patterns(tree: ast.Module) -> Iterator[int]:
    """Lines inside functions that give `re` anything but a text written there."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        for call in ast.walk(function):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and isinstance(call.func.value, ast.Name)
                and call.func.value.id == "re"
                and call.func.attr in BACKTRACKING
                and not isinstance(call.args[0], ast.Constant)
            ):
                yield call.lineno


def test_the_standard_library_s_engine_gets_only_patterns_of_our_own() -> None:
    wrong = []
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        tree = ast.parse(path.read_text())
        wrong += [f"{path.relative_to(ROOT)}:{line}" for line in variable_patterns(tree)]
        wrong += [f"{path.relative_to(ROOT)} imports {name}" for name in imported(tree) & {"fnmatch", "glob"}]
    assert wrong == []


def imported(tree: ast.Module) -> set[str | None]:
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
