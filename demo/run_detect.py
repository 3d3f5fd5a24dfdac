"""What `run.py detect` does: keypoints of a folder of pictures, by ComfyUI's own modules without its server."""

import argparse
import json
import sys
from pathlib import Path

from .in_process import use_comfyui
from .server import ServerError, end_like_ctrl_c

DEMO = "demo"


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line, checked as far as that goes without a model. Ends the process when it is not right."""
    parser = argparse.ArgumentParser(
        prog="run.py detect",
        description="Finds learned keypoints in all pictures of a folder. When it was ended, the same command goes on.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of pictures of any sizes")
    parser.add_argument("--tokens", type=Path, required=True, metavar="FILE", help="from Save Keypoint Tokens")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="COCO (.json) or a table (.csv)")
    parser.add_argument(
        "--checkpoint", metavar="FILE",
        help=f"of SD1.5; '{DEMO}': the demo model, which is also taken for tokens that were learned on it",
    )  # fmt: skip
    number = within(int, 0, 100)
    parser.add_argument("--augmentations", type=number, default=4, metavar="N", help="as in Detect Keypoints")
    parser.add_argument("--refine-radius", type=within(float, 0, 100), default=5.0, metavar="R", help="as there")
    parser.add_argument("--seed", type=within(int, 0, 2**63 - 1), default=0, metavar="N", help="as there")
    parser.add_argument("--longest-side", type=within(int, 64, 2048), default=512, metavar="N", help="as there")
    chosen = parser.parse_args(arguments)
    if not chosen.folder.is_dir():
        parser.error(f"{chosen.folder} is not a folder. Give the one that holds the pictures.")
    if not chosen.tokens.is_file():
        parser.error(f"There is no token file {chosen.tokens}. Save Keypoint Tokens writes one.")
    if chosen.out.suffix.lower() not in (".json", ".csv"):
        parser.error(f"--out should end in .json (COCO keypoints) or .csv (a table); got {chosen.out.name}.")
    if chosen.checkpoint not in (None, DEMO) and not Path(chosen.checkpoint).is_file():
        parser.error(f"There is no checkpoint {chosen.checkpoint}.")
    return chosen


def within(kind, least, most):
    """A type for argparse: a number of some kind between two others."""

    def read(text: str):
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"should be {least} to {most}, got {text}")
        return value

    read.__name__ = {int: "whole number", float: "number"}[kind]
    return read


def load_model(tokens, checkpoint: str | None):
    """(MODEL, VAE, what tells them from others): the checkpoint, or the demo model for tokens learned on it.

    Raises ValueError, in words, when no checkpoint is named and the tokens were learned on another model.
    """
    from ..attention import host
    from .model import MODEL_CHANNELS, UNET_FILE, VAE_FILE, load_demo_model

    learned_on = tokens.learned.get("model_channels")
    if checkpoint is None and learned_on != MODEL_CHANNELS:
        why = "do not say on which model they were learned" if learned_on is None else "were learned on an SD1.5 model"
        raise ValueError(f"The tokens {why}. Name its checkpoint with --checkpoint FILE, or --checkpoint {DEMO}.")
    demo = checkpoint in (None, DEMO)
    files = [UNET_FILE, VAE_FILE] if demo else [Path(checkpoint)]
    model, vae = load_demo_model() if demo else host.load_checkpoint(checkpoint)
    facts = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return model, vae, repr(facts)


def detect(chosen: argparse.Namespace) -> int:
    """Do a folder, showing how it goes; 0 when the file is written."""
    from ..attention import host
    from ..keypoints.folder_detection import FolderDetection, Settings
    from ..keypoints.pace import Pace
    from ..keypoints.piece_file import PieceFile
    from ..keypoints.token_file import load_tokens

    tokens = load_tokens(chosen.tokens)
    model, vae, identity = load_model(tokens, chosen.checkpoint)
    settings = Settings(chosen.augmentations, chosen.refine_radius, chosen.seed, chosen.longest_side, identity)
    with PieceFile(chosen.out.with_name(chosen.out.name + ".unfinished")) as unfinished:
        folder = FolderDetection(chosen.folder, tokens, settings, unfinished)
        count, before = len(folder.paths), folder.before
        print(f"{count} pictures" + (f", {before} of them done before" if before else ""), flush=True)
        pace = Pace(count, before=before, tell=say)
        try:
            found = folder.run(host.Source(model, vae), pace)
        except KeyboardInterrupt:
            say(f"Ended; {folder.before} of {count} pictures are kept. The same command goes on with the others.")
            return 130
        write(chosen.out, found)
        unfinished.delete()
    for name, why in found.skipped.items():
        say(f"Skipped {name}: {why}")
    say(f"{pace}. Saved the keypoints of {len(found.files)} in {chosen.out}")
    return 0


def write(out: Path, found) -> None:
    """What was found, as a file of the kind that its name says."""
    from ..keypoints.atomic import write_atomically
    from ..keypoints.coco import write_coco
    from ..keypoints.csv_points import write_csv
    from ..keypoints.pixel_labels import from_keypoints

    points = from_keypoints(found.keypoints, found.sizes, found.files)
    text = write_csv(points) if out.suffix.lower() == ".csv" else json.dumps(write_coco(points)) + "\n"
    write_atomically(out, text.encode())


def say(text: str) -> None:
    print(text, flush=True)


def main(arguments: list[str] | None = None) -> int:
    chosen = options(arguments)
    end_like_ctrl_c()
    try:
        use_comfyui(like_server=True)
        return detect(chosen)
    except KeyboardInterrupt:
        print("\nEnded.", file=sys.stderr)
        return 130
    except (OSError, ValueError, RuntimeError, ServerError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
