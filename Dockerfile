# Three images from one file:
#   docker build --target agent  -t socs_tcp .           an OCS agent (the default)
#   docker build --target router -t socs_tcp-router .    a crossbar router, to try it with

FROM python:3.11-slim-bookworm AS build
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
# What changes seldom comes first: an edit of the code installs no dependency again.
COPY setup.cfg setup.py pyproject.toml README.rst LICENSE ./
RUN mkdir socs_tcp && touch socs_tcp/__init__.py && pip install dumb-init . \
 && pip uninstall --yes socs_tcp
COPY socs_tcp ./socs_tcp
RUN pip install --no-deps . \
 && pip uninstall --yes pip setuptools \
 && find /opt/venv -name tests -type d -prune -exec rm -rf {} + \
 && find /opt/venv -name test -path '*/twisted/*' -type d -prune -exec rm -rf {} +

FROM python:3.11-slim-bookworm AS build-router
RUN python -m venv /opt/venv
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check dumb-init crossbar

FROM python:3.11-slim-bookworm AS router
RUN useradd --system --create-home --uid 9000 ocs
COPY --from=build-router /opt/venv /opt/venv
COPY --chown=ocs docker/crossbar.json /crossbar/config.json
RUN chown ocs /crossbar
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
USER ocs
EXPOSE 8001
HEALTHCHECK --interval=2s --timeout=3s --retries=30 \
    CMD ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8001), 2)"]
ENTRYPOINT ["dumb-init", "crossbar", "start", "--cbdir", "/crossbar", "--color", "false"]

FROM python:3.11-slim-bookworm AS agent
# The user of OCS' own images, so that shared volumes keep their owner.
RUN useradd --system --create-home --uid 9000 ocs
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH OCS_CONFIG_DIR=/config PYTHONUNBUFFERED=1
USER ocs
WORKDIR /home/ocs
# Healthy: the agent named by INSTANCE_ID answers through the router. A device that is away is
# no reason to restart the agent, which says so itself (session.degraded).
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s \
    CMD ["python", "-m", "socs_tcp.agents.health"]
ENTRYPOINT ["dumb-init", "ocs-agent-cli"]
