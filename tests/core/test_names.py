"""Look-ups: bounded by those who wait, one at a time for each host."""

import os
import socket
import threading
import traceback

import pytest

from socs_tcp.core import names as module
from socs_tcp.core.names import Names, look_up, numeric, with_port

BOUND = 10


class Resolver:
    """In the place of `socket.getaddrinfo`: answers when the test says so."""

    def __init__(self, monkeypatch):
        self.asked = []
        self.asked_now = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", 0))]
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host, port, *args, **kwargs):
        self.asked.append(host)
        self.asked_now.release()
        assert self.go.acquire(timeout=BOUND)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Asker:
    def __init__(self, names, host):
        self.done = threading.Event()
        self.answers = []
        self.forget = names.ask(host, self.told)

    def told(self, answer):
        self.answers.append(answer)
        self.done.set()

    def answer(self):
        assert self.done.wait(BOUND)
        return self.answers[0]


@pytest.fixture
def resolver(monkeypatch):
    return Resolver(monkeypatch)


@pytest.fixture
def names():
    return Names(module._in_a_thread)


FOUND = [(socket.AF_INET, ("192.0.2.7", 0))]


@pytest.mark.parametrize("host, address", [
    ("192.0.2.7", (socket.AF_INET, ("192.0.2.7", 0))),
    ("::1", (socket.AF_INET6, ("::1", 0, 0, 0))),
    ("fe80::1%3", (socket.AF_INET6, ("fe80::1", 0, 0, 3))),
    ("fe80::1%lo", (socket.AF_INET6, ("fe80::1", 0, 0, socket.if_nametoindex("lo")))),
])
def test_an_address_needs_no_look_up(names, resolver, host, address):
    assert Asker(names, host).answer() == [address]
    assert not resolver.asked


@pytest.mark.parametrize("host", ["dev", "127.1", "1.2.3.4%lo", "dev.example", "a\0b", "1.2.3"])
def test_a_name_is_no_address(host):
    assert numeric(host) is None


@pytest.mark.parametrize("zone", ["gone", "lo lo", "\0", "x" * 300, "-1", "²"])
def test_a_zone_whose_interface_is_gone_is_told_at_once(names, zone):
    answer = Asker(names, f"fe80::1%{zone}").answer()
    assert isinstance(answer, OSError)
    assert f"no network interface {zone!r}" in str(answer)


def test_a_port_is_added_to_an_address_and_its_zone_is_kept():
    assert with_port((socket.AF_INET6, ("fe80::1", 0, 0, 3)), 7) == \
        (socket.AF_INET6, ("fe80::1", 7, 0, 3))
    assert with_port((socket.AF_INET, ("192.0.2.7", 0)), 7) == (socket.AF_INET, ("192.0.2.7", 7))


def test_who_asks_for_a_name_that_is_being_looked_up_joins(names, resolver):
    askers = [Asker(names, "dev") for _ in range(3)]
    other = Asker(names, "other")
    for _ in range(2):
        assert resolver.asked_now.acquire(timeout=BOUND)
    assert sorted(resolver.asked) == ["dev", "other"]
    resolver.go.release(2)
    assert [asker.answer() for asker in [*askers, other]] == [FOUND] * 4
    assert sorted(resolver.asked) == ["dev", "other"]


def test_a_name_is_looked_up_anew_once_the_answer_has_been_given(names, resolver):
    resolver.go.release(2)
    for _ in range(2):
        assert Asker(names, "dev").answer() == FOUND
    assert resolver.asked == ["dev", "dev"]


def test_an_answer_that_came_too_late_for_all_serves_the_next_once(names, resolver):
    late = Asker(names, "dev")
    late.forget()
    thread = next(t for t in threading.enumerate() if t.name == "look-up of 'dev'")
    resolver.go.release()
    thread.join(BOUND)
    assert not late.answers
    assert Asker(names, "dev").answer() == FOUND
    assert resolver.asked == ["dev"]
    resolver.go.release()
    assert Asker(names, "dev").answer() == FOUND
    assert resolver.asked == ["dev", "dev"]


def test_an_answer_that_came_too_late_is_not_kept_for_long(names, resolver):
    now = [100.0]
    names._seconds = lambda: now[0]
    Asker(names, "dev").forget()
    thread = next(t for t in threading.enumerate() if t.name == "look-up of 'dev'")
    resolver.go.release(2)
    thread.join(BOUND)
    now[0] += module.KEPT
    assert Asker(names, "dev").answer() == FOUND
    assert resolver.asked == ["dev", "dev"]


@pytest.mark.parametrize("raised", [
    socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
    UnicodeError("label too long"), OSError(5, "I/O error")])
def test_whatever_the_system_raises_is_an_os_error(names, resolver, raised):
    resolver.answer = raised
    resolver.go.release()
    answer = Asker(names, "dev").answer()
    assert isinstance(answer, OSError)
    assert str(raised) in str(answer)


def test_a_name_without_an_address_is_an_error(names, resolver):
    resolver.answer = [(socket.AF_UNIX, socket.SOCK_STREAM, 0, "", "path")]
    resolver.go.release()
    assert "dev has no address" in str(Asker(names, "dev").answer())


def test_each_address_is_given_once_in_the_order_of_the_system(names, resolver):
    one = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1", 0, 0, 2))
    two = resolver.answer[0]
    resolver.answer = [one, two, one, two]
    resolver.go.release()
    assert Asker(names, "dev").answer() == [(socket.AF_INET6, ("fe80::1", 0, 0, 2)), *FOUND]


def test_where_a_look_up_cannot_begin_that_is_the_answer():
    def begin(host, done):
        raise RuntimeError("can't start new thread")
    names = Names(begin)
    for _ in range(2):
        assert "'dev' cannot be looked up: can't start new thread" in \
            str(Asker(names, "dev").answer())


def test_a_look_up_that_was_interrupted_as_it_began_does_not_bar_the_next():
    def begin(host, done):
        begun.append(host)
        if len(begun) == 1:
            raise KeyboardInterrupt
        done(FOUND)
    begun = []
    names = Names(begin)
    with pytest.raises(KeyboardInterrupt):
        Asker(names, "dev")
    assert Asker(names, "dev").answer() == FOUND


def test_each_has_an_answer_of_their_own():
    begun = []
    names = Names(lambda host, done: begun.append(done))
    askers = [Asker(names, "dev") for _ in range(2)]
    begun[0](socket.gaierror(socket.EAI_AGAIN, "Temporary failure"))
    errors = [asker.answer() for asker in askers]
    assert errors[0] is not errors[1]
    assert [(type(e), e.errno, e.strerror) for e in errors] == \
        [(socket.gaierror, socket.EAI_AGAIN, "Temporary failure")] * 2


def test_a_forked_child_does_not_wait_for_a_thread_of_its_parent(resolver):
    names = module.names
    Asker(names, "dev").forget()
    assert resolver.asked_now.acquire(timeout=BOUND)
    child = os.fork()
    if not child:       # in the child: nothing of pytest
        status = 1
        try:
            resolver.go = threading.Semaphore(1)
            status = 0 if Asker(names, "dev").answer() == FOUND else 2
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    resolver.go.release()


@pytest.mark.parametrize("error", [UnicodeError("x\x1b[2J" * 500), SystemExit(1), MemoryError()])
def test_whatever_the_system_raises_ends_the_look_up_in_words(monkeypatch, error):
    def getaddrinfo(*_args, **_kwargs):
        raise error
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    answer = look_up("a.test")
    assert isinstance(answer, OSError)
    assert "'a.test' cannot be looked up" in str(answer)
    assert str(answer).isprintable() and len(str(answer)) < 400
