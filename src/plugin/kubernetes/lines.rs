//! The lines of `kubernetes`, read.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use hickory_proto::rr::Name;

use super::NAME;
use super::watching::Watching;
use crate::cluster::{Source, TlsFiles};
use crate::corefile::{Diagnostic, Directive, Line, Token, parse_duration, parse_number};
use crate::plugin::names;
use crate::zone::kubernetes::Pods;

/// Seconds that answers may be kept without `ttl` (plugin/kubernetes/kubernetes.go).
const DEFAULT_TTL: u32 = 5;
/// How long questions wait for the first sync without `startup_timeout`.
const DEFAULT_STARTUP: Duration = Duration::from_secs(5);

const OPTIONS: &[&str] = &[
    "endpoint",
    "tls",
    "kubeconfig",
    "manifests",
    "namespaces",
    "namespace_labels",
    "labels",
    "noendpoints",
    "apiserver_qps",
    "apiserver_burst",
    "apiserver_max_inflight",
    "pods",
    "endpoint_pod_names",
    "ttl",
    "fallthrough",
    "ignore",
    "multicluster",
    "zonal",
    "startup_timeout",
];

/// What the lines said.
pub struct Lines {
    pub source: Option<(Source, Token)>,
    pub tls: Option<TlsFiles>,
    pub tls_at: Option<Token>,
    pub namespaces: Option<BTreeSet<Box<[u8]>>>,
    pub namespaces_at: Option<Token>,
    pub watching: Watching,
    pub pods: Pods,
    pub pod_names: bool,
    pub ttl: u32,
    pub fallthrough: Vec<Name>,
    pub ignore_empty: bool,
    pub multicluster: Vec<Token>,
    pub zonal: Option<Token>,
    pub startup: Duration,
}

impl Lines {
    /// Reads the block of a `kubernetes`.
    ///
    /// # Errors
    /// The first line that is wrong, or two that do not go together.
    pub fn read(directive: &Directive) -> Result<Self, Diagnostic> {
        let mut lines = Lines {
            source: None,
            tls: None,
            tls_at: None,
            namespaces: None,
            namespaces_at: None,
            watching: Watching::default(),
            pods: Pods::default(),
            pod_names: false,
            ttl: DEFAULT_TTL,
            fallthrough: Vec::new(),
            ignore_empty: false,
            multicluster: Vec::new(),
            zonal: None,
            startup: DEFAULT_STARTUP,
        };
        for line in directive.lines() {
            lines.take(line)?;
        }
        lines.finish()
    }

    fn take(&mut self, line: &Line) -> Result<(), Diagnostic> {
        match line.name().text.as_str() {
            "endpoint" => {
                let words = line.args_within(1.., "endpoint URL")?;
                if let [first, second, ..] = words {
                    // As CoreDNS, where a list of them is deprecated.
                    tracing::warn!(
                        "{}: of several endpoints only {first} is used, not {second}",
                        second.at
                    );
                }
                let url = words[0].text.clone();
                self.source(line, Source::Endpoint { url, tls: None })?;
            }
            "tls" => {
                let args = line.args_within(3..=3, "tls CERT KEY CACERT")?;
                let [cert, key, ca] = [0, 1, 2].map(|index| PathBuf::from(&args[index].text));
                self.tls = Some(TlsFiles { cert, key, ca });
                self.tls_at = Some(line.name().clone());
            }
            "kubeconfig" => {
                let args = line.args_within(1..=2, "kubeconfig FILE [CONTEXT]")?;
                let context = args.get(1).map(|word| word.text.clone());
                let file = PathBuf::from(&args[0].text);
                self.source(line, Source::Kubeconfig { file, context })?;
            }
            "manifests" => {
                let directory = PathBuf::from(&line.one_arg("manifests DIRECTORY")?.text);
                self.source(line, Source::Manifests(directory))?;
            }
            "namespaces" => {
                let args = line.args_within(1.., "namespaces NAMESPACE...")?;
                let names = args.iter().map(|word| word.text.to_ascii_lowercase().into_bytes());
                self.namespaces.get_or_insert_default().extend(names.map(Into::into));
                self.namespaces_at = Some(line.name().clone());
            }
            "pods" => {
                let word = line.one_arg("pods disabled|insecure|verified")?;
                self.pods = match word.text.as_str() {
                    "disabled" => Pods::Disabled,
                    "insecure" => Pods::Insecure,
                    "verified" => Pods::Verified,
                    _ => {
                        let modes = ["disabled", "insecure", "verified"];
                        return Err(word.unknown("mode of pods", &modes));
                    }
                };
            }
            "endpoint_pod_names" => {
                line.no_args()?;
                self.pod_names = true;
            }
            "ttl" => {
                let word = line.one_arg("ttl SECONDS")?;
                self.ttl = parse_number(word, "TTL in seconds", 0..=3600)?;
            }
            "fallthrough" => self.fallthrough = names::zones_or_all(line.args())?,
            "ignore" => {
                let word = line.one_arg("ignore empty_service")?;
                if word.text != "empty_service" {
                    return Err(word.unknown("thing to ignore", &["empty_service"]));
                }
                self.ignore_empty = true;
            }
            "multicluster" => {
                self.multicluster = line.args_within(1.., "multicluster ZONE...")?.to_vec();
            }
            "zonal" => {
                line.no_args()?;
                self.zonal = Some(line.name().clone());
            }
            "startup_timeout" => {
                self.startup = parse_duration(line.one_arg("startup_timeout DURATION")?)?;
            }
            _ if self.watching.read(line)? => {}
            _ => return Err(line.unknown(NAME, OPTIONS)),
        }
        Ok(())
    }

    fn source(&mut self, line: &Line, source: Source) -> Result<(), Diagnostic> {
        if let Some((_, before)) = &self.source {
            return Err(line.name().error(
                format!("{} stands beside {} of {}", line.name(), before, before.at),
                "name the cluster once: by endpoint, kubeconfig or manifests",
            ));
        }
        self.source = Some((source, line.name().clone()));
        Ok(())
    }

    /// Joins `tls` with the `endpoint` it is for.
    fn finish(mut self) -> Result<Self, Diagnostic> {
        self.namespaces_at.as_ref().map_or(Ok(()), |word| self.watching.with_namespaces(word))?;
        self.zonal.as_ref().map_or(Ok(()), |word| self.watching.with_zonal(word))?;
        let (Some(files), Some(at)) = (self.tls.take(), &self.tls_at) else { return Ok(self) };
        match &mut self.source {
            Some((Source::Endpoint { tls, .. }, _)) => {
                *tls = Some(files);
                Ok(self)
            }
            _ => Err(at.error(
                "tls is for an endpoint, and there is none",
                "add `endpoint URL`, or remove tls: a kubeconfig has its own certificates",
            )),
        }
    }
}
