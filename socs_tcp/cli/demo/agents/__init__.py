"""The two agents of the demonstration, each a file that ``ocs-agent-cli`` runs."""
