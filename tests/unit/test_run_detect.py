"""The command line of `run.py detect`: demo/run_detect.py."""

import json
import re

import pytest
import torch
from attention_keypoints.attention.layers import PUBLISHED
from attention_keypoints.demo import run_detect
from attention_keypoints.keypoints.folder_detection import FolderKeypoints
from attention_keypoints.keypoints.keypoints import Keypoints
from attention_keypoints.keypoints.tokens import KeypointTokens


@pytest.fixture
def arguments(tmp_path):
    """arguments(*more): a command line that is right, and what is to be changed in it."""
    (tmp_path / "tokens.safetensors").write_bytes(b"")

    def make(*more, folder=tmp_path, tokens=tmp_path / "tokens.safetensors", out="out.json"):
        return list(map(str, [folder, "--tokens", tokens, "--out", out, *more]))

    return make


def tokens(**learned):
    return KeypointTokens(torch.zeros(3, 768), (0, 2), ("left", "right"), layers=PUBLISHED, learned=learned)


def test_the_defaults_are_those_of_the_node(arguments):
    chosen = run_detect.options(arguments())
    assert (chosen.augmentations, chosen.refine_radius, chosen.seed, chosen.longest_side) == (4, 5.0, 0, 512)
    assert chosen.checkpoint is None


@pytest.mark.parametrize("change, more, message", [
    ({"folder": "nowhere"}, (), "nowhere is not a folder. Give the one that holds the pictures"),
    ({"tokens": "nothing"}, (), "There is no token file nothing"),
    ({"out": "out.xml"}, (), "--out should end in .json .* or .csv .*; got out.xml"),
    ({}, ("--checkpoint", "none.safetensors"), "There is no checkpoint none.safetensors"),
    ({}, ("--augmentations", "101"), "--augmentations: should be 0 to 100, got 101"),
    ({}, ("--longest-side", "many"), "--longest-side: invalid whole number value: 'many'"),
])  # fmt: skip
def test_what_is_wrong_is_said_before_anything_is_loaded(arguments, capsys, change, more, message):
    with pytest.raises(SystemExit, match="2"):
        run_detect.options(arguments(*more, **change))
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize("learned, why", [
    ({}, "do not say on which model"), ({"model_channels": 320}, "an SD1.5 model"),
])  # fmt: skip
def test_without_a_checkpoint_only_tokens_of_the_demo_model_are_taken(learned, why):
    with pytest.raises(ValueError, match=f"{why}.* Name its checkpoint with --checkpoint FILE"):
        run_detect.load_model(tokens(**learned), None)


def test_a_token_file_that_is_none_ends_the_command_with_a_sentence(arguments, tmp_path, capsys):
    assert run_detect.main(arguments(out=tmp_path / "out.json")) == 1
    assert capsys.readouterr().err.startswith("tokens.safetensors: the file is empty.")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tokens.safetensors"]


def test_points_are_written_in_pixels_of_their_own_pictures(tmp_path):
    xy = torch.tensor([[[0.5, 0.25]], [[0.5, 0.25]]])
    keypoints = Keypoints(xy, torch.full((2, 1), 0.75), torch.ones(2, 1), ("hand",))
    found = FolderKeypoints(keypoints, ("a.png", "b.png"), ((200, 100), (64, 640)), {})
    run_detect.write(tmp_path / "out.csv", found)
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert [line.split(",")[1:7] for line in lines[1:]] == [
        ["a.png", "200", "100", "hand", "100.0", "25.0"], ["b.png", "64", "640", "hand", "32.0", "160.0"]
    ]  # fmt: skip
    run_detect.write(tmp_path / "out.json", found)
    content = json.loads((tmp_path / "out.json").read_text())
    assert [one["keypoints"] for one in content["annotations"]] == [[100.0, 25.0, 2], [32.0, 160.0, 2]]
    assert [image["file_name"] for image in content["images"]] == ["a.png", "b.png"]
