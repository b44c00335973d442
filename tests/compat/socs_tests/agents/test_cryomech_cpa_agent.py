from socs.agents.cryomech_cpa.agent import PTCAgent  # noqa: F401
