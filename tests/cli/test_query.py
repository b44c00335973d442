"""``query``: one process a command line, and what a person or a script learns from it."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from contextlib import closing, contextmanager

import pytest
from certificates import Certificate
from cli_run import Served, Terminal, run

from socs_tcp import LengthFramer, LineFramer
from socs_tcp.testing import DeviceServer, ScriptedDevice


@pytest.fixture
def device():
    answers = {"*IDN?": "LSCI,MODEL372", "evil?": b"\x1b[2Jgone\x07", "a?": "1", "b?": "2",
               "name?": "Tür µ".encode(), "latin?": "Tür".encode("latin-1")}
    with DeviceServer(ScriptedDevice(answers, framer=LineFramer())) as server:
        yield server


@contextmanager
def saying(*pieces):
    """A device that sends these as soon as something was sent to it; gives its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        def answer():
            client, _ = listener.accept()
            with client:
                while client.recv(1000):
                    for piece in pieces:
                        client.sendall(piece)
        threading.Thread(target=answer, daemon=True).start()
        yield listener.getsockname()[1]


def test_it_prints_the_reply_and_nothing_else(device):
    done = run(f"query 127.0.0.1:{device.port} '*IDN?'")
    assert (done.returncode, done.stdout, done.stderr) == (0, "LSCI,MODEL372\n", "")


def test_on_a_terminal(device):
    with Terminal(f"query 127.0.0.1:{device.port} 'evil?'") as shown:
        assert shown.end() == 0
    assert shown.lines == ["\\x1b[2Jgone\\x07"]


def test_control_characters_are_shown_escaped(device):
    done = run(f"query 127.0.0.1:{device.port} 'evil?'")
    assert done.stdout == "\\x1b[2Jgone\\x07\n"


def test_hex_shows_every_byte(device):
    done = run(f"query 127.0.0.1:{device.port} 'evil?' --hex")
    assert done.stdout == ("000000  1b 5b 32 4a 67 6f 6e 65 07 0d 0a                "
                           " .[2Jgone...\n")


def test_it_sends_what_the_escapes_say():
    with DeviceServer(ScriptedDevice({b"\x05a": b"ok"}, framer=LineFramer(b"\n"))) as server:
        done = run(rf"query 127.0.0.1:{server.port} '\x05a' --terminator '\n'")
    assert done.stdout == "ok\n"


@pytest.mark.parametrize("arguments, code, words", [
    ("127.0.0.1:1 x", 3, "cannot connect: Connection refused"),
    ("{address} nonsense --timeout 0.2", 4, "no reply within 0.2 s"),
    ("{address} x --prompt '('", 2, "is not a regular expression"),
    ("{address} x --terminator ''", 2, "at least one byte"),
    ("nowhere x", 2, "is not HOST:PORT"),
    ("{address} x --timeout -1", 2, "not a number of seconds above 0"),
    ("127.0.0.1:99999 x", 2, "1 to 65535"),
    ("{address}", 2, "nothing to send: give a COMMAND or -f FILE"),
    ("{address} -f /nowhere/x", 2, "/nowhere/x: No such file"),
    ("{address} x --lines 0", 2, "not a whole number from 1"),
    ("{address} x --encoding klingon", 2, "there is no encoding 'klingon'"),
    ("{address} x --encoding rot13", 2, "there is no encoding 'rot13'"),
    ("{address} x --header 6,9,H", 2, "not inside a header of 6 bytes"),
    ("{address} x --header 6,0,f", 2, "not one whole number"),
    ("{address} x --header 6,0,999999999999B", 2, "not one whole number"),
    (r"{address} 'x\q'", 2, "has a bad escape"),
    ("{address} x --description nonsense", 2, "no description of that name"),
])
def test_it_tells_a_script_what_went_wrong(device, arguments, code, words):
    done = run("query " + arguments.format(address=f"127.0.0.1:{device.port}"))
    assert done.returncode == code
    assert words in done.stderr
    assert done.stdout == ""


# several commands, several lines

def test_several_commands(device):
    assert run(f"query 127.0.0.1:{device.port} 'a?' 'b?'").stdout == "1\n2\n"


def test_commands_from_a_file_and_from_standard_input(device, tmp_path):
    file = tmp_path / "commands"
    file.write_text("a?\n\nb?\n")
    assert run(f"query 127.0.0.1:{device.port} -f {file}").stdout == "1\n2\n"
    assert run(f"query 127.0.0.1:{device.port} 'b?' -f -", input="a?\n").stdout == "2\n1\n"


