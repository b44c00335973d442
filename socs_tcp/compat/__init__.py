"""SOCS' own drivers on our `TCPInterface`, unchanged.

For a command, and for every Python process that it starts in its turn (OCS' HostManager
starts agents so)::

    python -m socs_tcp.compat ocs-agent-cli --instance-id cryomech

For code, before the first device is made::

    import socs_tcp.compat
    socs_tcp.compat.install()

There, ``session.degraded`` of each OCS agent is right for every operation, idle ones too,
though nothing in the agents sets it; see `follow`.

Either puts `socs_tcp.TCPInterface` where ``socs.tcp.TCPInterface`` is, and says so once in
the log. It does not matter whether the drivers are imported before or after.
"""

from .switch import install, installed, uninstall

__all__ = ["install", "installed", "uninstall"]
