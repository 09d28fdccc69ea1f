# The production image: every role is the same image with another command. No embedded servers, no build tools, not root.
FROM python:3.12-slim AS build
RUN python -m venv /opt/venv
COPY requirements/production.txt /tmp/production.txt
RUN /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes \
        --only-binary :all: --requirement /tmp/production.txt \
    && /opt/venv/bin/python -m pip uninstall --yes pip

FROM python:3.12-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --user-group --no-create-home threadneedle
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY adapters adapters
COPY config config
COPY gateway gateway
COPY kernel kernel
COPY payments payments
COPY accounts accounts
COPY threadneedle threadneedle
COPY webhooks webhooks
RUN python -m compileall -q .
USER 10001
# Inside a container the outside world is not loopback; who publishes the admin and watch ports decides who sees them.
ENV THREADNEEDLE_GATEWAY__HOST=0.0.0.0 THREADNEEDLE_GATEWAY__ADMIN_HOST=0.0.0.0 THREADNEEDLE_WATCH__HOST=0.0.0.0
EXPOSE 8080 8081 8082 8083
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "threadneedle"]
CMD ["gateway"]
# READY_PORT is where this role says that it is ready: the gateway's API, or the role's port of [watch].
ENV READY_PORT=8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['READY_PORT'] + '/readyz', timeout=2)"]
