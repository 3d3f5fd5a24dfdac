"""Charts as pictures: keypoints/plots.py and the axes that they share."""

import math

import numpy as np
import pytest
import torch
from attention_keypoints.attention.colours import distinct_colours
from attention_keypoints.keypoints.axes import Axes, labels, number, powers, steps
from attention_keypoints.keypoints.plots import bar_plot, learning_preview, loss_plot

FIRST, SECOND = (torch.from_numpy(np.array(colour)) for colour in distinct_colours(2))


def of_colour(picture: torch.Tensor, colour: torch.Tensor) -> torch.Tensor:
    """[n, 2] rows and columns of the pixels of exactly this colour, without the legend over the chart."""
    found = ((picture[0] - colour).abs().amax(dim=-1) < 0.02).nonzero()
    return found[found[:, 0] > 40]


def heights(picture: torch.Tensor, colour: torch.Tensor = FIRST) -> dict[int, float]:
    """Mean row of the line in each column of pixels."""
    found = of_colour(picture, colour)
    return {int(x): found[found[:, 1] == x, 0].float().mean().item() for x in found[:, 1].unique()}


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 1, 5, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (1, 500, 6, [100, 200, 300, 400, 500]),
        (-2.1, 2.1, 4, [-2, 0, 2]),
        (0.001, 0.0043, 4, [0.001, 0.002, 0.003, 0.004]),
    ],
)
def test_an_axis_has_round_numbers(low, high, most, expected):
    assert steps(low, high, most) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0.02, 3, 8, [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]),
        (0.002, 3, 7, [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3]),
        (1e-6, 1, 6, [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1]),
    ],
)
def test_a_logarithmic_axis_has_powers_of_ten_and_what_fits_between(low, high, most, expected):
    assert powers(low, high, most) == pytest.approx(expected)


def test_an_axis_over_a_hundred_powers_of_ten_has_no_more_numbers_than_asked_for():
    assert 3 <= len(powers(1e-60, 1e60, 5)) <= 6


def test_numbers_are_short():
    values = (0.05, 1200, 1e-5, 12345.678, 0.30000000000000004, 2e8)
    assert [number(value) for value in values] == ["0.05", "1200", "1e-5", "1.235e4", "0.3", "2e8"]


def test_labels_have_as_many_digits_as_tell_them_apart():
    assert labels([1.00001, 1.00002]) == ["1.00001", "1.00002"]


def test_values_lie_where_the_axes_say():
    linear = Axes(10, 20, 110, 220, (0, 10), (0, 100))
    assert (linear.across(5), linear.down(25)) == (60, 170)
    assert Axes(10, 20, 110, 220, (0, 10), (0.01, 100), log=True).down(1) == pytest.approx(120)


def test_a_falling_loss_falls_in_the_picture():
    rows = heights(loss_plot([4.0, 3.0, 2.0, 1.0]))
    columns = sorted(rows)
    assert all(rows[a] <= rows[b] + 1 for a, b in zip(columns, columns[1:], strict=False))
    assert rows[columns[-1]] - rows[columns[0]] > 250


def test_a_straight_loss_is_straight_and_an_exponential_one_too_where_it_spans_decades():
    linear = loss_plot(np.linspace(5, 1, 9).tolist())
    exponential = loss_plot(np.geomspace(1000, 1, 9).tolist())
    for rows in (heights(linear), heights(exponential)):
        columns = np.array(sorted(rows)[5:-12])  # without the dot at the end
        down = np.array([rows[x] for x in columns])
        assert np.abs(down - np.polyval(np.polyfit(columns, down, 1), columns)).max() < 1.5


def test_the_smooth_line_runs_through_the_middle_of_a_noisy_one():
    noise = torch.randn(2000, generator=torch.Generator().manual_seed(0))
    noisy, plain = (
        heights(loss_plot(values)) for values in (10 + noise, torch.tensor([10 + noise.min(), 10 + noise.max()]))
    )
    rows = np.array(list(noisy.values()))
    middle = np.mean([max(plain.values()), min(plain.values())])
    assert rows.std() < 10 and abs(rows.mean() - middle) < 40


