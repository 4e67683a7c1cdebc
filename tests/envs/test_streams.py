import numpy as np

from rlsuite.envs.streams import pack_streams, spawn_streams, unpack_streams


def test_unpacked_streams_go_on_where_the_packed_ones_were():
    streams = spawn_streams(3, 4)
    for stream in streams:
        stream.integers(10, dtype=np.uint32)  # leaves half a draw behind
    packed = pack_streams(streams)
    assert packed.dtype == np.int64
    for one, two in zip(streams, unpack_streams(packed), strict=True):
        assert (
            one.integers(2**32, size=5, dtype=np.uint32).tolist()
            == two.integers(2**32, size=5, dtype=np.uint32).tolist()
        )
        assert one.standard_normal(9).tolist() == two.standard_normal(9).tolist()


def test_streams_differ_and_do_not_depend_on_how_many():
    few, many = spawn_streams(3, 2), spawn_streams(3, 5)
    draws = [stream.random() for stream in many]
    assert [stream.random() for stream in few] == draws[:2]
    assert len(set(draws)) == 5
