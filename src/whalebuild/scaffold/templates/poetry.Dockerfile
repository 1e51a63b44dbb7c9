# whalebuild bake publishes the stage "dependencies" as :deps and the last stage as :latest.
# Packages are installed on the machine that builds, for the one that runs: nothing is emulated,
# and the same lock gives the same layer everywhere. Line by line: docs/platforms.md of whalebuild.
ARG PYTHON_IMAGE=python:{{version}}-slim

FROM ${PYTHON_IMAGE} AS base
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1

FROM --platform=$BUILDPLATFORM ${PYTHON_IMAGE} AS installer
RUN python -m venv /tools \
    && /tools/bin/pip install --no-cache-dir 'uv==0.13.*' 'poetry==2.*' 'poetry-plugin-export==1.*'
ENV UV_NO_CACHE=1 UV_NO_BUILD=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
COPY pyproject.toml poetry.lock /tmp/
RUN /tools/bin/poetry --project /tmp export --output /tmp/requirements.txt
ARG TARGETARCH
RUN case $TARGETARCH in amd64) cpu=x86_64;; arm64) cpu=aarch64;; *) cpu=$TARGETARCH;; esac; \
    /tools/bin/uv venv /opt/venv \
    && /tools/bin/uv pip install --python /opt/venv --python-platform $cpu-manylinux_2_28 \
      -r /tmp/requirements.txt \
    && mkdir -p /out/app /out/opt && mv /opt/venv /out/opt/ \
    && find /out -exec touch -hd @946684800 {} +

FROM base AS dependencies
COPY --link --from=installer /out/ /
WORKDIR /app

# A code change is this layer, and nothing else.
FROM dependencies AS final
COPY --link . /app/
{{path}}
USER 10001
{{expose}}
CMD {{command}}
