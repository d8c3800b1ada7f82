# SPDX-License-Identifier: Apache-2.0
# The server with model/zoo, as `make serve` runs it.
#
#   docker build -t carousel .
#   docker run --rm -p 50051:50051 -p 8080:8080 --read-only carousel
#
# Other models: -v /path/to/models:/models:ro

ARG DEBIAN=bookworm-slim

FROM debian:${DEBIAN} AS build
WORKDIR /src
COPY tools tools
RUN apt-get update -qq && tools/install_packages.sh build
COPY . .
RUN cmake --preset release -DCAROUSEL_BUILD_TESTS=OFF && \
    cmake --build --preset release -j "$(nproc)" \
      --target carousel-server carousel && \
    strip build/release/bin/carousel-server build/release/bin/carousel
# The packages that own the shared libraries of the two programs: what the
# runtime needs under this Debian release, without a second list to maintain.
RUN ldd build/release/bin/carousel-server build/release/bin/carousel | \
      awk '$2 == "=>" { print $3 }' | sort -u | xargs -n 1 basename | \
      sed 's|^|*/|' | xargs dpkg-query --search | cut -d: -f1 | \
      sort -u | grep -v -e -dev > runtime_packages.txt && \
    cat runtime_packages.txt

FROM debian:${DEBIAN}
COPY --from=build /src/runtime_packages.txt /tmp/
RUN apt-get update -qq && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
      --no-install-recommends $(cat /tmp/runtime_packages.txt) && \
    rm -rf /var/lib/apt/lists/* /tmp/runtime_packages.txt
COPY --from=build /src/build/release/bin/carousel-server \
                  /src/build/release/bin/carousel /usr/local/bin/
COPY model/zoo /models

# A number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 50051 8080
STOPSIGNAL SIGTERM
# Ready = every model has passed its self-test. bash speaks just enough HTTP.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && read -r reply <&3 && [[ $reply == *' 200 '* ]]"]
ENTRYPOINT ["carousel-server", "--models=/models", \
            "--grpc_address=0.0.0.0:50051", "--http_address=0.0.0.0:8080"]
