"""What only a reactor can suffer from: it is blocked, starved, or used from a foreign thread."""

import threading
import time

import pytest
from contract_faces import PATIENCE, ReactorThread, TwistedFace, wait_for
from odd_device import OddDevice
from twisted.internet.defer import inlineCallbacks

from socs_tcp import Disconnected, LineProtocol


def test_replies_that_lie_in_the_kernel_are_given_however_long_the_reactor_was_blocked(
        make_twisted, reactor_thread):
    def manners(line, number):
        line.say(line.read().lower() + b"\r\n")
        command = line.read()
        line.wait(0.1)
        line.say(command.lower() + b"\r\n")
        line.wait(10)
    with OddDevice(manners) as odd:
        devices = [make_twisted(odd, timeout=0.3) for _ in range(5)]
        for device in devices:
            assert device.query(b"A") == b"a"

        def ask_and_block():
            asked = [device.device.query(b"B") for device in devices]
            time.sleep(0.6)
            return asked
        for deferred in reactor_thread.call(ask_and_block):
            assert reactor_thread.call(lambda deferred=deferred: deferred) == b"b"
        assert all(device.link.up and device.link.connects == 1 for device in devices)


def stubborn(ask, tried, enough):
    """Somebody who asks again whenever it fails."""
    @inlineCallbacks
    def loop():
        while not enough.is_set():
            tried.append(None)
            try:
                yield ask()
            except ConnectionError:
                continue
    return loop()


def test_questions_of_a_closed_client_leave_the_reactor_alive(make_twisted, reactor_thread, server):
    device = make_twisted(server)
    tried, enough = [], threading.Event()
    reactor_thread.call(device.device.close)
    done = []
    reactor_thread.call(lambda: stubborn(lambda: device.device.query(b"A"), tried, enough)
                        .addBoth(done.append) and None)
    wait_for(lambda: len(tried) > 10)
    assert reactor_thread.call(lambda: "alive") == "alive"
    enough.set()
    wait_for(lambda: done)


def test_questions_in_an_on_connect_whose_connection_is_gone_leave_the_reactor_alive(
        reactor_thread):
    tried, enough = [], threading.Event()
    with OddDevice(lambda line, number: line.wait(0.05)) as odd:
        device = TwistedFace(reactor_thread, *odd.address, on_connect=lambda talk: stubborn(
            lambda: talk.query(b"A"), tried, enough))
        wait_for(lambda: device.link.down)
        assert reactor_thread.call(lambda: "alive") == "alive"
        enough.set()
        device.close()


@pytest.mark.parametrize("what", ["client", "protocol"])
def test_who_receives_again_in_each_callback_does_not_recurse(make_twisted, reactor_thread, what):
    def manners(line, number):
        line.say(b"".join(b"%d\r\n" % n for n in range(2000)))
        line.wait(10)
    with OddDevice(manners) as odd:
        device = make_twisted(odd)
        device.wait_unread(8890)
        seen, problems = [], []
        receive = device.device.recv if what == "client" else device.comm.recv

        def again(line):
            seen.append(line)
            if len(seen) < 2000:
                receive().addCallback(again).addErrback(problems.append)
        reactor_thread.call(lambda: receive().addCallback(again) and None)
        wait_for(lambda: len(seen) == 2000 or problems)
        assert problems == [] and seen == [b"%d" % n for n in range(2000)]


def test_a_foreign_thread_is_told_what_to_do(make_twisted, server):
    device = make_twisted(server)
    with pytest.raises(RuntimeError, match="blockingCallFromThread"):
        device.device.query(b"A")
    assert device.query(b"A") == b"alpha"


def test_when_the_reactor_ends_all_who_wait_hear_of_it():
    thread = ReactorThread()
    outcomes = []
    with OddDevice(lambda line, number: line.wait(10)) as odd:
        device = TwistedFace(thread, *odd.address, timeout=30.0)
        lonely = TwistedFace(thread, "127.0.0.1", 9, timeout=30.0)
        wait_for(lambda: device.link.connects)

        def ask():
            for deferred in (device.device.query(b"A"), device.device.query(b"B"),
                             device.device.reserve(), lonely.device.when_connected()):
                deferred.addBoth(outcomes.append)
        thread.call(ask)
        thread.stop()
    assert len(outcomes) == 4
    assert all(failure.check(Disconnected) for failure in outcomes)


def test_a_protocol_whose_connection_is_lost_leaves_the_reactor_alive(
        make_twisted, reactor_thread):
    with OddDevice(lambda line, number: None if number == 0 else line.wait(10)) as odd:
        device = TwistedFace(reactor_thread, *odd.address, timeout=1.0)
        wait_for(lambda: device.link.losses)
        protocol = reactor_thread.call(lambda: _lost_protocol(reactor_thread.reactor, odd.address))
        tried, enough, done = [], threading.Event(), []
        reactor_thread.call(lambda: stubborn(protocol.recv, tried, enough).addBoth(done.append)
                            and None)
        wait_for(lambda: len(tried) > 10, patience=PATIENCE)
        assert reactor_thread.call(lambda: "alive") == "alive"
        enough.set()
        wait_for(lambda: done)
        device.close()


@inlineCallbacks
def _lost_protocol(reactor, address):
    """A protocol whose connection was lost."""
    from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
    protocol = yield connectProtocol(TCP4ClientEndpoint(reactor, *address), LineProtocol())
    waiting = protocol.recv()
    protocol.transport.abortConnection()
    yield waiting.addErrback(lambda failure: None)
    return protocol
