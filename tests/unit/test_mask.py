"""Attention maps as masks: attention/mask.py."""

import pytest
import torch
from attention_keypoints.attention.heat import pick_tokens
from attention_keypoints.attention.mask import maps_to_mask

NAMES = ["head", "left hand", "head", "foot"]


def two_spots() -> torch.Tensor:
    """[1, 2, 4, 8]: token 0 peaks in the top left cell, token 1, twice as high, in the bottom right one."""
    maps = torch.zeros(1, 2, 4, 8)
    maps[0, 0, 0, 0], maps[0, 1, 3, 7] = 0.4, 0.8
    return maps


def test_a_name_picks_every_token_that_has_it():
    assert pick_tokens(NAMES, "head") == [0, 2]


def test_names_and_indices_may_be_mixed_and_repeated():
    assert pick_tokens(NAMES, " foot, 1 ,head, foot") == [3, 1, 0, 2]
    assert pick_tokens(NAMES, [2, "left hand"]) == [2, 1]


@pytest.mark.parametrize("nothing", ["", " , ", []])
def test_nothing_chosen_means_all_tokens(nothing):
    assert pick_tokens(NAMES, nothing) == [0, 1, 2, 3]


def test_a_name_that_is_a_number_is_read_as_a_name_first():
    assert pick_tokens(["1", "2", "3"], "2") == [1]


def test_an_unknown_name_is_refused_with_the_names_that_exist():
    with pytest.raises(ValueError, match="no token named 'nose'.*head, left hand, head, foot"):
        pick_tokens(NAMES, "nose")


@pytest.mark.parametrize("index", [4, -1])
def test_an_index_outside_the_maps_is_refused_with_the_range(index):
    with pytest.raises(ValueError, match=f"Token {index} is outside.*from 0 to 3"):
        pick_tokens(NAMES, [index])


def test_the_mask_has_the_size_asked_for_and_peaks_at_its_token():
    mask = maps_to_mask(two_spots(), ["a", "b"], "b", (36, 104))  # cells of 9 rows x 13 columns
    assert mask.shape == (1, 36, 104) and mask.dtype == torch.float32
    row, column = divmod(int(mask[0].argmax()), 104)
    assert row >= 3 * 9 and column >= 7 * 13
    assert mask[0, :18, :52].max() == 0


def test_maximum_keeps_each_peak_and_mean_halves_it():
    maps = two_spots()
    most = maps_to_mask(maps, ["a", "b"], "", (4, 8), combine="maximum")[0]
    mean = maps_to_mask(maps, ["a", "b"], "", (4, 8), combine="mean")[0]
    assert most[0, 0] == 1 and most[3, 7] == 1
    assert mean[0, 0] == 0.5 and mean[3, 7] == 0.5


def test_shared_normalisation_keeps_the_ratio_between_tokens():
    mask = maps_to_mask(two_spots(), ["a", "b"], "a", (4, 8), normalise="shared")
    assert torch.isclose(mask.max(), torch.tensor(0.5))


def test_a_threshold_makes_the_mask_hard():
    maps = torch.linspace(0, 1, 11).view(1, 1, 1, 11)
    mask = maps_to_mask(maps, ["a"], "a", (1, 11), normalise="absolute", threshold=0.45)
    assert mask.flatten().tolist() == [0.0] * 5 + [1.0] * 6


def test_a_map_without_contrast_gives_an_empty_mask():
    assert maps_to_mask(torch.full((1, 1, 4, 4), 0.3), ["a"], "a", (8, 8)).max() == 0


@pytest.mark.parametrize("size", [(1, 1), (31, 47), (640, 2048)])
def test_a_batch_of_three_gives_three_masks_at_any_size(size):
    mask = maps_to_mask(torch.rand(3, 2, 16, 12), ["a", "b"], [0], size)
    assert mask.shape == (3, *size) and mask.min() >= 0 and mask.max() <= 1


def test_what_makes_no_mask_is_refused_in_a_sentence():
    maps = two_spots()
    with pytest.raises(ValueError, match="threshold must lie between 0 and 1, got 1.5"):
        maps_to_mask(maps, ["a", "b"], "a", (4, 8), threshold=1.5)
    with pytest.raises(ValueError, match="Unknown way to combine"):
        maps_to_mask(maps, ["a", "b"], "a", (4, 8), combine="product")
    with pytest.raises(ValueError, match="at least one pixel"):
        maps_to_mask(maps, ["a", "b"], "a", (0, 8))
