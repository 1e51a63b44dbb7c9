# whalebuild bake publishes the stage "dependencies" as :deps and the last stage as :latest.
# They are installed on the platform that runs, so for another one than the machine's own that
# step is emulated; the same lock gives the same layer everywhere.
ARG NODE_IMAGE=node:{{version}}-slim

FROM ${NODE_IMAGE} AS base
ENV NODE_ENV=production

FROM base AS installer
COPY package.json package-lock.json /out/app/
RUN npm ci --prefix /out/app --omit=dev --cache /tmp/npm \
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
