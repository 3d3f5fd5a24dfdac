"""The shape of the code: who may import whom, and that the linter has nothing to say."""

import ast
import subprocess
import sys

import pytest

PACKAGES = ("attention", "keypoints", "nodes", "demo", "benchmarks")
HOST_MODULES = {"comfy", "comfy_api", "comfy_extras", "comfy_execution", "folder_paths", "execution"}
ALLOWED = {
    "attention": {"attention"},
    "keypoints": {"keypoints", "attention"},
    "nodes": {"nodes", "keypoints", "attention", "demo"},
    "demo": {"demo", "keypoints", "attention"},
    "benchmarks": {"benchmarks", "demo", "keypoints", "attention"},
}


def imports(repository, package):
    """(file, package of ours or None, other module or None) of every import in a package."""
    for path in sorted((repository / package).rglob("*.py")):
        depth = len(path.relative_to(repository).parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = path.relative_to(repository).as_posix()
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield name, None, alias.name
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield name, None, node.module
            elif isinstance(node, ast.ImportFrom):
                outside = node.level >= depth
                for alias in node.names:
                    yield name, (node.module or alias.name).split(".")[0] if outside else package, None


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_run_one_way(repository, package):
    found = [(name, ours) for name, ours, _ in imports(repository, package) if ours]
    assert [(name, ours) for name, ours in found if ours not in ALLOWED[package]] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_the_pack_imports_itself_by_relative_names_only(repository, package):
    absolute = [(name, module) for name, _, module in imports(repository, package) if module]
    assert [pair for pair in absolute if pair[1].split(".")[0] in ("attention_keypoints", *PACKAGES)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_only_one_module_knows_the_host_and_only_nodes_know_its_api(repository, package):
    found = {(name, module.split(".")[0]) for name, _, module in imports(repository, package) if module}
    found = {(name, module) for name, module in found if module in HOST_MODULES}
    if package == "attention":
        found = {(name, module) for name, module in found if name != "attention/host.py"}
    if package == "nodes":
        found = {(name, module) for name, module in found if module not in ("comfy_api", "folder_paths")}
    assert found == set()


def test_ruff_finds_nothing(repository):
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "concise"]
    checked = subprocess.run([*command, str(repository)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
