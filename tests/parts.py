"""All tests, in parts that run beside each other: most of them keep no more than one core busy.

    python tests/parts.py

Each part is a pytest of its own, so it starts its own ComfyUI. Standard library only.
"""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = Path(__file__).resolve().parent
# The longest first: then none begins when the others are done.
PARTS = (("browser",), ("server",), ("contract", "unit"))
running: list[subprocess.Popen] = []


def run_part(folders: tuple[str, ...]) -> int:
    """Run the tests of some folders, each line as it comes behind the part's name; return pytest's exit code."""
    # Parts would overwrite each other's list of failed tests.
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *(str(TESTS / folder) for folder in folders)]
    process = subprocess.Popen(
        command, cwd=TESTS.parent, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    running.append(process)
    for line in process.stdout:
        print(f"{folders[0]}: {line}", end="", flush=True)
    return process.wait()


def end_parts(*_) -> None:
    """As Ctrl-C, which reaches the parts by itself, and lets them end their servers."""
    for process in running:
        process.send_signal(signal.SIGINT)
    raise KeyboardInterrupt


def main() -> int:
    """Run all parts, as many at once as there are cores; 0 when each of them passed."""
    if os.name != "nt":
        signal.signal(signal.SIGTERM, end_parts)
    try:
        with ThreadPoolExecutor(min(len(PARTS), os.cpu_count() or 1)) as pool:
            codes = list(pool.map(run_part, PARTS))
    except KeyboardInterrupt:
        return 130
    failed = [f"tests/{folder}" for folders, code in zip(PARTS, codes, strict=True) if code for folder in folders]
    print(f"Failed, see above: {', '.join(failed)}" if failed else "All tests passed.", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
