# whalebuild's own image, published by `whalebuild bake`: :deps is the stage "dependencies",
# :latest the last one. How the dependencies are installed: docs/platforms.md.
ARG PYTHON_IMAGE=python:3.13-slim
ARG DOCKER_CLI_IMAGE=docker:28-cli

FROM ${DOCKER_CLI_IMAGE} AS docker-cli

# The docker client with buildx and compose, which whalebuild drives, and the user's folders.
FROM --platform=$BUILDPLATFORM ${PYTHON_IMAGE} AS client
COPY --from=docker-cli /usr/local/bin/docker /out/usr/local/bin/
COPY --from=docker-cli /usr/local/libexec/docker/cli-plugins/ /out/usr/local/libexec/docker/cli-plugins/
RUN mkdir -p /out/work /out/home/whalebuild && chown 10001:10001 /out/work /out/home/whalebuild \
    && find /out -exec touch -hd @946684800 {} +

FROM ${PYTHON_IMAGE} AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/venv/bin:$PATH HOME=/home/whalebuild
COPY --link --from=client /out/ /
USER 10001
WORKDIR /work

# On the platform that builds, for the one that runs. All times are 2000-01-01.
FROM --platform=$BUILDPLATFORM ${PYTHON_IMAGE} AS installer
COPY requirements.lock /tmp/
ARG TARGETARCH
# The optional secret "ca" is a CA bundle, for networks whose proxy re-signs TLS.
RUN --mount=type=secret,id=ca,target=/run/secrets/ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
    case $TARGETARCH in amd64) cpu=x86_64;; arm64) cpu=aarch64;; *) cpu=$TARGETARCH;; esac; \
    python -m venv --without-pip /opt/venv \
    && _PYTHON_HOST_PLATFORM=linux-$cpu pip --python /opt/venv/bin/python install \
      --only-binary=:all: --no-compile --no-cache-dir --require-hashes -r /tmp/requirements.lock \
    && mkdir -p /out/opt && mv /opt/venv /out/opt/ && find /out -exec touch -hd @946684800 {} +

FROM base AS dependencies
COPY --link --from=installer /out/ /

# On top of the dependencies and with --link: a code change is one small layer.
FROM dependencies AS final
COPY --link src/whalebuild/ /opt/whalebuild/whalebuild/
ENV PYTHONPATH=/opt/whalebuild
ENTRYPOINT ["python", "-m", "whalebuild"]
CMD ["--help"]