def test_the_first_that_fails_is_the_last(device):
    done = run(f"query 127.0.0.1:{device.port} 'a?' what? 'b?' --timeout 0.2")
    assert (done.returncode, done.stdout) == (4, "1\n")


def test_several_lines_answer_one_command():
    with saying(b"one\r\ntwo\r\nthree\r\n") as port:
        done = run(f"query 127.0.0.1:{port} 'all?' --lines 3")
    assert (done.returncode, done.stdout, done.stderr) == (0, "one\ntwo\nthree\n", "")


def test_fewer_lines_than_were_asked_for():
    with saying(b"one\r\n") as port:
        done = run(f"query 127.0.0.1:{port} 'all?' --lines 3 --timeout 0.3")
    assert done.returncode == 4
    assert "no reply within 0.3 s" in done.stderr
    assert "complete replies that came: 1 (--lines)" in done.stderr


@pytest.mark.parametrize("pieces, shown", [
    ([b"one\r\ntwo\r\n"], "two\\r\\n (--lines 2"), ([b"one\r\n", b"tw"], "tw (--lines 2")])
def test_more_came_than_is_shown(pieces, shown):
    with saying(*pieces) as port:
        done = run(f"query 127.0.0.1:{port} 'x'")
    assert (done.returncode, done.stdout) == (0, "one\n")
    assert f"more came than is shown: {shown}" in done.stderr


def test_json(device):
    done = run(f"query 127.0.0.1:{device.port} 'a?' 'evil?' what? --json --timeout 0.2")
    good, evil, bad = map(json.loads, done.stdout.splitlines())
    assert (good["command"], good["replies"], good["hex"]) == ("a?", ["1"], ["310d0a"])
    assert good["round_trip"] > 0
    assert evil["replies"] == ["\x1b[2Jgone\x07"]
    assert "\x1b" not in done.stdout
    assert bad["kind"] == "ReplyTimedOut"
    assert "no reply within 0.2 s" in bad["error"]


def test_more_came_than_is_shown_of_a_command_that_is_not_the_last():
    with saying(b"one\r\ntwo\r\n") as port:
        done = run(f"query 127.0.0.1:{port} x y")
    assert (done.returncode, done.stdout) == (0, "one\none\n")
    assert done.stderr.count("more came than is shown: two\\r\\n") == 2


# encodings, framings

@pytest.mark.parametrize("command, options, shown", [
    ("name?", "--encoding utf-8", "Tür µ"), ("name?", "", r"T\xc3\xbcr \xc2\xb5"),
    ("latin?", "--encoding latin-1", "Tür"), ("latin?", "--encoding utf-8", r"T\xfcr")])
def test_text_of_an_encoding(device, command, options, shown):
    done = run(f"query 127.0.0.1:{device.port} {command} {options}",
               env={"PYTHONIOENCODING": "utf-8"})
    assert done.stdout == f"{shown}\n"


def test_a_terminal_without_these_letters_is_no_reason_to_fail(device):
    done = run(f"query 127.0.0.1:{device.port} name? --encoding utf-8",
               env={"PYTHONIOENCODING": "ascii"})
    assert done.stdout == "T\\xfcr \\xb5\n"


@pytest.mark.parametrize("name", ["LF", "lf", r"'\n'"])
def test_a_terminator_has_a_name(name):
    with DeviceServer({"a?": "1"}, framer=LineFramer("\n")) as server:
        assert run(f"query 127.0.0.1:{server.port} 'a?' --terminator {name}").stdout == "1\n"


def test_any_of_several_terminators():
    with saying(b"one\ntwo\r") as port:
        done = run(f"query 127.0.0.1:{port} x --terminator LF --terminator CR --lines 2")
    assert done.stdout == "one\ntwo\n"


def test_a_header_says_how_long_the_reply_is():
    framer = LengthFramer(6, lambda header: int.from_bytes(header[4:6], "big"))
    request = rb"\x00\x01\x00\x00\x00\x02\x01\x04"
    reply = b"\x00\x01\x00\x00\x00\x03\x01\x04\x07"
    script = {request.decode().encode().decode("unicode_escape").encode("latin-1"): reply}
    with DeviceServer(ScriptedDevice(script, framer=framer)) as server:
        done = run(f"query 127.0.0.1:{server.port} '{request.decode()}' --header '6,4,>H' --hex")
    assert done.stdout.startswith("000000  00 01 00 00 00 03 01 04 07 ")


def test_a_block_ends_where_it_says():
    with saying(b"#14a\nb\n\n") as port:
        done = run(f"query 127.0.0.1:{port} 'curve?' --block --hex")
    assert (done.stderr, done.stdout.split("  ")[1]) == ("", "23 31 34 61 0a 62 0a 0a")


