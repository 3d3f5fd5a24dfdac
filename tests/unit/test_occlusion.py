"""Covered copies of labelled pictures, and the row that knows hidden keypoints: keypoints/occlusion.py."""

import pytest
import torch
from attention_keypoints.attention.maps import averaged_maps
from attention_keypoints.attention.queries import LayerQueries
from attention_keypoints.attention.recorder import Captured
from attention_keypoints.keypoints.bank import Bank
from attention_keypoints.keypoints.metrics import roc_auc
from attention_keypoints.keypoints.occlusion import covered_copies, encoded_covers, hidden_row, number_of_copies
from attention_keypoints.keypoints.warps import no_warps

NAN = float("nan")
PICTURES, POINTS, SIZE = 3, 8, (64, 96)
WANTED = 60  # copies


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def labelled(generator):
    """(pictures of noise, so that whatever is laid over a pixel changes it; labels, two of them missing)."""
    pictures = torch.rand(PICTURES, *SIZE, 3, generator=generator)
    xy = 0.1 + 0.8 * torch.rand(PICTURES, POINTS, 2, generator=generator)
    xy[0, 0] = xy[2, 3] = NAN
    return pictures, xy


def at(pictures, xy):
    """[N, K, 3] colours at places xy [N, K, 2]."""
    place = (xy.nan_to_num(0.5) * torch.tensor([SIZE[1], SIZE[0]])).long()
    return pictures[torch.arange(len(pictures))[:, None], place[..., 1], place[..., 0]]


def test_what_is_said_to_be_covered_looks_different_and_nothing_else_does(labelled, generator):
    pictures, xy = labelled
    copies, of, covered = covered_copies(pictures, xy, WANTED, generator)
    changed = (at(copies, xy[of]) != at(pictures[of], xy[of])).any(-1)
    known = ~xy[of].isnan().any(-1)
    assert torch.equal(changed[known], covered[known])
    assert copies.min() >= 0 and copies.max() <= 1


def test_about_every_third_point_is_covered_and_none_without_a_label(labelled, generator):
    pictures, xy = labelled
    _, of, covered = covered_copies(pictures, xy, WANTED, generator)
    known = ~xy[of].isnan().any(-1)
    assert 0.2 < covered[known].float().mean() < 0.5
    assert not covered[~known].any()


def test_the_pictures_stay_as_they_are(labelled, generator):
    pictures, xy = labelled
    before = pictures.clone()
    covered_copies(pictures, xy, WANTED, generator)
    assert torch.equal(pictures, before)


@pytest.mark.parametrize("pictures", [1, 5, 7, 60, 100])
def test_there_are_as_many_copies_as_announced(pictures, generator):
    xy = torch.full((pictures, 1, 2), 0.5)
    copies, of, _ = covered_copies(torch.rand(pictures, 8, 8, 3), xy, WANTED, generator)
    assert len(copies) == len(of) == number_of_copies(pictures, WANTED) <= WANTED
    assert pictures > WANTED or len(of.unique()) == pictures


def test_covers_hold_the_copies_then_the_pictures_with_every_label_hidden_or_visible(labelled, generator):
    pictures, xy = labelled
    visible = ~xy.isnan().any(-1)
    visible[1, 2] = False  # the user says that it is hidden
    own = Bank(torch.full((PICTURES, 1, 4, 8, 12), 7.0), no_warps(PICTURES)[:, None])
    encode = lambda part: torch.zeros(len(part), 4, 8, 12)  # noqa: E731
    covers = encoded_covers(encode, pictures, xy, visible, own, WANTED, generator)
    copies = number_of_copies(PICTURES, WANTED)
    assert len(covers.bank.latents) == len(covers.xy) == copies + PICTURES
    assert (covers.bank.latents[:copies] == 0).all() and (covers.bank.latents[copies:] == 7).all()
    assert torch.equal(covers.hidden | covers.visible, ~covers.xy.isnan().any(-1))
    assert not (covers.hidden & covers.visible).any()
    torch.testing.assert_close(covers.xy[copies:], xy, equal_nan=True)
    assert torch.equal(covers.visible[copies:], visible)


def layer_of(hidden, generator, heads=4, channels=32):
    """Queries on a grid of 8 x 8, where one direction tells hidden places, under noise; point k lies in cell k."""
    along = torch.randn(channels, generator=torch.Generator().manual_seed(9))
    q = torch.randn(len(hidden), 64, channels, generator=generator)
    q[:, : hidden.shape[1]] += hidden[..., None] * along
    return LayerQueries(q, torch.randn(768, channels, generator=torch.Generator().manual_seed(8)), heads, (8, 8))


def test_the_row_takes_attention_where_a_keypoint_is_hidden_also_in_other_pictures(generator):
    cell = torch.arange(8)
    xy = torch.stack([(cell + 0.5) / 8, torch.full((8,), 0.5 / 8)], -1).expand(60, -1, -1)
    learned, other = (torch.rand(60, 8, generator=generator) < 0.3 for _ in range(2))
    row = hidden_row([layer_of(learned, generator)], xy, learned, ~learned)
    layer = layer_of(other, generator)
    context = torch.cat([row, torch.zeros(8, 768)])
    captured = Captured(layer.q, (context @ layer.weights).expand(60, -1, -1), layer.heads, layer.size)
    share = averaged_maps([captured], (8, 8))[:, 0, 0]
    assert roc_auc(share.flatten(), other.flatten()) > 0.9


@pytest.mark.parametrize("hidden, visible", [(0, 9), (1, 9), (9, 1)])
def test_too_few_points_of_a_kind_teach_nothing(hidden, visible, generator):
    kinds = torch.arange(10)[:, None]
    of_kind = (kinds < hidden, (kinds >= hidden) & (kinds < hidden + visible))
    layer = layer_of(of_kind[0], generator)
    assert hidden_row([layer], torch.full((10, 1, 2), 0.5), *of_kind) is None
