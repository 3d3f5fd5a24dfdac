"""What a learner tells whoever called it, and where it keeps its unfinished state."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .learning_state import LearningState


@dataclass
class Watch:
    """on_progress  (done, total) work units: pictures encoded, pictures read, steps; a good place for cancel
    on_state        (state, look) after every step; look(state) -> Keypoints of the first pictures of the batch
    folder          for the unfinished state, or None for no file
    save_every      steps between two writings
    """

    on_progress: Callable[[int, int], None] = lambda done, total: None
    on_state: Callable[[LearningState, Callable], None] = lambda state, look: None
    folder: Path | None = None
    save_every: int = 25
