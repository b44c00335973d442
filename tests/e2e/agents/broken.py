"""An agent that does not come up."""


def main(args=None):
    raise SystemExit("no such instrument")
