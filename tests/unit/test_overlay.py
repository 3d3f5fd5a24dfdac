"""Heat over pictures: attention/overlay.py, attention/heat.py and attention/sheet.py."""

import pytest
import torch
from attention_keypoints.attention import sheet
from attention_keypoints.attention.colours import heat_colours
from attention_keypoints.attention.heat import normalise_maps, resize_maps
from attention_keypoints.attention.overlay import overlay_maps

PER_TOKEN = "one picture per token"


def delta_map(row: int, column: int, rows: int = 8, columns: int = 16) -> torch.Tensor:
    maps = torch.zeros(1, 1, rows, columns)
    maps[0, 0, row, column] = 0.5
    return maps


def plain(images, maps, names, **options):
    return overlay_maps(images, maps, names, layout=PER_TOKEN, legend=False, **options)


def test_the_heat_of_a_single_cell_is_brightest_at_its_centre_in_a_picture_that_is_not_square():
    drawn = plain(torch.zeros(1, 72, 208, 3), delta_map(2, 11), ["hand"])[0]  # cells of 9 rows x 13 columns
    row, column = divmod(int(drawn.sum(dim=-1).argmax()), 208)
    assert (row, column) == (2 * 9 + 4, 11 * 13 + 6)


def test_full_opacity_shows_the_brightest_heat_colour_at_the_peak():
    drawn = plain(torch.zeros(1, 72, 208, 3), delta_map(2, 11), ["hand"], opacity=1.0)[0]
    assert torch.allclose(drawn[22, 149], torch.tensor(heat_colours()[-1].copy()), atol=0.02)


def test_no_opacity_leaves_the_picture():
    image = torch.rand(1, 20, 30, 3)
    assert torch.equal(plain(image, torch.rand(1, 1, 4, 6), ["a"], opacity=0.0), image)


@pytest.mark.parametrize("how", ["each map", "shared", "absolute"])
def test_a_map_of_zeros_leaves_the_picture(how):
    image = torch.rand(1, 31, 47, 3)
    assert torch.equal(plain(image, torch.zeros(1, 2, 8, 8), ["a", "b"], normalise=how)[1:], image)


def test_the_picture_is_unchanged_where_attention_is_low():
    image = torch.rand(1, 72, 208, 3)
    drawn = plain(image, delta_map(2, 11), ["hand"])
    assert torch.equal(drawn[:, :, :100], image[:, :, :100])
    assert (drawn[0, 22, 149] - image[0, 22, 149]).abs().max() > 0.1


def test_each_map_shared_and_absolute_span_what_they_say():
    maps = torch.tensor([[[[0.1, 0.3]], [[0.2, 0.9]]]])
    each, low, high = normalise_maps(maps, "each map")
    assert torch.allclose(each, torch.tensor([[[[0.0, 1.0]], [[0.0, 1.0]]]]))
    assert torch.allclose(low, torch.tensor([[0.1, 0.2]])) and torch.allclose(
        high, torch.tensor([[0.3, 0.9]])
    )
    shared, low, high = normalise_maps(maps, "shared")
    assert torch.allclose(shared, torch.tensor([[[[0.0, 0.25]], [[0.125, 1.0]]]]))
    assert torch.allclose(low, torch.tensor(0.1)) and torch.allclose(high, torch.tensor(0.9))
    absolute, low, high = normalise_maps(maps, "absolute")
    assert torch.equal(absolute, maps) and low.max() == 0 and high.min() == 1


def test_shared_normalisation_does_not_mix_pictures():
    maps = (1 + torch.rand(3, 2, 4, 4)) * torch.tensor([0.01, 0.1, 0.5]).view(3, 1, 1, 1)
    values = normalise_maps(maps, "shared")[0]
    assert torch.allclose(values.amax(dim=(1, 2, 3)), torch.ones(3))
    assert torch.equal(values.amin(dim=(1, 2, 3)), torch.zeros(3))


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (47, 31), (640, 2048)])
def test_resized_maps_stay_between_0_and_1_at_any_size(size):
    resized = resize_maps((torch.rand(1, 2, 16, 12) > 0.5).float(), size)
    assert resized.shape == (1, 2, *size)
    assert resized.min() >= 0 and resized.max() <= 1


