# whalebuild bake publishes the stage "dependencies" as :deps and the last stage as :latest.
# They are installed on the platform that runs, so for another one than the machine's own that
# step is emulated; the same lock gives the same layer everywhere.
ARG NODE_IMAGE=node:{{version}}-slim

FROM ${NODE_IMAGE} AS base
ENV NODE_ENV=production

FROM base AS installer
RUN npm install --global --cache /tmp/npm yarn@1
COPY package.json yarn.lock /out/app/
RUN yarn --cwd /out/app install --frozen-lockfile --production --ignore-scripts \
      --cache-folder /tmp/yarn \
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
