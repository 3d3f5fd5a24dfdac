"""A folder done piece by piece, with a fake detector that tells pictures by their brightness; the real one is tested
through the host.
"""

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from attention_keypoints.attention.layers import PUBLISHED
from attention_keypoints.keypoints import folder_detection
from attention_keypoints.keypoints.folder_detection import PIECE, FolderDetection, Settings
from attention_keypoints.keypoints.keypoints import Keypoints
from attention_keypoints.keypoints.piece_file import PieceFile
from attention_keypoints.keypoints.tokens import KeypointTokens
from PIL import Image

COUNT = 2 * PIECE + 5
TOKENS = KeypointTokens(torch.zeros(3, 768), (0, 2), ("left", "right"), layers=PUBLISHED)


class FakeDetector:
    """Puts both keypoints at (brightness of the picture, number for its noise / 100); remembers what it was given."""

    def __init__(self, stop_at=None, stop=None):
        self.calls, self.stop_at, self.stop = [], stop_at, stop

    def __call__(self, source, images, tokens, *, first, on_progress, **settings):
        self.calls.append((first, tuple(images.shape[:3])))
        if self.stop_at is not None and first >= self.stop_at:
            self.stop()
        on_progress(1, 2)
        on_progress(2, 2)
        bright = images.mean((1, 2, 3))
        place = torch.stack([bright, (first + torch.arange(len(images))) / 100], -1)[:, None].expand(-1, 2, -1)
        one = torch.ones(len(images), 2)
        return Keypoints(place, one, one.bool(), tokens.names), None


def interrupt():
    raise KeyboardInterrupt


@pytest.fixture
def folder(tmp_path):
    """A folder with COUNT pictures, the n-th of brightness 2 n of 255."""
    made = tmp_path / "pictures"
    made.mkdir()
    for number in range(COUNT):
        Image.fromarray(np.full((32, 32, 3), 2 * number, np.uint8)).save(made / f"{number:03}.png")
    return made


@pytest.fixture
def run(tmp_path, monkeypatch):
    """run(folder, detector, ...) -> (what was found, numbers of pictures done that were told)."""

    def once(folder, detector=None, tokens=TOKENS, settings=None, keep=True):
        monkeypatch.setattr(folder_detection, "detect_pictures", detector or FakeDetector())
        done = []
        with PieceFile(tmp_path / "unfinished") as unfinished:
            found = FolderDetection(folder, tokens, settings or Settings(), unfinished).run(None, done.append)
            if not keep:
                unfinished.delete()
        return found, done

    return once


def test_every_picture_is_found_under_its_name_in_the_order_of_names(run, folder):
    found, done = run(folder)
    assert found.files == tuple(f"{number:03}.png" for number in range(COUNT))
    torch.testing.assert_close(found.keypoints.xy[:, 0, 0], torch.arange(COUNT) * 2 / 255)
    torch.testing.assert_close(found.keypoints.xy[:, 1, 1], torch.arange(COUNT) / 100)
    assert set(found.sizes) == {(32, 32)} and not found.skipped
    assert done == sorted(done) and done[-1] == COUNT


def test_a_run_that_was_interrupted_goes_on_and_ends_with_the_same(run, folder):
    expected, _ = run(folder, keep=False)
    with pytest.raises(KeyboardInterrupt):
        run(folder, FakeDetector(PIECE, interrupt))
    again = FakeDetector()
    found, done = run(folder, again)
    assert [first for first, _ in again.calls] == [PIECE, 2 * PIECE]
    assert done[0] > PIECE
    assert torch.equal(found.keypoints.xy, expected.keypoints.xy) and found.files == expected.files


def test_a_run_that_was_killed_goes_on_and_ends_with_the_same(run, folder, tmp_path, repository):
    expected, _ = run(folder, keep=False)
    script = tmp_path / "killed.py"
    script.write_text(
        textwrap.dedent(f"""
        import os, signal, sys
        from pathlib import Path
        sys.path.insert(0, {str(repository / "tests" / "unit")!r})
        import test_folder_detection as test
        kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
        test.folder_detection.detect_pictures = test.FakeDetector(test.PIECE, kill)
        with test.PieceFile(Path({str(tmp_path / "unfinished")!r})) as unfinished:
            test.FolderDetection(Path({str(folder)!r}), test.TOKENS, test.Settings(), unfinished).run(None)
        """)
    )
    killed = subprocess.run([sys.executable, script], env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False)
    assert killed.returncode == -signal.SIGKILL
    again = FakeDetector()
    found, _ = run(folder, again)
    assert [first for first, _ in again.calls] == [PIECE, 2 * PIECE]
    assert torch.equal(found.keypoints.xy, expected.keypoints.xy) and found.files == expected.files


def test_pictures_that_were_added_changed_or_removed_are_done_again_and_others_are_not(run, folder):
    run(folder)
    Image.fromarray(np.full((32, 32, 3), 200, np.uint8)).save(folder / "036.png")
    (folder / "zzz.png").write_bytes((folder / "000.png").read_bytes())
    again = FakeDetector()
    found, _ = run(folder, again)
    assert [first for first, _ in again.calls] == [2 * PIECE]
    assert found.keypoints.xy[-2:, 0, 0].tolist() == pytest.approx([200 / 255, 0])
    (folder / "zzz.png").unlink()
    assert run(folder)[0].files[-1] == "036.png"


@pytest.mark.parametrize("changed", [
    {"settings": Settings(seed=1)}, {"settings": Settings(model="another")},
    {"tokens": KeypointTokens(torch.ones(3, 768), (0, 2), ("left", "right"), layers=PUBLISHED)},
])  # fmt: skip
def test_with_other_settings_or_tokens_everything_is_done_again(run, folder, changed):
    run(folder)
    again = FakeDetector()
    run(folder, again, **changed)
    assert len(again.calls) == 3


def test_pictures_that_cannot_be_read_are_named_and_the_others_are_done(run, folder):
    (folder / "003.png").write_bytes(b"no picture")
    (folder / "020.png").write_bytes((folder / "020.png").read_bytes()[:60])
    found, done = run(folder)
    assert set(found.skipped) == {"003.png", "020.png"} and "not a picture" in found.skipped["003.png"]
    assert len(found.files) == COUNT - 2 and "003.png" not in found.files
    assert done[-1] == COUNT
    assert run(folder)[0].skipped == found.skipped


def test_when_no_picture_can_be_read_the_first_is_named(run, tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="None of the 1 pictures can be read; the first is a.png: this is not"):
        run(tmp_path)


def test_pictures_of_any_sizes_are_done_and_neighbours_of_one_size_together(run, folder):
    Image.fromarray(np.full((100, 50, 3), 4, np.uint8)).save(folder / "002.png")
    detector = FakeDetector()
    found, _ = run(folder, detector)
    assert detector.calls[:3] == [(0, (2, 32, 32)), (2, (1, 96, 48)), (3, (PIECE - 3, 32, 32))]
    assert found.sizes[1:4] == ((32, 32), (50, 100), (32, 32))
