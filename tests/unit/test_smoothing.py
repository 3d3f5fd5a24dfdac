"""Keypoints over the frames of a video: keypoints/smoothing.py."""

import time

import numpy as np
import pytest
import torch
from attention_keypoints.keypoints.keypoints import Keypoints
from attention_keypoints.keypoints.smoothing import smooth

NAN = float("nan")


def frames(xy, score=None) -> Keypoints:
    xy = torch.as_tensor(np.asarray(xy), dtype=torch.float32)
    score = torch.ones(xy.shape[:2]) if score is None else torch.as_tensor(score, dtype=torch.float32)
    return Keypoints(xy, score, ~xy.isnan().any(-1), [f"point {k}" for k in range(xy.shape[1])], ())


def line(count: int) -> np.ndarray:
    """[B, 1, 2]: a point that moves at constant velocity."""
    return np.stack([np.linspace(0.1, 0.9, count), np.linspace(0.7, 0.3, count)], axis=-1)[:, None]


def walk(count: int = 300, points: int = 14) -> np.ndarray:
    """[B, K, 2]: a walk through the picture; joints swing once in 30 to 80 frames, up and down twice as often."""
    rng = np.random.default_rng(0)
    period, swing = rng.uniform(30, 80, points), rng.uniform(0, 0.1, points)
    phase = rng.uniform(0, 2 * np.pi, points) + 2 * np.pi * np.arange(count)[:, None] / period
    x = np.linspace(0.1, 0.9, count)[:, None] + swing * np.sin(phase)
    return np.stack([x, 0.5 + 0.4 * swing * np.cos(2 * phase)], axis=-1)


def noisy(places: np.ndarray, deviation: float = 0.01) -> np.ndarray:
    return places + np.random.default_rng(1).normal(0, deviation, places.shape)


def error(found, truth) -> float:
    return float(np.sqrt(np.square(np.asarray(found) - truth).mean()))


def one_euro(xy: np.ndarray, slowest: float, beta: float) -> np.ndarray:
    """The filter of Casiez et al. (2012) over [B, K, 2] at 30 frames a second; cut-off of the derivative at 1 Hz."""
    share = lambda cutoff: 1 / (1 + 30 / (2 * np.pi * cutoff))  # noqa: E731
    places, speed = [xy[0]], np.zeros_like(xy[0])
    for last, now in zip(xy[:-1], xy[1:], strict=True):
        speed = speed + share(1.0) * ((now - last) * 30 - speed)
        places.append(places[-1] + share(slowest + beta * abs(speed)) * (now - places[-1]))
    return np.stack(places)


def test_constant_velocity_is_kept_without_lag():
    np.testing.assert_allclose(smooth(frames(line(60)), reach=4).xy, line(60), atol=1e-6)


@pytest.mark.parametrize(("reach", "factor"), [(1, 0.51), (2, 0.36), (4, 0.26), (8, 0.18)])
def test_noise_on_a_still_point_falls_by_the_factor_of_the_docstring(reach, factor):
    still = np.full((1000, 5, 2), 0.5)
    left = error(smooth(frames(noisy(still)), reach=reach).xy, still) / 0.01
    assert left == pytest.approx(factor, abs=0.02) and factor == pytest.approx((0.27 / reach) ** 0.5, abs=0.01)


def test_a_noisy_walk_comes_nearer_to_the_truth_than_with_any_one_euro_filter():
    truth, seen = walk(), noisy(walk())
    ours = error(smooth(frames(seen)).xy, truth)
    best = min(
        error(one_euro(seen, slowest, beta), truth)
        for slowest in (0.5, 1, 2, 3, 4, 6, 8)
        for beta in (0, 1, 3, 5, 10, 20, 50)
    )
    print(f"as it was {error(seen, truth):.4f}, one-euro {best:.4f}, smoothed {ours:.4f}")
    assert ours < 0.6 * best < 0.6 * error(seen, truth)


def test_a_gap_is_bridged_along_the_motion_and_marked():
    xy, score = line(40), np.full((40, 1), 0.8)
    xy[10:20], score[9], score[20] = NAN, 0.6, 0.9
    bridged = smooth(frames(xy, score), max_gap=10)
    np.testing.assert_allclose(bridged.xy, line(40), atol=1e-5)
    assert bridged.visible[:, 0].tolist() == [not 10 <= t < 20 for t in range(40)]
    np.testing.assert_allclose(bridged.score[10:20, 0], 0.3, atol=1e-6)
    np.testing.assert_allclose(bridged.score[[5, 9, 20], 0], [0.8, 0.6, 0.9], atol=1e-6)


def test_a_longer_gap_and_the_ends_stay_empty():
    xy = line(40)
    xy[:5] = xy[10:21] = xy[35:] = NAN
    assert smooth(frames(xy), max_gap=10).labelled[:, 0].tolist() == [
        5 <= t < 10 or 21 <= t < 35 for t in range(40)
    ]  # fmt: skip


def test_a_point_never_seen_stays_absent_and_leaves_the_others_alone():
    xy = np.concatenate([line(20), np.full((20, 1, 2), NAN)], axis=1)
    found = smooth(frames(xy))
    assert found.xy[:, 1].isnan().all()
    torch.testing.assert_close(found.xy[:, :1], smooth(frames(line(20))).xy)
    assert not found.visible[:, 1].any()


def test_one_frame_and_a_point_seen_once_stay_where_they_are():
    one = frames([[[0.2, 0.3], [NAN, NAN]]], [[0.4, 0.0]])
    same = smooth(one)
    assert torch.equal(same.xy.nan_to_num(-1), one.xy.nan_to_num(-1)) and torch.equal(same.score, one.score)
    xy = np.full((9, 1, 2), NAN)
    xy[4] = 0.3
    torch.testing.assert_close(smooth(frames(xy)).xy[4, 0], torch.tensor([0.3, 0.3]))


def test_a_wild_place_of_low_score_hardly_matters_whatever_the_scale_of_scores():
    xy, score = line(41), np.full((41, 1), 0.02)
    xy[20], score[20] = (0.9, 0.9), 0.0002
    found = smooth(frames(xy, score))
    np.testing.assert_allclose(found.xy, line(41), atol=0.01)
    torch.testing.assert_close(found.xy, smooth(frames(xy, 50 * score)).xy, rtol=0, atol=1e-6)


def test_points_below_the_least_score_count_as_not_seen():
    xy, score = line(41), np.ones((41, 1))
    xy[20], score[20] = (0.9, 0.9), 0.1
    found = smooth(frames(xy, score), min_score=0.2)
    np.testing.assert_allclose(found.xy, line(41), atol=1e-5)
    assert not found.visible[20, 0]


def test_scores_of_nothing_still_give_places():
    np.testing.assert_allclose(smooth(frames(line(20), np.zeros((20, 1)))).xy, line(20), atol=1e-5)


def test_ten_thousand_frames_are_quick_and_exact():
    start = time.perf_counter()
    found = smooth(frames(np.repeat(line(10_000), 18, axis=1)), reach=50)
    assert time.perf_counter() - start < 20  # 2 s on one slow core
    np.testing.assert_allclose(found.xy[:, :1], line(10_000), atol=1e-6)


def test_a_reach_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="must be above 0 frames, got 0"):
        smooth(frames(line(3)), reach=0)
