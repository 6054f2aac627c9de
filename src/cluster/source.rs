//! Where the local cluster's API is.
//!
//! In: the words of the Corefile's `kubernetes` block. Out: a checked client configuration.
//! [`Source::check`] does no more than read files, so that a mistake stops the start before any
//! socket is opened.

use std::fs;
use std::path::{Path, PathBuf};

use kube::client::ConfigExt;
use kube::config::{
    AuthInfo, Cluster, InClusterError, KubeConfigOptions, Kubeconfig, NamedCluster,
};
use thiserror::Error;

use super::failure::describe;
use super::id::ClusterId;
use super::kubeconfig;

/// Where the kubelet mounts a pod's service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Where the local cluster's objects come from. It holds paths only, never a credential.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Source {
    /// The service account of the pod that this runs in.
    InCluster,
    /// A kubeconfig of the operator's own: file paths and credential programs are fine in it.
    Kubeconfig {
        file: PathBuf,
        /// `None` is the file's `current-context`.
        context: Option<String>,
    },
    /// An API server without a kubeconfig.
    Endpoint { url: String, tls: Option<TlsFiles> },
    /// A directory of Kubernetes YAML instead of an API server.
    Manifests(PathBuf),
}

/// PEM files for an [`Source::Endpoint`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TlsFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
    pub ca: PathBuf,
}

/// Why a source cannot be used; each message says what would be right.
#[derive(Debug, Error)]
pub enum SourceError {
    #[error("cannot read {file}: {error}")]
    Unreadable { file: PathBuf, error: std::io::Error },
    #[error("{file} cannot be used as kubeconfig: {reason}")]
    Kubeconfig { file: PathBuf, reason: String },
    #[error("{file} has no context {context:?}; it has {known}")]
    NoContext { file: PathBuf, context: String, known: String },
    #[error("{file} names no current-context; it has {known}")]
    NoCurrentContext { file: PathBuf, known: String },
    #[error("{url:?} is no API server's URL: it must be http[s]://HOST[:PORT]")]
    Url { url: String },
    #[error("the TLS files {cert}, {key} and {ca} cannot be used: {reason}", cert = files.cert.display(), key = files.key.display(), ca = files.ca.display())]
    Tls { files: TlsFiles, reason: String },
    #[error("no cluster is named, and this does not run in one ({0})")]
    NotInCluster(String),
    #[error("{0} is not a directory of manifests")]
    NoDirectory(PathBuf),
    #[error("{pattern:?} is no file pattern: {reason}")]
    Pattern { pattern: String, reason: String },
    #[error("`members secrets` needs an API server: the local cluster is a manifests folder")]
    SecretsWithoutApi,
    #[error("member {0} has the local cluster's own ID")]
    OwnId(ClusterId),
    #[error("member {0} is named twice")]
    TwiceNamed(ClusterId),
}

impl SourceError {
    /// What would be right.
    pub fn remedy(&self) -> &'static str {
        match self {
            SourceError::Unreadable { .. } => {
                "name a path that is there and that this process may read"
            }
            SourceError::Kubeconfig { .. } => "mend the file, or name another one",
            SourceError::NoContext { .. } | SourceError::NoCurrentContext { .. } => {
                "write `kubeconfig FILE CONTEXT` with one of them"
            }
            SourceError::Url { .. } => "write e.g. https://10.0.0.1:6443",
            SourceError::Tls { .. } => {
                "write `tls CERT KEY CACERT`, three PEM files that belong together"
            }
            SourceError::NotInCluster(_) => {
                "add `kubeconfig FILE`, `endpoint URL` or `manifests DIRECTORY` to kubernetes"
            }
            SourceError::NoDirectory(_) => "name a folder of Kubernetes YAML",
            SourceError::Pattern { .. } => "write e.g. /etc/fleetdns/members/*.yaml",
            SourceError::SecretsWithoutApi => {
                "use `members kubeconfig` or `members manifests`, or name the local cluster's API server"
            }
            SourceError::OwnId(_) | SourceError::TwiceNamed(_) => {
                "give every cluster an ID of its own"
            }
        }
    }
}

impl Source {
    /// Checks what can be known without a connection. Blocks on files.
    pub fn check(&self) -> Result<(), SourceError> {
        match self {
            Source::Manifests(directory) => check_directory(directory),
            _ => self.config().map(|_| ()),
        }
    }

    /// What the cluster is called on status pages and in the log.
    pub fn describe(&self) -> String {
        match self {
            Source::InCluster => "in-cluster".to_owned(),
            Source::Kubeconfig { file, context: None } => format!("kubeconfig {}", file.display()),
            Source::Kubeconfig { file, context: Some(context) } => {
                format!("kubeconfig {} {context}", file.display())
            }
            Source::Endpoint { url, .. } => format!("endpoint {url}"),
            Source::Manifests(directory) => format!("manifests {}", directory.display()),
        }
    }

