# One image for everything that is ours. Build: docker build -t premortem .
FROM python:3.12.8-slim-bookworm

RUN useradd --create-home --uid 10001 premortem && mkdir -p /var/lib/premortem && chown premortem /var/lib/premortem
WORKDIR /opt/premortem
COPY requirements/runtime.lock requirements/
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements/runtime.lock
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation --no-index -e .

USER premortem
ENV PREMORTEM_DATA_DIR=/var/lib/premortem/data PREMORTEM_HTTP_HOST=0.0.0.0
VOLUME /var/lib/premortem
EXPOSE 8790
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8790/ready', timeout=2)"]
CMD ["python", "-m", "premortem.embedded"]
