"""The text that the widget of Label Keypoints keeps: keypoints/labels.py."""

import json

import pytest
import torch
from attention_keypoints.keypoints.keypoints import Keypoints
from attention_keypoints.keypoints.labels import read_labels, write_labels

NAN = float("nan")
HEAD = {"x": 0.5, "y": 0.25, "visible": True}


def text(*pictures: dict, **changes) -> str:
    """Labels of those pictures, each given by its points."""
    form = {"version": 1, "names": ["head", "hand"], "skeleton": [[0, 1]]}
    return json.dumps(form | {"pictures": [{"points": points} for points in pictures]} | changes)


def test_points_come_by_name_with_what_is_hidden():
    labels = read_labels(text({"hand": {"x": 0, "y": 1, "visible": False}, "head": HEAD}), 1)
    assert labels.xy.tolist() == [[[0.5, 0.25], [0.0, 1.0]]]
    assert labels.visible.tolist() == [[True, False]] and labels.score.tolist() == [[1.0, 1.0]]
    assert labels.names == ("head", "hand") and labels.skeleton == ((0, 1),)


def test_what_is_not_labelled_has_no_place_no_score_and_is_not_visible():
    labels = read_labels(text({}, {"head": HEAD}), 3)
    assert labels.labelled.tolist() == [[False, False], [True, False], [False, False]]
    assert labels.visible.tolist() == labels.labelled.tolist()
    assert labels.score.tolist() == [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]


def test_a_point_is_visible_and_a_skeleton_empty_unless_the_text_says_otherwise():
    form = json.loads(text({"head": {"x": 0.5, "y": 0.25}}))
    del form["skeleton"]
    labels = read_labels(json.dumps(form), 1)
    assert labels.visible[0, 0] and labels.skeleton == ()


def test_pictures_without_labels_at_the_end_may_be_missing_from_the_batch():
    assert read_labels(text({"head": HEAD}, {}, {}), 1).labelled.tolist() == [[True, False]]


def test_without_a_batch_there_are_as_many_pictures_as_the_text_has():
    assert read_labels(text({"head": HEAD}, {})).labelled.tolist() == [[True, False], [False, False]]


def test_labels_survive_writing_and_reading():
    labels = Keypoints(
        xy=torch.tensor([[[0.125, 0.75], [NAN, NAN]], [[1.0, 0.0], [0.3, 0.7]]]),
        score=torch.tensor([[1.0, 0.0], [1.0, 1.0]]),
        visible=torch.tensor([[True, False], [False, True]]),
        names=("nose", "linke Hand, außen"),
        skeleton=((1, 0),),
    )
    again = read_labels(write_labels(labels), 2)
    assert torch.allclose(again.xy, labels.xy, atol=1e-6, equal_nan=True)
    assert torch.equal(again.visible, labels.visible) and torch.equal(again.score, labels.score)
    assert again.names == labels.names and again.skeleton == labels.skeleton


def test_points_outside_their_picture_are_not_written():
    outside = Keypoints(
        xy=[[[1.01, 0.5], [0.5, 0.5]]], score=[[1.0, 1.0]], visible=[[True, True]], names=("head", "hand")
    )
    assert read_labels(write_labels(outside), 1).labelled.tolist() == [[False, True]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", r"No labels yet\. In Label Keypoints choose a name, click"),
        (" \n", "No labels yet"),
        (text({}, {}), "No labels yet"),
        (text(), "No labels yet"),
        ('{"version": 1, "names": ["hea', "not JSON.*Undo the last change"),
        ("\x00\xff", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1, 2]", 'not of Label Keypoints: expected {"version": 1'),
        ('{"images": [], "annotations": []}', "not of Label Keypoints.*Import"),
        (text({"head": HEAD}, version=2), "version 2, and this pack reads version 1"),
        (text({"head": HEAD}, version="1"), "version '1'"),
        (text({"head": HEAD}, names=[]), "at least one"),
        (text({"head": HEAD}, names=["head", 3]), "list of names"),
        (text({"head": HEAD}, names=["head", "head"]), "more than once: head"),
        (text({"head": HEAD}, pictures={}), "need a list called 'pictures', got {}"),
        (text({"head": HEAD}, pictures=[7]), "picture 1 of the labels, expected an object called 'points', got 7"),
        (text({"head": HEAD}, skeleton=[[0, 2]]), "joins keypoints 0 and 2"),
        (text({"head": HEAD}, skeleton=[[0, True]]), "pairs of numbers from 0 to 1"),
        (text({"head": HEAD}, skeleton="head"), "pairs of numbers"),
        (text({}, {"foot": HEAD}), "picture 2 of the labels, 'foot' is labelled, but it is not one of.*head, hand"),
        (text({"head": {"x": 1.2, "y": 0.5}}), r"'head' is at x = 1\.2, y = 0\.5, outside.*not pixels"),
        (text({"head": {"x": 0.5, "y": -0.01}}), "outside the picture"),
        (text({"head": {"x": NAN, "y": 0.5}}), "outside the picture"),
        (text({"head": {"x": 0.5, "y": float("inf")}}), "outside the picture"),
        (text({"head": {"x": 10**400, "y": 0.5}}), "outside the picture|not JSON"),
        (text({"head": {"x": "0.5", "y": 0.5}}), "needs an x and a y that are numbers"),
        (text({"head": {"x": True, "y": 0.5}}), "numbers"),
        (text({"head": {"y": 0.5}}), "numbers"),
        (text({"head": [0.5, 0.5]}), "numbers"),
        (text({"head": HEAD | {"visible": 1}}), "'visible' of 'head' must be true or false, got 1"),
        (text({"head": HEAD}, {}, {"hand": HEAD}, {}), r"Picture 3 has labels, but the batch has 2\. Connect"),
    ],
)
def test_text_that_cannot_be_read_is_refused_in_a_sentence(given, message):
    with pytest.raises(ValueError, match=message):
        read_labels(given, 2)
