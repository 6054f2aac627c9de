# The image of fleetdns, laid out as CoreDNS's: the entry point is the binary, the arguments come
# from the Deployment (-conf /etc/coredns/Corefile).
#
#   docker build -t fleetdns:0.1.0 .

FROM rust:1.95-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libcap2-bin \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN manifests/image/build-binary /out/fleetdns
# CoreDNS's name too, for manifests that name the command.
RUN ln -s fleetdns /out/coredns

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/ /
# Numeric, so that runAsNonRoot can be checked by the kubelet.
USER 65532:65532
WORKDIR /
EXPOSE 53 53/udp 8080 8181 9153
ENTRYPOINT ["/fleetdns"]
