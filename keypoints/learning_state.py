"""What an unfinished learning run needs to go on: tokens, the optimiser's moments, the losses so far; as a file."""

import hashlib
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from .atomic import write_atomically

FORMAT = "attention-keypoints learning state 1"


@dataclass
class LearningState:
    """After `step` steps: context [N, 768], Adam's moments of its shape, the loss of every step.

    extra  tensors by name that the source of the gradients wants back, such as the context at which queries were read
    """

    context: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor
    step: int = 0
    losses: list[float] = field(default_factory=list)
    extra: dict[str, torch.Tensor] = field(default_factory=dict)

    @classmethod
    def start(cls, context: torch.Tensor) -> "LearningState":
        return cls(context.clone(), torch.zeros_like(context), torch.zeros_like(context))

    def save(self, path: Path, digest: str) -> None:
        tensors = {"context": self.context, "first": self.first, "second": self.second}
        tensors |= {"losses": torch.tensor(self.losses, dtype=torch.float64)}
        tensors |= {f"extra.{name}": tensor for name, tensor in self.extra.items()}
        header = {"format": FORMAT, "digest": digest, "step": str(self.step)}
        data = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, header)
        write_atomically(path, data)

    @classmethod
    def load(cls, path: Path, digest: str) -> "LearningState | None":
        """The state of the run with this digest, or None where there is none that can be read."""
        if not path.exists():
            return None
        try:
            with safe_open(path, "pt") as file:
                header = file.metadata() or {}
                if header.get("format") != FORMAT or header.get("digest") != digest:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}
        except (SafetensorError, OSError):
            return None  # cut off while it was written, by something that does not rename: learn from the start
        extra = {name.removeprefix("extra."): part for name, part in tensors.items() if name.startswith("extra.")}
        return cls(tensors["context"], tensors["first"], tensors["second"], int(header["step"]),
                   tensors["losses"].tolist(), extra)  # fmt: skip


def digest_of(*parts) -> str:
    """A name for a run: the same for the same tensors and values, different for others."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, torch.Tensor):
            total.update(struct.pack(f"{part.ndim}q", *part.shape))
            total.update(part.detach().cpu().float().contiguous().numpy().tobytes())
        else:
            total.update(json.dumps(part, sort_keys=True, default=str).encode())
    return total.hexdigest()[:32]
