from socs_tcp.testing.router_fixture import crossbar_router

__all__ = ["crossbar_router"]
