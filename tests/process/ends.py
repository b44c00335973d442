"""Run in a process of its own: the reactor stops while much is waited for.

Prints a line of JSON: what became of each Deferred.
"""

import json

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

from socs_tcp import DeviceClient

fired = {}


def watch(name, deferred):
    fired[name] = None
    deferred.addBoth(lambda result: fired.__setitem__(name, type(getattr(
        result, "value", result)).__name__))


class Mute(Protocol):
    pass


def main():
    port = listening.getHost().port
    absent = DeviceClient("192.0.2.1", 7777, 30.0)        # nobody answers there
    refused = DeviceClient("127.0.0.1", 1, 30.0)
    mute = DeviceClient("127.0.0.1", port, 30.0)
    for name, client in (("absent", absent), ("refused", refused), ("mute", mute)):
        watch(f"{name} query", client.query("T?"))
        watch(f"{name} queued", client.query("T?"))
        watch(f"{name} recv", client.recv())
    for name, client in (("absent", absent), ("refused", refused)):
        watch(f"{name} connected", client.when_connected())
    mute.when_connected().addCallback(lambda _: reactor.callLater(0.2, reactor.stop))


listening = reactor.listenTCP(0, Factory.forProtocol(Mute), interface="127.0.0.1")
reactor.callWhenRunning(main)
reactor.run()
print(json.dumps(fired), flush=True)
