"""tests/parts.py, which runs all tests in parts."""

import importlib.util

import pytest


@pytest.fixture
def parts(repository):
    spec = importlib.util.spec_from_file_location("parts_under_test", repository / "tests" / "parts.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_test_file_belongs_to_one_part(parts, repository):
    folders = sorted({path.relative_to(parts.TESTS).parts[0] for path in parts.TESTS.rglob("test_*.py")})
    assert sorted(folder for part in parts.PARTS for folder in part) == folders


@pytest.mark.parametrize("broken, code, last", [
    ([], 0, "All tests passed."), (["one"], 1, "Failed, see above: tests/one"),
])  # fmt: skip
def test_all_parts_run_and_one_that_fails_makes_all_fail(parts, tmp_path, capsys, broken, code, last):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "test_it.py").write_text(f"def test_it():\n    assert {name not in broken}\n")
    parts.TESTS, parts.PARTS = tmp_path, (("one",), ("other",))
    assert parts.main() == code
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == last
    assert sum(" in " in line and "1 passed" in line for line in lines) == 2 - len(broken)
    assert {line.split(":")[0] for line in lines[:-1]} == {"one", "other"}
