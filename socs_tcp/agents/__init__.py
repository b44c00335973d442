"""OCS agents that come with this package."""
