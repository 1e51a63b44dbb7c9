# whalebuild's own image, published by `whalebuild bake`: :deps is the stage "dependencies",
# :latest the last one.
ARG PYTHON_IMAGE=python:3.13-slim
ARG DOCKER_CLI_IMAGE=docker:28-cli

FROM ${DOCKER_CLI_IMAGE} AS docker-cli

FROM ${PYTHON_IMAGE} AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/venv/bin:$PATH
RUN useradd --uid 10001 --create-home whalebuild
# The docker client with buildx and compose: whalebuild drives them.
COPY --from=docker-cli /usr/local/bin/docker /usr/local/bin/docker
COPY --from=docker-cli /usr/local/libexec/docker/cli-plugins/ /usr/local/libexec/docker/cli-plugins/

FROM base AS dependencies
COPY requirements.lock /tmp/requirements.lock
# The optional secret "ca" is a CA bundle, for networks whose proxy re-signs TLS.
RUN --mount=type=secret,id=ca,target=/run/secrets/ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
    python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check \
       --require-hashes -r /tmp/requirements.lock

# On top of the dependencies and with --link: a code change is one small layer.
FROM dependencies AS final
COPY --link src/whalebuild/ /opt/whalebuild/whalebuild/
ENV PYTHONPATH=/opt/whalebuild
USER 10001
WORKDIR /work
ENTRYPOINT ["python", "-m", "whalebuild"]
CMD ["--help"]
