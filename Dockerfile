# The scrc server.  docker build -t scrc .
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
RUN cmake -S . -B /build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBUILD_TESTING=OFF \
    && cmake --build /build --target scrc && strip /build/scrc

FROM ${RUN_BASE}
RUN apt-get update && apt-get install -y --no-install-recommends \
        libmicrohttpd12 libcurl4 libjansson4 libsqlite3-0 libsodium23 libunistring2 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin \
    && mkdir -p /run/scrc /var/lib/scrc
COPY --from=build /build/scrc /usr/local/bin/scrc

# Sockets to the cells are in CELL_DIR; the cells are containers beside this one, so Docker must be
# able to bind it: a volume. The job table is in DATA_DIR: give it a named volume, or it goes with
# the container.
ENV CELL_DIR=/run/scrc DATA_DIR=/var/lib/scrc
VOLUME ["/run/scrc", "/var/lib/scrc"]
EXPOSE 8080

# Root by default, because only root may open /var/run/docker.sock on every host. Whoever may open
# it can become root of the host anyway, so another user here guards little; where the socket has a
# group, `--user 1000 --group-add $(stat -c %g /var/run/docker.sock)` with volumes which that user
# may write does without. Untrusted programs never run in this container.
ENTRYPOINT ["scrc"]
