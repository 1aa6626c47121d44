# syntax=docker/dockerfile:1

# Builds with the development tools, then keeps only what runs.
FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
COPY bin ./bin
RUN npm ci && npm prune --omit=dev --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production \
    XDG_RUNTIME_DIR=/run/crucible \
    XDG_STATE_HOME=/home/node/.local/state
WORKDIR /opt/crucible
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY bin ./bin
RUN ln -s /opt/crucible/bin/crucible.js /usr/local/bin/crucible \
    && mkdir -p /run/crucible /home/node/.local/state \
    && chown node:node /run/crucible /home/node/.local/state
USER node
WORKDIR /home/node
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["crucible", "status", "--json"]
# Agents are not in the image: install those you use in one of your own that starts FROM this one.
ENTRYPOINT ["crucible"]
CMD ["serve"]
