"""The nodes that save and load keypoint tokens, with the host's own folders."""

import folder_paths
import pytest
import torch
from attention_keypoints.keypoints.tokens import KeypointTokens
from attention_keypoints.nodes.token_files import LoadKeypointTokens, SaveKeypointTokens


@pytest.fixture
def output(tmp_path, monkeypatch):
    """An output folder of the host, in whose folder "keypoints" tokens are looked for."""
    extensions = folder_paths.folder_names_and_paths["keypoints"][1]
    folders = [str(tmp_path / "models"), str(tmp_path / "output" / "keypoints")]
    monkeypatch.setattr(folder_paths, "output_directory", str(tmp_path / "output"))
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "keypoints", (folders, extensions))
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    return tmp_path / "output"


@pytest.fixture
def tokens(seeded):
    return KeypointTokens(seeded(3, 768), (2, 0), ("head", "hand"), ((0, 1),), ("output.3",), learned={"steps": 7})


def options():
    return LoadKeypointTokens.INPUT_TYPES()["required"]["file"][1]["options"]


def test_saved_tokens_are_offered_and_loaded_again(output, tokens):
    assert options() == []
    saved = SaveKeypointTokens.execute(tokens, "keypoints/people")
    assert saved.result == ("keypoints/people_00001_.safetensors",)
    assert saved.ui.as_dict() == {"text": ("Saved as keypoints/people_00001_.safetensors",)}
    assert options() == ["people_00001_.safetensors"]
    loaded = LoadKeypointTokens.execute("people_00001_.safetensors").result[0]
    assert torch.equal(loaded.context, tokens.context) and loaded.names == tokens.names


def test_no_saved_file_is_replaced(output, tokens):
    for _ in range(3):
        SaveKeypointTokens.execute(tokens, "keypoints/people")
    assert options() == [f"people_0000{number}_.safetensors" for number in (1, 2, 3)]


def test_only_safetensors_files_are_offered(output, tokens):
    SaveKeypointTokens.execute(tokens, "keypoints/people")
    for name in ("notes.txt", "weights.pt", "labels.json"):
        (output / "keypoints" / name).write_bytes(b"other")
    assert options() == ["people_00001_.safetensors"]


def test_files_in_the_models_folder_are_offered_too(output, tokens):
    SaveKeypointTokens.execute(tokens, "keypoints/people")
    (output.parent / "models").mkdir()
    (output / "keypoints" / "people_00001_.safetensors").rename(output.parent / "models" / "friend.safetensors")
    assert options() == ["friend.safetensors"]
    assert LoadKeypointTokens.execute("friend.safetensors").result[0].names == ("head", "hand")


def test_a_changed_file_has_another_fingerprint_and_an_unchanged_one_the_same(output, tokens):
    SaveKeypointTokens.execute(tokens, "keypoints/people")
    name = "people_00001_.safetensors"
    before = LoadKeypointTokens.fingerprint_inputs(name)
    assert LoadKeypointTokens.fingerprint_inputs(name) == before
    (output / "keypoints" / name).write_bytes(b"something else")
    assert LoadKeypointTokens.fingerprint_inputs(name) != before


@pytest.mark.parametrize("prefix", ["", "  ", "keypoints/"])
def test_a_prefix_without_a_name_is_refused(output, tokens, prefix):
    with pytest.raises(ValueError, match="Expected a folder and a name"):
        SaveKeypointTokens.execute(tokens, prefix)


def test_nothing_is_saved_outside_the_output_folder(output, tokens):
    with pytest.raises(Exception, match="outside the output folder"):
        SaveKeypointTokens.execute(tokens, "../people")
    assert list(output.parent.rglob("*.safetensors")) == []


def test_a_file_that_is_gone_is_named(output):
    with pytest.raises(FileNotFoundError, match=r"gone\.safetensors"):
        LoadKeypointTokens.execute("gone.safetensors")
