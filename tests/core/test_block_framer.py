"""Blocks of IEEE 488.2, whatever their bytes are."""

import pytest

from socs_tcp import BlockFramer, FramingError

WAVEFORM = b"#211a\n#0b\r\n99\r\x00"


def frames(framer, pieces):
    decoder, found = framer.decoder(), []
    for piece in pieces:
        decoder.feed(piece)
        while (frame := decoder.next_frame()) is not None:
            found.append(frame)
    return found


def test_a_block_is_one_frame_whatever_its_bytes_are():
    stream = WAVEFORM + b"\n" + b"#10\n" + b"ERROR 5\n"
    expected = [WAVEFORM, b"#10", b"ERROR 5"]
    assert frames(BlockFramer(), [stream]) == expected
    assert frames(BlockFramer(), [stream[i:i + 1] for i in range(len(stream))]) == expected


def test_a_block_that_nothing_follows_is_over_with_its_last_byte():
    framer = BlockFramer("")
    assert framer.encode("CURV?") == b"CURV?\n"
    assert BlockFramer("", send_terminator="\r").encode("CURV?") == b"CURV?\r"
    stream = WAVEFORM + b"#10" + b"#3001\n"
    for pieces in ([stream], [stream[i:i + 1] for i in range(len(stream))]):
        assert frames(framer, pieces) == [WAVEFORM, b"#10", b"#3001\n"]


@pytest.mark.parametrize("wrong", [b"ERROR 5\n", b"#0abc\n", b"\n"])
def test_without_a_terminator_there_are_no_other_replies(wrong):
    with pytest.raises(FramingError, match="not a block"):
        frames(BlockFramer(""), [wrong])


def test_the_content_of_a_block():
    assert BlockFramer.content(WAVEFORM) == b"a\n#0b\r\n99\r\x00"
    assert BlockFramer.content(b"#0abc") == b"abc"
    with pytest.raises(ValueError, match="not a block"):
        BlockFramer.content(b"ERROR")


def test_a_block_of_unknown_length_ends_with_the_terminator():
    assert frames(BlockFramer(), [b"#0ab", b"c\n"]) == [b"#0abc"]


@pytest.mark.parametrize("wrong", [b"#-1\n", b"# 3\n", b"#!\n", b"#x\n", b"#\n"])
def test_what_is_no_block_is_shown_as_far_as_it_came(wrong):
    with pytest.raises(FramingError) as caught:
        frames(BlockFramer(), [wrong])
    assert str(caught.value).endswith(f"it begins {wrong!r}")


@pytest.mark.parametrize("wrong, message", [
    (b"#xabc\n", "not a block"), (b"#2x1abc\n", "not a block"), (b"#13abcd\n", "follows a block"),
    (b"#9999999999", "999999999 bytes is announced"), (b"#:1\n", "not a block"),
])
def test_what_is_no_block_is_an_error_and_not_a_reply(wrong, message):
    with pytest.raises(FramingError, match=message):
        frames(BlockFramer(), [wrong])
    with pytest.raises(FramingError, match=message):
        frames(BlockFramer(), [wrong[i:i + 1] for i in range(len(wrong))])


def test_an_endless_line_is_bounded():
    with pytest.raises(FramingError, match="no end of the reply"):
        frames(BlockFramer(max_length=10), [b"x" * 12])


def test_a_line_may_be_as_long_as_it_may_be():
    decoder = BlockFramer(max_length=8).decoder()
    decoder.feed(b"x" * 8)
    assert decoder.next_frame() is None
    decoder.feed(b"x" * 8)
    with pytest.raises(FramingError):
        decoder.next_frame()
