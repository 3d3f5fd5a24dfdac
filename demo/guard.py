"""Runs a command, and ends it with all its children as soon as whoever asked for it is done or gone.

    python guard.py COMMAND [ARGUMENT ...]

The asking process holds the other end of our standard input. When it closes that end, or crashes, or is
killed, we read end-of-file and end the command, so nothing is left running. Standard library only.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 5.0


def own_group() -> dict:
    """Arguments of Popen that keep the terminal's Ctrl-C away from a child, on any system."""
    if os.name == "nt":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def end_group(child: subprocess.Popen) -> None:
    """End a child that was started with own_group(), and its children: politely at first, then by force."""
    if os.name == "nt":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(child.pid)], capture_output=True, check=False)
        return
    # A group that has already ended cannot be signalled (on macOS: PermissionError); that is what we want.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_SECONDS)
        os.killpg(child.pid, signal.SIGKILL)


def run_guarded(command: list[str]) -> int:
    """Run the command until it ends or standard input does; return its exit code."""
    # Handlers, not SIG_IGN: the child must not inherit ignored signals, or its own Ctrl-C handling is off.
    signal.signal(signal.SIGINT, lambda *_: None)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, **own_group())
    signal.signal(signal.SIGTERM, lambda *_: end_group(child))

    def end_with_the_asking_process() -> None:
        while os.read(0, 4096):
            pass
        end_group(child)

    threading.Thread(target=end_with_the_asking_process, daemon=True).start()
    code = child.wait()
    end_group(child)
    return code


if __name__ == "__main__":
    sys.exit(run_guarded(sys.argv[1:]))
