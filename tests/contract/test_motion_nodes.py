"""The nodes for keypoints of a video: their skeleton, smoothing, and trails."""

import torch
from attention_keypoints.demo.world import demo_pictures
from attention_keypoints.keypoints.keypoints import Keypoints
from attention_keypoints.keypoints.skeletons import FIGURE_14
from attention_keypoints.nodes.draw_keypoints import DrawKeypoints
from attention_keypoints.nodes.skeleton import SetSkeleton
from attention_keypoints.nodes.smooth_keypoints import SmoothKeypoints


def test_limbs_come_from_names_from_the_points_and_from_what_is_written():
    _, truth, _ = demo_pictures(0, 5)
    bare = Keypoints(truth.xy, truth.score, truth.visible, truth.names)
    chosen = {
        skeleton: SetSkeleton.execute(bare, skeleton, "neck - head\nleft_hip - left_knee").result[0].skeleton
        for skeleton in SetSkeleton.GET_SCHEMA().inputs[1].options
    }
    assert chosen["by name"] == FIGURE_14.limbs
    assert len(chosen["minimum spanning tree"]) == 13
    assert chosen["own limbs"] == ((1, 0), (11, 12))
    assert chosen["none"] == ()


def test_a_trembling_point_is_calmed_bridged_and_drawn_with_a_trail():
    across = torch.linspace(0.2, 0.8, 30)
    xy = torch.stack([across, 0.5 + 0.02 * (-1.0) ** torch.arange(30)], -1)[:, None]
    xy[12:15] = torch.nan
    found = Keypoints(xy, torch.ones(30, 1), ~xy.isnan().any(-1), ["hand"])
    smoothed = SmoothKeypoints.execute(found, 4.0, 3).result[0]
    assert smoothed.labelled.all() and (smoothed.xy[5:25, 0, 1] - 0.5).abs().max() < 0.005
    image = torch.zeros(30, 100, 100, 3)
    plain, trailed = (DrawKeypoints.execute(image, smoothed, False, False, True, trail=n).result[0] for n in (0, 10))
    behind = slice(40, 55)  # of frame 20 the point is at 0.61 of the width
    assert plain[20, 50, behind].max() < 0.05 < trailed[20, 50, behind].max()
