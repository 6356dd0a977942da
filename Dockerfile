# The manager alone: a static binary, the certificates that HTTPS to Stytch is checked with, and nothing else.
#
#   docker build --build-arg VERSION="$(git describe --tags --always --dirty)" -t stytch-operator:dev .

# Built on the machine's own architecture for the one asked for: Go compiles across, so nothing is emulated.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
# The modules first: they change seldom, and this layer is kept until they do.
COPY go.mod go.sum ./
RUN go mod download
COPY api api
COPY cmd/manager cmd/manager
COPY config/crd config/crd
COPY controllers controllers
COPY internal internal
ARG VERSION=dev
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /manager ./cmd/manager

FROM scratch
# Not in /etc/ssl/certs, of which Go reads every file: there it would count in addition to the bundle that SSL_CERT_FILE names.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/cert.pem
COPY --from=build /manager /manager
# By number: there is no /etc/passwd here, and Kubernetes checks runAsNonRoot by number only.
USER 65532:65532
ENTRYPOINT ["/manager"]
