"""How fast detection goes, for the person who waits for it."""

import time
from collections.abc import Callable


class Pace:
    """Pictures per second since it was made, told every so many seconds.

    pictures  how many there are
    before    how many of them were done earlier
    """

    def __init__(
        self, pictures: int, *, before: int = 0, tell: Callable[[str], None] = lambda text: None, every: float = 10.0
    ):
        self.pictures, self.before, self.tell, self.every = pictures, before, tell, every
        self.done = before
        self.start = self.told = time.monotonic()

    @property
    def per_second(self) -> float:
        return (self.done - self.before) / max(time.monotonic() - self.start, 1e-6)

    def __call__(self, done: int) -> None:
        """`done` of the pictures are done, those before included."""
        self.done = done
        now = time.monotonic()
        if self.before < done < self.pictures and now - self.told >= self.every:
            left = (self.pictures - done) / self.per_second
            self.tell(f"{done} of {self.pictures} pictures, {self.per_second:.3g} per second, {duration(left)} left")
            self.told = now

    def __str__(self):
        count = self.done - self.before
        seconds = time.monotonic() - self.start
        return f"{count} picture{'s' * (count != 1)} in {duration(seconds)}, {self.per_second:.3g} per second"


def duration(seconds: float) -> str:
    """As a person says it: 8.4 s, 5 min 20 s, 3 h 10 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
