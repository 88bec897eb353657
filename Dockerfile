# An image with the program, its libraries and nothing to build with.
#   docker build -t sqlflow . && docker run --rm -v "$PWD:/work" sqlflow run NAME
FROM debian:bookworm-slim AS build
WORKDIR /src
COPY tools ./tools
COPY tests/requirements.txt ./tests/
RUN tools/bootstrap --build
COPY Makefile VERSION ./
COPY src ./src
RUN make install PREFIX=/usr/local DESTDIR=/out

FROM debian:bookworm-slim
# libpq for the postgres connector, libpython (with its standard library) for Python functions,
# certificates for S3 over TLS.
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates libpq5 libpython3.11 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 sqlflow \
    && install -d -o sqlflow -g sqlflow /work
COPY --from=build /out/usr/local /usr/local
USER sqlflow
WORKDIR /work
ENTRYPOINT ["sqlflow"]
CMD ["help"]
