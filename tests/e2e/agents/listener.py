"""An agent that hears the feeds of others, since an OCSClient cannot."""

import argparse

from ocs import ocs_agent, site_config


def main(args=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--feeds", nargs="+", required=True)
    options = site_config.parse_args("ListenerAgent", parser=parser, args=args)
    agent, runner = ocs_agent.init_site_agent(options)
    heard = {}

    def hear(feed):
        def handler(message, *details):
            heard.setdefault(feed, []).append(message)
        agent.subscribe_on_start(handler, f"{options.address_root}.{feed}")

    def tell(session, params):
        session.data = {feed: len(messages) for feed, messages in heard.items()}
        return True, "told"

    for feed in options.feeds:
        hear(feed)
    agent.register_task("tell", tell)
    runner.run(agent, auto_reconnect=True)
