"""The source of the components follows the rules of the house that a reader could overlook."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = sorted((Path(__file__).parents[3] / "components").glob("*.py"))
PROVIDER_MODULES = ("pulumi_kubernetes", "pulumi_vault", "pulumi_keycloak", "components.manifest")


@pytest.fixture(params=SOURCES, ids=lambda path: path.name)
def source(request: pytest.FixtureRequest) -> ast.Module:
    path: Path = request.param
    return ast.parse(path.read_text(encoding="utf-8"))


def test_no_resource_is_made_inside_an_apply(source: ast.Module) -> None:
    """It would be missing from every preview: what `apply` calls must be a plain function of its values."""
    functions = {node.name: node for node in ast.walk(source) if isinstance(node, ast.FunctionDef)}
    makers = _provider_names(source)
    guilty = [
        ast.unparse(call)
        for call in ast.walk(source)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "apply"
        for called in _called_by(call.args[0], functions)
        if isinstance(called, ast.Call) and _root(called.func) in makers
    ]
    assert guilty == []


def test_every_component_registers_its_outputs(source: ast.Module) -> None:
    for node in ast.walk(source):
        if not isinstance(node, ast.ClassDef) or not _is_component(node):
            continue
        calls = {
            call.func.attr
            for call in ast.walk(node)
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        }
        assert "register_outputs" in calls, node.name


def test_no_child_is_given_the_callers_options(source: ast.Module) -> None:
    for node in ast.walk(source):
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            uses = [name for name in ast.walk(node) if isinstance(name, ast.Name) and name.id == "opts"]
            assert len(uses) <= 1, "the caller's options go to the component itself, once"


def test_every_file_opens_with_one_sentence(source: ast.Module) -> None:
    assert (ast.get_docstring(source) or "").endswith(".")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def _is_component(node: ast.ClassDef) -> bool:
    bases = {base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases}
    return bool(bases & {"SiteComponent", "ComponentResource"}) and node.name != "SiteComponent"


def _provider_names(source: ast.Module) -> set[str]:
    """Return the names in a module that come from a provider's SDK, or are components of ours."""
    names: set[str] = set()
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            names |= {
                alias.asname or alias.name for alias in node.names if alias.name.startswith(PROVIDER_MODULES)
            }
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PROVIDER_MODULES):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def _called_by(callback: ast.expr, functions: dict[str, ast.FunctionDef]) -> Iterator[ast.AST]:
    """Walk a callback, and the function of this module that it names."""
    yield from ast.walk(callback)
    name = callback.id if isinstance(callback, ast.Name) else getattr(callback, "attr", "")
    if name in functions:
        yield from ast.walk(functions[name])


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
