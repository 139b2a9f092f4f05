# The scrc server:  docker build -t scrc .
# Its simulator:    docker build -t scrc-simulator --target simulator .
#
# Written for every builder, the old one of Docker 20.10 included. Where no registry is in reach,
# both bases can be any Debian 12 image: --build-arg BASE_IMAGE=... --build-arg RUN_BASE=...
ARG BASE_IMAGE=debian:bookworm-slim
ARG RUN_BASE=debian:bookworm-slim

FROM ${BASE_IMAGE} AS build
COPY script/lib/packages.sh /
RUN bash -c '. /packages.sh && apt-get update && \
        apt-get install -y --no-install-recommends "${packages_build[@]}" "${packages_page[@]}"'
WORKDIR /src
COPY . .
# The context has no .git: --build-arg SCRC_COMMIT="$(git rev-parse HEAD)"; an unpacked release knows its own.
ARG SCRC_COMMIT=
RUN cmake -S . -B /build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBUILD_TESTING=OFF \
        -DSCRC_COMMIT="$SCRC_COMMIT" \
    && cmake --build /build --target scrc simulator kafka-pipe \
    && strip /build/scrc /build/tests/simulator/simulator /build/tests/simulator/kafka-pipe

FROM ${RUN_BASE} AS simulator
RUN apt-get update && apt-get install -y --no-install-recommends libjansson4 librdkafka1 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
COPY --from=build /build/tests/simulator/simulator /build/tests/simulator/kafka-pipe /usr/local/bin/
ENV RESULT_CONSUMER_LOG_PATH=/tmp/consumer.log
USER 65534:65534
ENTRYPOINT ["simulator"]

# Last, since the last stage is what is built when none is asked for.
FROM ${RUN_BASE} AS scrc
RUN apt-get update && apt-get install -y --no-install-recommends \
        libmicrohttpd12 libcurl4 libjansson4 libsqlite3-0 libpq5 libsodium23 libunistring2 \
        zlib1g libzip4 librdkafka1 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin scrc \
    && install -d -o scrc -g scrc /run/scrc /var/lib/scrc
COPY --from=build /build/scrc /usr/local/bin/scrc

# Sockets to the cells are in CELL_DIR; the cells are containers beside this one, so Docker must be
# able to bind it: a volume. The job table is in DATA_DIR: give it a named volume, or it goes with
# the container.
ENV CELL_DIR=/run/scrc DATA_DIR=/var/lib/scrc
VOLUME ["/run/scrc", "/var/lib/scrc"]
EXPOSE 8080
# The old builder has no --start-interval.
HEALTHCHECK --interval=10s --timeout=12s --start-period=30s --retries=3 CMD ["scrc", "--healthy"]

# Root by default, because only root may open /var/run/docker.sock on every host. Where the socket
# has a group, this does without root:
#
#     docker run --user scrc --group-add "$(stat -c %g /var/run/docker.sock)" ...
#
# Whoever may open the socket can become root of the host anyway, so that guards against mistakes
# and not against an attacker. Untrusted programs never run in this container.
ENTRYPOINT ["scrc"]
