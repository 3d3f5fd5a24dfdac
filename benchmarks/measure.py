"""The device of a benchmark, and what a piece of work takes on it: seconds and peak memory."""

import ctypes
import gc
import resource
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch

T = TypeVar("T")


def device() -> torch.device:
    """The one that the host takes."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def peak_memory():
    """Yields a list; afterwards its one item is the peak in bytes above what was held at the start.

    On a GPU the allocator's own peak; on a CPU the resident memory of the process, sampled every 5 ms.
    """
    result = []
    gc.collect()
    return_free_memory()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        yield result
        torch.cuda.synchronize()
        result.append(torch.cuda.max_memory_allocated() - before)
        return
    before = resident_bytes()
    highest, done = [before], threading.Event()

    def watch():
        while not done.wait(0.005):
            highest[0] = max(highest[0], resident_bytes())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield result
    finally:
        done.set()
        thread.join()
        result.append(highest[0] - before)


def measured(work: Callable[[], T]) -> tuple[T, float, int]:
    """(what the work returns, seconds, peak in bytes)."""
    with peak_memory() as peak:
        start = time.perf_counter()
        result = work()
        seconds = time.perf_counter() - start
    return result, seconds, peak[0]


def return_free_memory() -> None:
    """To the system. What the C library keeps of one measurement, the next would use and seem to need less."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(0)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
