"""Pickles are read without being executed: keypoints/restricted_pickle.py."""

import os
import pickle
import struct

import numpy as np
import pytest
from attention_keypoints.keypoints import restricted_pickle
from attention_keypoints.keypoints.restricted_pickle import read_pickle


class Calls:
    """Pickles to a call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Own:
    """An object of a class, which a pickle brings back with its attributes."""

    def __init__(self):
        self.attribute = 1


ARRAYS = {
    "doubles": np.arange(24, dtype=np.float64).reshape(2, 3, 4),
    "columns first": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "big-endian": np.arange(3, dtype=">i4"),
    "bytes": np.array([0, 1, 255], dtype=np.uint8),
    "truth": np.array([True, False]),
    "text": np.array("courtyard_00"),
    "none": np.zeros((0, 3)),
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_of_every_protocol_come_back(kind, protocol):
    array = ARRAYS[kind]
    read = read_pickle(pickle.dumps({"array": array}, protocol))["array"]
    assert read.shape == array.shape and read.dtype == array.dtype and (read == array).all()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_and_containers_come_back(protocol):
    values = {"a": [1, 2.5, None, True, "text", b"bytes"], "b": (1, (2, 3)), 7: np.float32(0.5), "c": {"d": []}}
    assert read_pickle(pickle.dumps(values, protocol)) == {
        "a": [1, 2.5, None, True, "text", b"bytes"], "b": [1, [2, 3]], 7: 0.5, "c": {"d": []},
    }  # fmt: skip


def test_what_is_shared_stays_shared():
    part = [np.zeros(3)]
    first, second = read_pickle(pickle.dumps([part, part]))
    assert first is second


def test_arrays_that_python_2_pickled_come_back():
    # Protocol 2 as Python 2 writes it: text and the bytes of an array alike as strings without an encoding.
    content = np.array([-1.5, 1e300]).tobytes()
    text = lambda characters: b"U" + struct.pack("B", len(characters)) + characters  # noqa: E731
    dtype = b"cnumpy\ndtype\n" + text(b"f8") + b"K\x00K\x01\x87R(K\x03" + text(b"<") + b"NNNJ\xff\xff\xff\xff"
    dtype += b"J\xff\xff\xff\xffK\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
    array += b"(K\x01K\x02\x85" + dtype + b"\x89" + text(content) + b"tb"
    read = read_pickle(b"\x80\x02}" + text(b"caf\xe9") + array + b"s.")
    assert list(read) == ["café"] and read["café"].tolist() == [-1.5, 1e300]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "disguise",
    [
        lambda call: call,
        lambda call: {"poses2d": [[call]]},
        lambda call: Calls(dict, [("key", call)]),
        lambda call: [np.zeros(3), {"deep": (call,)}],
    ],
    ids=["bare", "in a container", "as the argument of a call", "beside an array"],
)
def test_calls_are_refused_and_not_made(tmp_path, disguise, protocol):
    made = tmp_path / "made"
    data = pickle.dumps(disguise(Calls(os.mkdir, str(made))), protocol)
    with pytest.raises(ValueError, match="which no file of arrays needs; nothing of it was run"):
        read_pickle(data)
    assert not made.exists()
    pickle.loads(data)  # the file is a real danger to one who loads it as usual
    assert made.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_objects_of_classes_are_refused(protocol):
    with pytest.raises(ValueError, match="no file of arrays needs|makes objects of its own"):
        read_pickle(pickle.dumps(Own(), protocol))


GETATTR = b"cbuiltins\ngetattr\n"
NDARRAY = b"cnumpy\nndarray\n"
DTYPE = b"cnumpy\ndtype\n"
RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
FLOAT64 = DTYPE + b"(Vf8\nI0\nI1\ntR(I3\nV<\nNNNI-1\nI-1\nI0\ntb"
EMPTY = RECONSTRUCT + b"(" + NDARRAY + b"(I0\ntVb\ntR"


def array(shape=b"(I1\nt", dtype=FLOAT64, data=b"C\x08" + bytes(8)) -> bytes:
    return EMPTY + b"(I1\n" + shape + dtype + b"I00\n" + data + b"tb"


def test_the_hand_written_array_of_these_tests_is_read():
    assert read_pickle(array() + b".").tolist() == [0.0]


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (GETATTR + b"(" + NDARRAY + b"Vtofile\ntR.", "builtins.getattr"),
        (b"cnumpy\nndarray.tofile\n.", "numpy.ndarray.tofile"),
        (b"cnumpy\nload\n.", "numpy.load"),
        (b"(S'true'\nios\nsystem\n.", "objects of its own"),
        (NDARRAY + b"(I99999999999\ntR.", "in a way that no saved array needs"),
        (NDARRAY + b"}V__call__\nI1\nsb.", "change what reads it"),
        (RECONSTRUCT + b"N}V_make\nI1\ns\x86b.", "change what reads it"),
        (NDARRAY + b".", "no array, number, text or container"),
        (EMPTY + b".", "an array without content"),
        (array()[:-1] + b"b(I1\n(tNI00\nC\x00tb.", "an array that is finished"),
        (array(data=b"]") + b".", "arrays of objects"),
        (array(dtype=DTYPE + b"(VO8\nI0\nI1\ntR") + b".", "something else than numbers"),
        (array(dtype=DTYPE + b"(VU999999\nI0\nI1\ntR") + b".", "something else than numbers"),
        (array(dtype=DTYPE + b"(VV8\nI0\nI1\ntR(I3\nV|\nN(Va\nt}I8\nI1\nI0\ntb") + b".", "something else than numbers"),
        (array(dtype=DTYPE + b"(Vf8\nI0\nI1\ntR(I3\nV<\nN(Va\ntNI-1\nI-1\nI0\ntb") + b".", "several fields"),
        (array(dtype=b"Vf8\n") + b".", "of the wrong kind"),
        (array(shape=b"(I2\nt") + b".", r"shape \(2,\) with 8 bytes"),
        (array(shape=b"(I-1\nt") + b".", "shape is not a few whole numbers"),
        (array(shape=b"(I99999999999\nt") + b".", "shape is not a few whole numbers"),
        (array(shape=b"V1\n") + b".", "shape is not a few whole numbers"),
        (b"c_codecs\nencode\n(Vtext\nVrot13\ntR.", "encodes text as no array needs it"),
        (b"]q\x00h\x00a.", "within itself"),
        (b"]" * 200 + b"a" * 199 + b".", "nested too deep"),
        (b"}I1\nI2\ns", "ends|exhausted|pickle"),
        (b"", "pickle"),
        (b"not a pickle at all", "pickle"),
        (b".", "damaged"),
        (b"\x80\x63N.", "damaged"),
        (b"Pname\n.", "objects of its own"),
        (b"(NNe.", "damaged"),
        (b"}]Ns.", "damaged"),
    ],
)
def test_whatever_else_a_program_tries_is_refused_in_a_sentence(program, message):
    with pytest.raises(ValueError, match=message):
        read_pickle(program)


def test_sizes_that_a_file_only_claims_are_not_reserved():
    for claim in (b"B\xff\xff\xff\x7f", b"\x8e" + b"\xff" * 7 + b"\x7f", b"\x8d" + b"\xff" * 7 + b"\x7f"):
        with pytest.raises(ValueError, match="pickle of arrays"):
            read_pickle(claim + b"abc.")


def test_places_in_the_memory_of_the_reader_are_not_reserved_by_number():
    with pytest.raises(ValueError, match="too many parts"):
        read_pickle(b"Nr\xff\xff\xff\x7f.")


def test_one_text_cannot_become_many_arrays():
    content = b"X" + struct.pack("<I", 10_000) + b"a" * 10_000 + b"q\x010"
    again = b"c_codecs\nencode\n(h\x01Vlatin1\ntR0"
    with pytest.raises(ValueError, match="far more memory"):
        read_pickle(content + again * 1000 + b"N.")


def test_tuples_within_tuples_do_not_end_the_process():
    # As a key they are hashed, recursively and in C: read as usual, this one is a segmentation fault.
    with pytest.raises(ValueError, match="too many parts"):
        read_pickle(b"})" + b"\x85" * 500_000 + b"Ns.")


def test_numbers_that_collide_in_a_dictionary_are_refused():
    with pytest.raises(ValueError, match="whole number that is too large"):
        read_pickle(pickle.dumps({(2**61 - 1) * 2**k: None for k in range(64)}))


def test_too_many_parts_are_refused(monkeypatch):
    monkeypatch.setattr(restricted_pickle, "_MOST_OPCODES", 1000)
    assert len(read_pickle(pickle.dumps(list(range(300)), 2))) == 300
    with pytest.raises(ValueError, match="too many parts"):
        read_pickle(pickle.dumps(list(range(1000)), 2))


def test_every_cut_of_a_file_is_refused():
    data = pickle.dumps({"poses2d": [np.zeros((2, 3, 18))], "sequence": np.array("name")}, 2)
    for length in range(0, len(data), 7):
        with pytest.raises(ValueError, match="pickle"):
            read_pickle(data[:length])


def test_damage_is_read_as_another_value_or_refused():
    data = bytearray(pickle.dumps({"poses2d": [np.zeros((1, 3, 2))], "genders": ["m"], "n": (1, 2)}, 4))
    kinds = (dict, list, str, bytes, int, float, np.ndarray, type(None))
    for position in range(len(data)):
        for value in (0, 0x28, 0x52, 0x62, 0x93, 0xFF):
            damaged = data.copy()
            damaged[position] = value
            try:
                read = read_pickle(bytes(damaged))
            except ValueError:
                continue
            assert isinstance(read, kinds)
