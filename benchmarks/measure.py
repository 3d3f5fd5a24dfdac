"""The device of a benchmark and the peak memory on it."""

import ctypes
import gc
import resource
import threading
from contextlib import contextmanager
from pathlib import Path

import torch


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


def return_free_memory() -> None:
    """To the system. What the C library keeps of one measurement, the next would use and seem to need less."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(0)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
