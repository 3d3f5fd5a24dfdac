"""Nothing is left running: the guard ends a command and its children however its asking process goes."""

import subprocess
import sys
import time

import psutil
from attention_keypoints.demo import guard

# A command with a child of its own; it prints both process ids.
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(300)
"""
# Asks the guard for that command, and is then killed without a chance to tidy up.
ASKER = """
import subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
process.wait()
"""
GUARDED = [sys.executable, guard.__file__, sys.executable, "-c", FAMILY]


def running(process_id: int) -> bool:
    return psutil.pid_exists(process_id) and psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE


def ended_soon(process_ids: list[int]) -> bool:
    deadline = time.monotonic() + 15
    while any(map(running, process_ids)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not any(map(running, process_ids))


def test_command_and_children_end_when_the_asking_process_lets_go():
    process = subprocess.Popen(GUARDED, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    family = [int(word) for word in process.stdout.readline().split()]
    assert len(family) == 2 and all(map(running, family))
    process.stdin.close()
    assert ended_soon([*family, process.pid])
    process.wait(5)
    process.stdout.close()


def test_command_and_children_end_when_the_asking_process_is_killed():
    asker = subprocess.Popen([sys.executable, "-c", ASKER, *GUARDED], stdout=subprocess.PIPE)
    family = [int(word) for word in asker.stdout.readline().split()]
    assert len(family) == 2 and all(map(running, family))
    asker.kill()
    asker.wait(5)
    assert ended_soon(family)
    asker.stdout.close()


def test_the_exit_code_is_that_of_the_command():
    command = [sys.executable, guard.__file__, sys.executable, "-c", "raise SystemExit(7)"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.wait(30) == 7
