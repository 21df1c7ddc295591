# One image for everything that is ours: the gateway, the dataflows, the commands, and the stack of one machine.
# Build: docker build -t premortem:0.1.0 .

FROM python:3.12.8-slim-bookworm AS libraries
COPY requirements/runtime.lock /
# hatchling and editables stand in the lock for `make up`, which installs the checkout; nothing is built here.
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /runtime.lock \
 && /opt/venv/bin/pip uninstall --yes hatchling editables \
 && /opt/venv/bin/pip uninstall --yes pip

FROM python:3.12.8-slim-bookworm
# The worker reads repositories by git's own command line.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git openssh-client \
 && rm -rf /var/lib/apt/lists/*
RUN pip uninstall --yes pip \
 && useradd --no-log-init --create-home --uid 10001 premortem \
 && install --directory --owner=premortem --group=premortem --mode=0700 /var/lib/premortem \
 && printf '#!/opt/venv/bin/python\nfrom premortem.cli import main\n\nmain()\n' > /usr/local/bin/premortem \
 && chmod 0755 /usr/local/bin/premortem
COPY --from=libraries /opt/venv /opt/venv
WORKDIR /opt/premortem
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/opt/premortem PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    PREMORTEM_DATA_DIR=/var/lib/premortem/data PREMORTEM_HTTP_HOST=0.0.0.0
# What changes most comes last.
COPY migrations migrations
COPY premortem premortem
COPY api api
COPY dataflows dataflows
COPY replay replay
RUN python -m compileall -q .

USER premortem
EXPOSE 8790
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8790/ready', timeout=2)"]
CMD ["python", "-m", "premortem.embedded"]