    /// The configuration of a client. Blocks on files; opens no socket.
    pub(super) fn config(&self) -> Result<kube::Config, SourceError> {
        match self {
            Source::InCluster => kube::Config::incluster().map_err(not_in_cluster),
            Source::Kubeconfig { file, context } => from_kubeconfig(file, context.as_deref()),
            Source::Endpoint { url, tls } => from_endpoint(url, tls.as_ref()),
            Source::Manifests(directory) => Err(SourceError::NoDirectory(directory.clone())),
        }
    }
}

/// Why this is no pod with a service account.
fn not_in_cluster(error: InClusterError) -> SourceError {
    SourceError::NotInCluster(match error {
        InClusterError::ReadEnvironmentVariable(_) => {
            "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set".to_owned()
        }
        InClusterError::ReadCertificateBundle(error)
        | InClusterError::ReadDefaultNamespace(error) => {
            format!("no service account is mounted at {SERVICE_ACCOUNT}: {error}")
        }
        other => other.to_string(),
    })
}

/// That a directory of manifests is there.
pub(super) fn check_directory(directory: &Path) -> Result<(), SourceError> {
    match fs::read_dir(directory) {
        Ok(_) => Ok(()),
        Err(_) if directory.exists() && !directory.is_dir() => {
            Err(SourceError::NoDirectory(directory.to_owned()))
        }
        Err(error) => Err(SourceError::Unreadable { file: directory.to_owned(), error }),
    }
}

fn from_kubeconfig(file: &Path, context: Option<&str>) -> Result<kube::Config, SourceError> {
    let unusable = |reason| SourceError::Kubeconfig { file: file.to_owned(), reason };
    readable(file)?;
    let kubeconfig = Kubeconfig::read_from(file)
        .map_err(|error| unusable(kubeconfig::syntax(&error).to_string()))?;
    let known = || {
        let names: Vec<_> = kubeconfig.contexts.iter().map(|named| named.name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let chosen = context.map(str::to_owned).or_else(|| kubeconfig.current_context.clone());
    let Some(chosen) = chosen.filter(|name| !name.is_empty()) else {
        return Err(SourceError::NoCurrentContext { file: file.to_owned(), known: known() });
    };
    if !kubeconfig.contexts.iter().any(|named| named.name == chosen) {
        let known = known();
        return Err(SourceError::NoContext { file: file.to_owned(), context: chosen, known });
    }
    let named = |cluster: &&NamedCluster| {
        let contexts = kubeconfig.contexts.iter().filter(|named| named.name == chosen);
        contexts.flat_map(|named| &named.context).any(|context| context.cluster == cluster.name)
    };
    let cluster = kubeconfig.clusters.iter().find(named).and_then(|named| named.cluster.as_ref());
    if cluster
        .is_some_and(|cluster| cluster.proxy_url.as_deref().is_some_and(|url| !url.is_empty()))
    {
        return Err(unusable("proxy-url is not supported: API servers are asked directly".into()));
    }
    let options =
        KubeConfigOptions { context: Some(chosen.clone()), ..KubeConfigOptions::default() };
    let mut config = kubeconfig::built(kubeconfig.clone(), &options)
        .map_err(|error| unusable(describe(&error)))?;
    // kube would also take a proxy from the environment, which is set for other programs as a rule.
    config.proxy_url = None;
    // A credential program is run when connecting, not for a check.
    if config.auth_info.exec.is_none() {
        config.rustls_client_config().map_err(|error| unusable(describe(&error)))?;
    }
    Ok(config)
}

fn from_endpoint(url: &str, tls: Option<&TlsFiles>) -> Result<kube::Config, SourceError> {
    let uri: Option<http::Uri> = url.parse().ok();
    let fits = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    });
    if !fits {
        return Err(SourceError::Url { url: url.to_owned() });
    }
    let text = |path: &PathBuf| Some(path.to_string_lossy().into_owned());
    let mut cluster = Cluster { server: Some(url.to_owned()), ..Cluster::default() };
    let mut user = AuthInfo::default();
    if let Some(files) = tls {
        for file in [&files.cert, &files.key, &files.ca] {
            let unusable = |error: SourceError| SourceError::Tls {
                files: files.clone(),
                reason: error.to_string(),
            };
            readable(file).map_err(unusable)?;
        }
        cluster.certificate_authority = text(&files.ca);
        user.client_certificate = text(&files.cert);
        user.client_key = text(&files.key);
    }
    let unusable = |reason: String| match tls {
        Some(files) => SourceError::Tls { files: files.clone(), reason },
        None => SourceError::Url { url: url.to_owned() },
    };
    let mut config =
        kubeconfig::built(kubeconfig::of_one(cluster, user), &KubeConfigOptions::default())
            .map_err(|error| unusable(describe(&error)))?;
    config.proxy_url = None;
    config.rustls_client_config().map_err(|error| unusable(describe(&error)))?;
    Ok(config)
}

fn readable(file: &Path) -> Result<(), SourceError> {
    fs::read(file)
        .map(|_| ())
        .map_err(|error| SourceError::Unreadable { file: file.to_owned(), error })
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
