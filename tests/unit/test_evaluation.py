"""Found keypoints against labels, joint by joint: keypoints/evaluation.py."""

import math

import pytest
import torch
from attention_keypoints.keypoints.evaluation import (
    evaluate,
    evaluation_plot,
    evaluation_table,
    parse_thresholds,
)
from attention_keypoints.keypoints.keypoints import Keypoints

NAN = float("nan")
NAMES = ("left_hand", "right_hand", "head")
TRUTH = torch.tensor([[[0.2, 0.5], [0.8, 0.5], [0.5, 0.1]], [[0.3, 0.5], [0.7, 0.5], [NAN, NAN]]])


def points(xy, names=NAMES, **changes) -> Keypoints:
    parts = {"xy": xy, "score": torch.ones(xy.shape[:2]), "visible": torch.ones(xy.shape[:2], dtype=torch.bool)}
    return Keypoints(**(parts | changes), names=names)


def run(found, labels, **changes):
    options = {"thresholds": (0.05, 0.1), "radius": 40, "width": 512, "height": 512}
    return evaluate(found, labels, **(options | changes))


def test_each_joint_is_compared_with_the_label_of_its_name():
    order = [2, 0, 1]
    found = points(TRUTH.nan_to_num(0.9)[:, order] + torch.tensor([0.06, 0.0]), [NAMES[i] for i in order])
    result = run(found, points(TRUTH))
    assert result.names == NAMES
    assert {name: share.tolist() for name, share in result.shares.items()} == {
        "PCK@0.05": [0, 0, 0],
        "PCK@0.1": [1, 1, 1],
        "hit@40px": [1, 1, 1],
    }
    torch.testing.assert_close(result.l2, torch.full((3,), 0.06))
    assert result.points.tolist() == [2, 2, 1]


def test_joints_without_a_partner_of_their_name_are_left_out_and_mentioned():
    found = points(TRUTH.nan_to_num(0.9), ("left_hand", "right_hand", "nose"))
    result = run(found, points(TRUTH))
    assert result.names == ("left_hand", "right_hand") and result.left_out == ("head", "nose")
    assert evaluation_table(result).endswith("Not compared, since not both found and labelled: head, nose.")


def test_the_table_has_a_row_for_each_joint_and_their_mean():
    found = TRUTH.clone()
    found[1] = torch.tensor([[0.7, 0.5], [0.7, 0.5], [0.9, 0.9]])  # both hands on the right one
    labels = points(TRUTH, visible=torch.tensor([[True, True, False], [True, True, False]]))
    table = evaluation_table(run(points(found, score=torch.tensor([[0.9, 0.8, 0.3], [0.2, 0.7, 0.0]])), labels))
    assert table.splitlines() == [
        "| joint      | PCK@0.05 | PCK@0.1 | hit@40px | mean l2 | points |",
        "| ---------- | -------: | ------: | -------: | ------: | -----: |",
        "| left_hand  |    0.500 |   0.500 |    0.500 |  0.2000 |      2 |",
        "| right_hand |    1.000 |   1.000 |    1.000 |  0.0000 |      2 |",
        "| head       |    1.000 |   1.000 |    1.000 |  0.0000 |      1 |",
        "| mean       |    0.833 |   0.833 |    0.833 |  0.0667 |      5 |",
        "",
        "Left and right confused: 25.0 % of the points that have two sides.",
        "Score against visibility: area under the ROC curve 0.750.",
    ]


def test_a_joint_without_labels_has_dashes_and_does_not_count_in_the_mean():
    truth = TRUTH.clone()
    truth[:, 2] = NAN
    table = evaluation_table(run(points(TRUTH.nan_to_num(0.9)), points(truth))).splitlines()
    assert table[4] == "| head       |        - |       - |        - |       - |      0 |"
    assert table[5].startswith("| mean       |    1.000 |")


def test_only_visible_labels_count_where_that_is_wanted():
    labels = points(TRUTH, visible=torch.tensor([[True, True, False], [True, False, False]]))
    result = run(points(TRUTH), labels, visible_only=True)
    assert result.points.tolist() == [2, 1, 0] and math.isnan(result.auc)


def test_the_radius_is_in_pixels_of_the_given_size():
    found = points(TRUTH.nan_to_num(0.9) + torch.tensor([0.1, 0.0]))
    for width, hit in ((390, 1.0), (410, 0.0)):
        assert run(found, points(TRUTH), width=width, height=9999).shares["hit@40px"].tolist() == [hit] * 3


def test_the_plot_has_bars_for_each_joint_and_for_the_mean():
    few = evaluation_plot(run(points(TRUTH[:, :1], NAMES[:1]), points(TRUTH)))
    many = evaluation_plot(run(points(TRUTH), points(TRUTH)))
    assert few.shape[0] == 1 and few.shape[3] == 3 and few.shape[2] == many.shape[2]
    rows = (many.shape[1] - few.shape[1]) / 2  # of one joint; four are drawn in `many`, with the mean
    assert rows > 40 and many.shape[1] > 4 * rows


@pytest.mark.parametrize("text", ["0.05, 0.1", "0.05 0.1", " .05,\t0.10 "])
def test_thresholds_are_read_from_a_line(text):
    assert parse_thresholds(text) == (0.05, 0.1)


@pytest.mark.parametrize("text", ["", "much", "0.1; 0.2", "0", "-0.1", "nan", "inf", "2", "0.1 " * 9])
def test_thresholds_that_make_no_sense_are_refused(text):
    with pytest.raises(ValueError, match='such as "0.05, 0.1"; got "'):
        parse_thresholds(text)


def test_names_that_do_not_agree_at_all_are_both_listed():
    found = points(TRUTH.nan_to_num(0.9), ("point 0", "point 1", "point 2"))
    with pytest.raises(
        ValueError, match="keypoints are point 0, point 1, point 2, the labels left_hand, right_hand, head"
    ):
        run(found, points(TRUTH))


def test_different_numbers_of_pictures_are_refused():
    with pytest.raises(ValueError, match="keypoints of 1 pictures but labels of 2"):
        run(points(TRUTH[:1]), points(TRUTH))


def test_labels_without_any_point_are_refused():
    empty = torch.full_like(TRUTH, NAN)
    with pytest.raises(ValueError, match="none of these is labelled: left_hand, right_hand, head"):
        run(points(TRUTH), points(empty))
