"""The page that compares libraries says what they do: each of them, through each failure."""

import logging
import re
import time

import pytest
from docs_pages import DOCS

from socs_tcp import LineFramer, TCPInterface
from socs_tcp.testing import DeviceServer

TIMEOUT = 0.5


def socs_tcp(host, port):
    device = TCPInterface(host, port, timeout=TIMEOUT, framer=LineFramer("\n"))
    return device.query, device.close


def socs(host, port):
    from socs.tcp import TCPInterface as Original
    device = Original(host, port, TIMEOUT)

    def ask(question):
        device.send(question + b"\n")
        return device.recv()
    return ask, lambda: device.comm and device.comm.close()


def sockio(host, port):
    from sockio.sio import TCP
    device = TCP(host, port, timeout=TIMEOUT)
    return (lambda question: device.write_readline(question + b"\n")), device.close


def pyvisa(host, port):
    import pyvisa
    manager = pyvisa.ResourceManager("@py")
    device = manager.open_resource(f"TCPIP::{host}::{port}::SOCKET", read_termination="\n",
                                   write_termination="\n", timeout=1000 * TIMEOUT)
    return (lambda question: device.query(question.decode()).encode()), manager.close


CLIENTS = {"socs.tcp": socs, "pyvisa-py": pyvisa, "sockio": sockio, "socs_tcp": socs_tcp}


def late(server):
    server.faults.late(TIMEOUT * 1.2)


def pieces(server):
    server.faults.split(at=3, pause=0.1)


def hang_up(server):
    server.faults.hang_up()
    server.wait_for(lambda: not server.clients)
    time.sleep(0.05)        # the client's system has heard of it, too


FAILURES = {"the first reply is late": late, "reply in two pieces": pieces,
            "hang-up before the first": hang_up}


def table():
    """What the page says: (failure, client, the two words)."""
    rows = [re.split(r" {2,}", line) for line in (DOCS / "comparison.rst").read_text().splitlines()
            if line.startswith(("what goes", *FAILURES))]
    return [(row[0], client, said) for row in rows[1:]
            for client, said in zip(rows[0][1:], row[1:], strict=True)]


@pytest.mark.parametrize("failure, client, said", table())
def test_it_does_what_the_page_says(failure, client, said):
    logging.disable(logging.CRITICAL)
    with DeviceServer(lambda question: b"to " + question, framer=LineFramer("\n")) as server:
        ask, close = CLIENTS[client](server.host, server.port)
        try:
            assert ask(b"0").strip() == b"to 0"
            FAILURES[failure](server)
            assert ", ".join(outcome(ask, b"%d" % number) for number in (1, 2)) == said
        finally:
            close()
            logging.disable(logging.NOTSET)


def outcome(ask, question):
    try:
        return "right" if ask(question).strip() == b"to " + question else "wrong"
    except Exception:   # whatever it calls it
        return "error"


def test_the_whole_table_is_tried():
    assert len(table()) == len(CLIENTS) * len(FAILURES)