def test_one_picture_per_token_lists_all_tokens_of_a_picture_before_the_next():
    images = torch.stack([torch.zeros(8, 8, 3), torch.ones(8, 8, 3), torch.zeros(8, 8, 3)])
    drawn = plain(images, torch.zeros(3, 2, 4, 4), ["a", "b"])
    assert drawn.shape == (6, 8, 8, 3)
    assert drawn.mean(dim=(1, 2, 3)).tolist() == [0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize("size", [(1, 1), (47, 31), (640, 2048)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_of_any_size_and_channels_get_an_overlay(size, channels):
    images, maps = torch.rand(1, *size, channels), torch.rand(1, 2, 16, 16)
    assert plain(images, maps, ["a", "b"]).shape == (2, *size, 3)
    grid = overlay_maps(images, maps, ["a", "b"], mark_peak=True)
    assert grid.shape[0] == 1 and min(grid.shape[1:3]) >= 192 and grid.shape[3] == 3
    assert grid.min() >= 0 and grid.max() <= 1


def count_tiles(drawn: torch.Tensor, image_colour: float) -> int:
    """How many separate rectangles of exactly the picture's colour a sheet [H, W, 3] shows."""
    same = (drawn - image_colour).abs().amax(dim=-1) < 1e-4
    left_edges = same & ~torch.cat([torch.zeros(len(same), 1, dtype=torch.bool), same[:, :-1]], dim=1)
    above = torch.cat([torch.zeros(1, same.shape[1], dtype=torch.bool), same[:-1]], dim=0)
    return int((left_edges & ~above).sum())


@pytest.mark.parametrize("count", [1, 2, 6, 13])
def test_the_sheet_has_a_tile_for_the_picture_and_one_for_each_token(count):
    names = [f"t{n}" for n in range(count)]
    image = torch.full((1, 200, 300, 3), 0.5)
    drawn = overlay_maps(image, torch.zeros(1, count, 8, 8), names, legend=False)[0]
    assert count_tiles(drawn, 0.5) == count + 1


def test_the_first_tile_is_the_picture_itself():
    image = torch.rand(1, 256, 300, 3)
    drawn = overlay_maps(image, torch.rand(1, 3, 8, 8), ["a", "b", "c"])[0]
    corners = torch.nonzero((drawn == image[0, 0, 0]).all(dim=-1)).tolist()
    assert any(torch.equal(drawn[y : y + 256, x : x + 300], image[0]) for y, x in corners)


def test_the_sheet_of_many_square_tiles_is_nearly_square():
    drawn = overlay_maps(torch.rand(1, 64, 64, 3), torch.rand(1, 24, 8, 8), [str(n) for n in range(24)])
    assert 0.75 < drawn.shape[1] / drawn.shape[2] < 1.34


def test_tiles_of_small_pictures_are_enlarged_and_of_large_ones_reduced():
    assert sheet.fit_tile(torch.rand(31, 47, 3), 5).shape == (169, 256, 3)
    assert sheet.fit_tile(torch.rand(640, 2048, 3), 5).shape == (160, 512, 3)
    assert sheet.fit_tile(torch.rand(300, 400, 3), 5).shape == (300, 400, 3)
    assert max(sheet.fit_tile(torch.rand(512, 512, 3), 400).shape) == 205


def test_the_legend_shows_the_whole_colour_scale():
    image = torch.zeros(1, 256, 256, 3)
    drawn = overlay_maps(image, torch.zeros(1, 1, 4, 4), ["a"], layout=PER_TOKEN, normalise="absolute")[0]
    assert drawn.shape[0] > 256 and torch.equal(drawn[:256], image[0])
    strip = drawn[256:].reshape(-1, 3)
    for colour in (heat_colours()[0], heat_colours()[-1]):
        assert (strip - torch.tensor(colour.copy())).abs().amax(dim=1).min() < 1e-5


def test_legend_numbers_follow_the_normalisation():
    image, maps = torch.zeros(1, 256, 256, 3), torch.rand(1, 2, 4, 4) * 0.5
    strips = [
        overlay_maps(image, maps, ["a", "b"], layout=PER_TOKEN, normalise=how)[0, 256:]
        for how in ("each map", "absolute")
    ]
    assert not torch.equal(*strips)


def test_the_peak_mark_surrounds_the_highest_cell():
    image = torch.full((1, 72, 208, 3), 0.5)
    maps = delta_map(2, 11) * 1e-6  # so faint, in absolute terms, that only the mark changes the picture
    drawn = plain(image, maps, ["hand"], normalise="absolute", mark_peak=True)[0]
    rows, columns = torch.where((drawn - image[0]).abs().amax(dim=-1) > 0.05)
    assert abs((rows.min() + rows.max() + 1) / 2 - 2.5 * 9) <= 0.5
    assert abs((columns.min() + columns.max() + 1) / 2 - 11.5 * 13) <= 0.5


def test_one_picture_serves_the_maps_of_a_batch():
    assert len(overlay_maps(torch.rand(1, 40, 60, 3), torch.rand(3, 2, 4, 6), ["a", "b"])) == 3


def test_what_cannot_be_drawn_is_refused_in_a_sentence():
    image, maps = torch.rand(2, 8, 8, 3), torch.rand(2, 2, 4, 4)
    with pytest.raises(ValueError, match="2 pictures but attention maps of 3"):
        overlay_maps(image, torch.rand(3, 2, 4, 4), ["a", "b"])
    with pytest.raises(ValueError, match="2 attention maps per picture but 1 names"):
        overlay_maps(image, maps, ["a"])
    with pytest.raises(ValueError, match="not numbers"):
        overlay_maps(image, maps * float("nan"), ["a", "b"])
    with pytest.raises(
        ValueError, match="Unknown normalisation 'loud'. Choose one of: each map, shared, absolute"
    ):
        overlay_maps(image, maps, ["a", "b"], normalise="loud")
    with pytest.raises(ValueError, match="Unknown layout"):
        overlay_maps(image, maps, ["a", "b"], layout="heap")
    with pytest.raises(ValueError, match="Opacity must lie between 0 and 1, got 2"):
        overlay_maps(image, maps, ["a", "b"], opacity=2)
