"""Results kept piece by piece: keypoints/piece_file.py."""

import pytest
from attention_keypoints.keypoints.piece_file import PieceFile


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out.csv.unfinished"


def test_what_was_added_is_there_when_the_file_is_opened_again(path):
    with PieceFile(path) as pieces:
        pieces.add("a", [1, "hand"])
        pieces.add("b", {"x": 0.1})
    with PieceFile(path) as pieces:
        assert "a" in pieces and "b" in pieces and "c" not in pieces
        assert (pieces.read("b"), pieces.read("a")) == ({"x": 0.1}, [1, "hand"])


@pytest.mark.parametrize("cut", [1, 5, 12])
def test_a_piece_that_was_cut_off_is_not_there_and_the_next_is_written_in_its_place(path, cut):
    with PieceFile(path) as pieces:
        pieces.add("a", [1])
        whole = path.read_bytes()
        pieces.add("b", ["longer than the cut"])
    path.write_bytes(path.read_bytes()[:-cut])
    with PieceFile(path) as pieces:
        assert "a" in pieces and "b" not in pieces
        assert path.read_bytes() == whole
        pieces.add("c", 3)
        assert (pieces.read("a"), pieces.read("c")) == ([1], 3)


@pytest.mark.parametrize("other", [b"a photo\xff\n", b"[]\n", b'{"annotations": []}\n', b"3\n", b'[[], "a"]\n'])
def test_a_file_of_another_kind_holds_no_piece(path, other):
    path.write_bytes(other)
    with PieceFile(path) as pieces:
        assert not pieces.places


def test_without_a_piece_no_file_stays_behind(path):
    with PieceFile(path):
        assert path.exists()
    assert not path.exists()


def test_a_finished_file_goes(path):
    with PieceFile(path) as pieces:
        pieces.add("a", 1)
        pieces.delete()
    assert not path.exists()
