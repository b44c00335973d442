from socs.agents.pfeiffer_tpg366.agent import PfeifferAgent  # noqa: F401