def test_each_series_has_a_line_of_its_own_colour():
    picture = loss_plot({"localisation": [3.0, 3.0, 3.0], "equivariance": [1.0, 1.0, 1.0]})
    upper, lower = (np.mean(list(heights(picture, colour).values())) for colour in (FIRST, SECOND))
    assert lower - upper > 200


def test_values_that_are_not_finite_leave_out_their_steps():
    whole = heights(loss_plot([4.0, 3.0, 2.0, 1.0]))
    gap = heights(loss_plot([4.0, float("nan"), float("inf"), 1.0]))
    assert sorted(gap) == sorted(whole)
    assert max(abs(gap[x] - whole[x]) for x in gap) < 1.5


@pytest.mark.parametrize(
    "history",
    [
        [],
        {},
        [float("nan")],
        [0.0],
        [7.0],
        [2.0] * 30,
        [1e-30, 1e30],
        [0.0, 1e-300],
        [-5.0, 5.0],
        {"a": [], "b": [1.0]},
        torch.rand(10_000),
    ],
    ids=["nothing", "no series", "NaN", "zero", "one", "constant", "vast", "tiny", "negative", "half empty", "many"],
)
@pytest.mark.parametrize("size", [(768, 480), (200, 120)])
def test_any_history_becomes_a_picture_of_its_size(history, size):
    picture = loss_plot(history, width=size[0], height=size[1])
    assert picture.shape == (1, size[1], size[0], 3) and picture.dtype == torch.float32
    assert picture.isfinite().all() and picture.min() >= 0 and picture.max() <= 1
    assert picture.std() > 0.01


def test_a_chart_without_values_has_no_line():
    assert len(of_colour(loss_plot([]), FIRST)) == 0


def test_bars_are_as_long_as_their_values():
    picture = bar_plot({"PCK@0.1": torch.tensor([1.0, 0.5, 0.0, math.nan])}, ["head", "hand", "foot", "knee"])
    found = of_colour(picture, FIRST)
    lengths = {int(row): int((found[:, 0] == row).sum()) for row in found[:, 0].unique()}
    longest, shortest = max(lengths.values()), min(lengths.values())
    assert set(lengths.values()) == {longest, shortest}
    assert shortest == pytest.approx(longest / 2, abs=1) and longest > 400


def test_bars_of_two_measures_have_two_colours():
    picture = bar_plot({"PCK@0.05": torch.tensor([0.4]), "PCK@0.1": torch.tensor([0.8])}, ["head"])
    half, whole = (of_colour(picture, colour) for colour in (FIRST, SECOND))
    assert half[:, 0].max() < whole[:, 0].min()
    assert np.ptp(half[:, 1].numpy()) == pytest.approx(np.ptp(whole[:, 1].numpy()) / 2, abs=1)


def test_bars_beyond_the_scale_end_at_its_end():
    picture = bar_plot({"a": torch.tensor([1.0, 30.0])}, ["head", "hand"])
    columns = of_colour(picture, FIRST)[:, 1]
    counts = [int((columns == x).sum()) for x in columns.unique()]
    assert len(set(counts)) == 1


@pytest.mark.parametrize(
    ("shape", "beneath"), [((128, 512), True), ((256, 256), True), ((512, 128), False)], ids=["wide", "square", "tall"]
)
def test_the_preview_shows_the_pictures_and_the_loss_and_fits_the_host(shape, beneath):
    preview = learning_preview(torch.ones(1, *shape, 3), [3.0, 2.0, 1.0])
    assert preview.mode == "RGB" and max(preview.size) == 512
    pixels = torch.from_numpy(np.array(preview)).float() / 255
    white = (pixels > 0.99).all(dim=-1).nonzero()
    line = ((pixels - FIRST).abs().amax(dim=-1) < 0.02).nonzero()
    axis = 0 if beneath else 1
    assert len(line) > 50 and line[:, axis].min() > pixels.shape[axis] * 0.3
    assert len(white) > 0.2 * pixels.shape[0] * pixels.shape[1]
