# syntax=docker/dockerfile:1
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH TARGETVARIANT
# What `syncd version` says, such as v1.2.3; the repository is not part of the build.
ARG VERSION
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v} \
    go build -trimpath -ldflags="-s -w -X main.release=$VERSION" -o /out/syncd ./cmd/syncd \
 && mkdir -p /out/data /out/keys && chmod 0700 /out/data /out/keys

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/syncd /syncd
# A new named volume takes over the owner of the folder it is mounted on.
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/keys /keys
ENV SYNCD_LISTEN=:8377 SYNCD_DATA_DIR=/data SYNCD_KEYS_DIR=/keys SYNCD_LOG_FORMAT=json
USER 65532:65532
VOLUME ["/data", "/keys"]
EXPOSE 8377
HEALTHCHECK --interval=1m --timeout=10s --start-period=20s CMD ["/syncd", "healthcheck"]
ENTRYPOINT ["/syncd"]
CMD ["serve"]
