"""A file of whole lines, with room and without."""

import pytest

from socs_tcp.core.line_file import LineFile


@pytest.fixture
def told():
    return []


def test_each_line_is_there_at_once(tmp_path, told):
    file = LineFile(tmp_path / "x", "w", told.append)
    assert file.write("one\n") == 4
    assert (tmp_path / "x").read_text() == "one\n"
    file.write("two, µ\n")
    file.close()
    file.close()
    assert (tmp_path / "x").read_text() == "one\ntwo, µ\n" and told == []
    file.write("after its end\n")
    assert (tmp_path / "x").read_text() == "one\ntwo, µ\n"


def test_no_room_is_told_once_and_fails_nobody(told):
    file = LineFile("/dev/full", "w", told.append)
    file.write("one\n")
    file.write("two\n")
    assert told == ["/dev/full ends here: No space left on device; everything else goes on"]
    assert file.failure is not None


def test_a_line_that_was_cut_is_taken_back(tmp_path, told):
    file = LineFile(tmp_path / "x", "w", told.append)
    file.write("whole\n")
    real = file._file

    class Full:
        def write(self, data):
            if len(data) > 3:
                return real.write(data[:3])
            raise OSError(28, "No space left on device")

        truncate, close = real.truncate, real.close
    file._file = Full()
    file.write("half\n")
    assert (tmp_path / "x").read_text() == "whole\n" and len(told) == 1


def test_a_letter_that_is_none_is_escaped(tmp_path, told):
    LineFile(tmp_path / "x", "w", told.append).write("\udcff\n")
    assert (tmp_path / "x").read_text() == "\\udcff\n"


def test_a_file_that_is_there_or_cannot_be_is_an_error(tmp_path, told):
    (tmp_path / "x").touch()
    with pytest.raises(FileExistsError):
        LineFile(tmp_path / "x", "x", told.append)
    with pytest.raises(FileNotFoundError):
        LineFile(tmp_path / "no" / "x", "w", told.append)
