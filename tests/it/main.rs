//! Tests of the built program against real parts: kube-apiserver, etcd, CoreDNS, Envoy, dig, and
//! the resolvers of real clients.
//! `tests/run` installs those once and runs everything.

mod harness;

mod bad_corefiles;
mod cached;
mod clients;
mod clusterset;
mod dig_cases;
mod drop_in;
mod edns;
mod explain;
mod expose;
mod faults;
mod forward;
mod gateways;
mod generated;
mod good_corefiles;
mod harness_selftest;
mod image;
mod kubeconfigs;
mod leaks;
mod lifecycle;
mod loops;
mod manifests;
mod member_files;
mod members;
mod merge;
mod metadata;
mod metrics;
mod multicluster;
mod name_servers;
mod operators;
mod oracle;
mod outage;
mod outside;
mod per_cluster;
mod pools;
mod reach;
mod reloads;
mod rights;
mod rotations;
mod scenarios;
mod secrecy;
mod seeing;
mod service_entries;
mod sidecar;
mod sources;
mod stock;
mod stub_domain;
mod topologies;
mod transfer;
mod transports;
mod views;
mod watched;
mod zone_files;
