"""CSV files of points as other programs may write them: keypoints/csv_points.py."""

import math

import pytest
from attention_keypoints.keypoints.csv_points import read_csv

HEADER = "picture,keypoint,x,y\n"


def test_four_columns_in_any_order_are_enough():
    labels = read_csv("y, X ,Picture,keypoint\n20,10,a,nose\n40,30,b,tail\n".encode("utf-8-sig"))
    assert labels.names == ("nose", "tail") and labels.labelled.tolist() == [[True, False], [False, True]]
    assert labels.xy[0, 0].tolist() == [10, 20] and labels.score.tolist() == [[1, 0], [0, 1]]
    assert labels.visible.tolist() == labels.labelled.tolist() and math.isnan(labels.sizes[0, 0])


def test_rows_may_come_in_any_order_with_empty_lines_and_ends_of_other_systems():
    labels = read_csv(b"picture,keypoint,x,y\r\n1,a,1,2\r\n\r\n0,a,3,4\r\n1,b,5,6\r\n")
    assert labels.xy[0].tolist() == [[1, 2], [5, 6]] and labels.xy[1, 0].tolist() == [3, 4]


def test_hidden_is_0_or_false():
    text = "picture,keypoint,x,y,visible\n0,a,1,1,0\n0,b,1,1,FALSE\n0,c,1,1,true\n0,d,1,1,\n"
    assert read_csv(text.encode()).visible.tolist() == [[False, False, True, True]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frame,name,u,v\n0,a,1,2\n", r"should name the columns picture, keypoint, x and y, but is: \['frame'"),
        ("picture;keypoint;x;y\n0;a;1;2\n", "should name the columns"),
        (HEADER, "0 pictures with 0 joints"),
        (HEADER + "0,a,1\n", "line 2 has 3 fields, but the first line names 4"),
        (HEADER + "0,a,1,2\n0,a,3,4\n", 'in line 3, "a" of picture 0 comes a second time'),
        (HEADER + "0,a,1,\n", 'in line 2, y should be a number from -1e\\+06 to 1e\\+06, but is ""'),
        (HEADER + "0,a,left,2\n", 'x should be a number .* is "left"'),
        (HEADER + "0,a,nan,2\n", 'is "nan"'),
        (HEADER + "0,a,inf,2\n", 'is "inf"'),
        (HEADER + "0,a,1e9,2\n", 'is "1e9"'),
        ("picture,keypoint,x,y,score\n0,a,1,2,high\n", 'score should be a number .* is "high"'),
        ("picture,keypoint,x,y,visible\n0,a,1,2,2\n", 'visible should be 1 or 0, but is "2"'),
        ("picture,keypoint,x,y,width,height\n0,a,1,2,640,\n", 'height should be a number from 1 .* is ""'),
        ("picture,keypoint,x,y,width,height\n0,a,1,2,64,48\n0,b,1,2,64,49\n", "in line 3, picture 0 has another size"),
        (HEADER + '0,"' + "a" * 200_000 + '",1,2\n', "not valid CSV"),
        (HEADER + "".join(f"{n},{n},1,1\n" for n in range(4000)), "too large, with 4000 joints in 4000 pictures"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text, message):
    with pytest.raises(ValueError, match=message):
        read_csv(text.encode())


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(ValueError, match="not text in UTF-8"):
        read_csv(HEADER.encode() + b"0,\xff,1,2\n")
