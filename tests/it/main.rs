//! Tests of the built program against real parts: kube-apiserver, etcd, CoreDNS, Envoy, dig.
//! `tests/run` installs those once and runs everything.

mod harness;

mod bad_corefiles;
mod dig_cases;
mod harness_selftest;
mod oracle;