def test_a_device_that_greets_and_negotiates():
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        def greet():
            client, _ = listener.accept()
            with client:
                client.sendall(b"\xff\xfd\x18Wel")
                client.sendall(b"come\r\n")
                while data := client.recv(1000):
                    if b"T?" in data:       # and not what refuses the option
                        client.sendall(b"4.2\r\n")
        threading.Thread(target=greet, daemon=True).start()
        port = listener.getsockname()[1]
        done = run(f"query 127.0.0.1:{port} 'T?' --telnet --greeting")
    assert (done.stdout, done.stderr) == ("4.2\n", "")


def test_the_framing_of_a_description():
    with Served("simulate kikusui_pmx --port 0") as served:
        done = run(f"query 127.0.0.1:{served.port} 'volt?' --description kikusui_pmx")
    assert (done.stdout, done.stderr) == ("1.000000\n", "")


@pytest.mark.parametrize("options, code, told", [
    ("--tls-ca {path}", 0, ""), ("--tls", 3, "certificate"), ("--tls-ca /nowhere", 2, "No such"),
    ("--tls-ca /dev/null", 2, "/dev/null")])
def test_a_device_that_speaks_tls(tmp_path, options, code, told):
    certificate = Certificate(tmp_path)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        def answer():
            with contextlib.suppress(OSError):
                client, _ = listener.accept()
                with certificate.server().wrap_socket(client, server_side=True) as secured:
                    while secured.recv(1000):
                        secured.sendall(b"4.2\r\n")
        threading.Thread(target=answer, daemon=True).start()
        options = options.format(path=certificate.path)
        done = run(f"query 127.0.0.1:{listener.getsockname()[1]} 'T?' {options}")
    assert (done.returncode, done.stdout) == (code, "" if code else "4.2\n")
    assert told in done.stderr


# advice

@pytest.mark.parametrize("options, advice", [
    ("", "the command ended with CRLF; the device may want another end (--send-terminator LF)"),
    ("--terminator LF", "the command ended with LF; the device may want another end "
                        "(--send-terminator CRLF)"),
    ("--send-terminator CR", "the command ended with CR; the device may want another end "
                             "(--send-terminator CRLF or LF)"),
    ("--raw", "nothing was added to the command; many devices want a terminator "
              "(--send-terminator CRLF, or LF, or CR)"),
    ("--length 3", "nothing was added to the command; many devices want a terminator "
                   "(--send-terminator CRLF, or LF, or CR)"),
])
def test_advice_where_nothing_came(options, advice):
    with DeviceServer({"A": "1"}, framer=LineFramer(";")) as server:
        done = run(f"query 127.0.0.1:{server.port} 'volt?' --timeout 0.2 {options}")
    assert (done.returncode, done.stderr.splitlines()[1:]) == (4, [f"socs-tcp: {advice}"])


def test_advice_where_the_carriage_return_of_a_reply_is_shown():
    device = ScriptedDevice({"A": b"1\r\n", "B": b"2\r\n"}, framer=LineFramer("\n"))
    with DeviceServer(device) as server:
        done = run(f"query 127.0.0.1:{server.port} A B --terminator LF")
        assert (done.returncode, done.stdout) == (0, "1\\r\n2\\r\n")
        advice, = done.stderr.splitlines()      # once
        options = advice.partition("(")[2].partition(" leaves")[0]
        done = run(f"query 127.0.0.1:{server.port} A B {options}")
        assert (done.stdout, done.stderr) == ("1\n2\n", "")


@pytest.mark.parametrize("came, options, advice", [
    (b"1.25\n", "", "the data ends with LF: is that the end of a reply? (--terminator LF)"),
    (b"1.25\r", "", "the data ends with CR: is that the end of a reply? (--terminator CR)"),
    (b"1.25\r\n", "--terminator ';'", "is that the end of a reply? (--terminator CRLF)"),
    (b"1.25\n", "--send-terminator LF", "(--terminator LF)"),
    (b"1.25", "", "say where a reply ends with --terminator, --prompt or --length"),
    (b"1.25", "--length 9", "4 of 9 bytes came; the replies may be shorter (--length)"),
    (b"#19x", "--block", "the header announces more bytes than came"),
    (b"\0\0\0\0\0\x09x", "--header '6,4,>H'", "the header announces more bytes than came"),
])
def test_advice_where_the_end_of_a_reply_is_not_seen(came, options, advice):
    with saying(came) as port:
        done = run(f"query 127.0.0.1:{port} 'volt?' --timeout 0.3 {options}")
    assert done.returncode == 4
    assert advice in done.stderr
