# whalebuild bake publishes the stage "dependencies" as :deps and the last stage as :latest.
# Packages are installed on the machine that builds, for the one that runs: nothing is emulated,
# and the same lock gives the same layer everywhere. Line by line: docs/init.md of whalebuild.
ARG NODE_IMAGE=node:{{version}}-slim

FROM ${NODE_IMAGE} AS base
ENV NODE_ENV=production

FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS installer
COPY package.json package-lock.json /out/app/
ARG TARGETARCH
RUN case $TARGETARCH in amd64) cpu=x64;; *) cpu=$TARGETARCH;; esac; \
    npm ci --prefix /out/app --omit=dev --ignore-scripts --os=linux --cpu=$cpu --libc=glibc \
      --cache /tmp/npm \
    && find /out -exec touch -hd @946684800 {} +

FROM base AS dependencies
COPY --link --from=installer /out/ /
WORKDIR /app

# A code change is this layer, and nothing else.
FROM dependencies AS final
COPY --link . /app/
USER 10001
{{expose}}
CMD {{command}}
