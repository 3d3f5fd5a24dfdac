"""Places out of averaged maps: keypoints/detection.py."""

import torch
from attention_keypoints.keypoints.detection import local_means
from attention_keypoints.keypoints.targets import gaussians, peaks

SIZE = (48, 64)


def around_peaks(maps, radius):
    return local_means(maps, peaks(maps), radius)


def test_a_mean_around_the_peak_is_nearer_to_the_truth_than_the_highest_cell():
    xy = 0.3 + 0.4 * torch.rand(5, 4, 2, generator=torch.Generator().manual_seed(0))
    maps = gaussians(xy, SIZE, (2.0, 2.0))
    mean = (around_peaks(maps, 50) - xy).norm(dim=-1).mean()
    assert mean < 0.3 * (peaks(maps) - xy).norm(dim=-1).mean()


def test_what_lies_beyond_the_radius_does_not_pull():
    peak = gaussians(torch.tensor([[[0.25 + 0.5 / 64, 0.5 + 0.5 / 48]]]), SIZE, (1.0, 1.0))
    far = 0.9 * gaussians(torch.tensor([[[0.9, 0.5]]]), SIZE, (1.0, 1.0))
    torch.testing.assert_close(around_peaks(peak + far, 40), around_peaks(peak, 40), rtol=0, atol=1e-4)


def test_the_radius_is_in_512ths_of_the_longer_side():
    """At 64 cells 8 / 512 is one cell: the two neighbours beside the peak count, those across a corner do not."""
    maps = torch.zeros(1, 1, *SIZE)
    maps[0, 0, 20, 30], maps[0, 0, 20, 31], maps[0, 0, 21, 31], maps[0, 0, 20, 32] = 2.0, 1.0, 1.0, 1.0
    expected = torch.tensor([[[(2 * 30.5 + 31.5) / 3 / 64, 20.5 / 48]]])
    torch.testing.assert_close(around_peaks(maps, 8), expected)
    torch.testing.assert_close(around_peaks(maps, 7), peaks(maps))


def test_a_map_of_nothing_gives_a_number():
    assert around_peaks(torch.zeros(1, 1, 8, 8), 5).isfinite().all()
