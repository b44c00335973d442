"""What this package offers to OCS: the entry point ``ocs.plugins``."""

package_name = "socs_tcp"
agents = {
    "TCPDeviceAgent": {"module": "socs_tcp.agents.tcp_device", "entry_point": "main"},
}
