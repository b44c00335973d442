# Three images from one file:
#   docker build --target agent  -t socs_tcp .           an OCS agent (the default)
#   docker build --target router -t socs_tcp-router .    a crossbar router, to try it with
#
# A tag may mean another image tomorrow. Where that must not be, name the base by its digest:
#   docker build --build-arg BASE=python:3.11-slim-bookworm@sha256:... .
ARG BASE=python:3.11-slim-bookworm

FROM $BASE AS build
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
# What changes seldom comes first: an edit of the code installs no dependency again.
COPY setup.cfg setup.py pyproject.toml README.rst LICENSE ./
RUN mkdir socs_tcp && echo "__version__ = '0'" > socs_tcp/__init__.py && pip install dumb-init . \
 && pip uninstall --yes socs_tcp
COPY socs_tcp ./socs_tcp
RUN pip install --no-deps . \
 && pip uninstall --yes pip setuptools \
 && find /opt/venv -name tests -type d -prune -exec rm -rf {} + \
 && find /opt/venv -name test -path '*/twisted/*' -type d -prune -exec rm -rf {} +

FROM $BASE AS build-router
RUN python -m venv /opt/venv
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check dumb-init crossbar

FROM $BASE AS router
RUN groupadd --gid 9000 ocs && useradd --uid 9000 --gid 9000 --create-home ocs
COPY --from=build-router /opt/venv /opt/venv
COPY socs_tcp/testing/router/call_guard.py /opt/router/
COPY docker/crossbar.json /etc/crossbar.json
# What crossbar writes while it runs goes to /run/crossbar, the only place that must be writable.
RUN mkdir /run/crossbar && chown 9000:9000 /run/crossbar
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/opt/router PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/run/crossbar
USER 9000:9000
EXPOSE 8001
HEALTHCHECK --interval=2s --timeout=3s --retries=30 \
    CMD ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8001), 2)"]
ENTRYPOINT ["dumb-init", "crossbar", "start", "--cbdir", "/run/crossbar", \
            "--config", "/etc/crossbar.json", "--color", "false"]

FROM $BASE AS agent
# The user of OCS' own images, so that shared volumes keep their owner. (A new volume has the
# owner of the folder where it is mounted: /dashboards is for that of docker-compose.yml.)
RUN groupadd --gid 9000 ocs && useradd --uid 9000 --gid 9000 --create-home ocs \
 && mkdir /dashboards && chown 9000:9000 /dashboards
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH OCS_CONFIG_DIR=/config PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 9000:9000
WORKDIR /home/ocs
# Healthy: the agent named by INSTANCE_ID answers through the router. A device that is away is
# no reason to restart the agent, which says so itself (session.degraded).
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s \
    CMD ["python", "-m", "socs_tcp.agents.health"]
ENTRYPOINT ["dumb-init", "ocs-agent-cli"]
