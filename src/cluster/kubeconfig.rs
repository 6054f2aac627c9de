//! Kubeconfigs of remote clusters: hostile input.
//!
//! In: the bytes of a kubeconfig that somebody put into a Secret or a file. Out: a client
//! configuration built from the few fields that are allowed, or a [`Refused`] that names the field
//! and never its value. A kubeconfig can make its reader run programs, read files and send its
//! credentials elsewhere; the user and cluster are therefore rebuilt field by field, so that fields
//! that kube learns later stay out until somebody allows them here.

use futures::FutureExt;
use kube::client::ConfigExt;
use kube::config::{
    AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, KubeconfigError, NamedAuthInfo,
    NamedCluster, NamedContext,
};
use thiserror::Error;

/// Why a kubeconfig is not used. Holds no value of it but names of contexts.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Refused {
    #[error("it is empty")]
    Empty,
    #[error("it is no YAML of a kubeconfig (line {line}, column {column})")]
    Syntax { line: u64, column: u64 },
    #[error("it has no current-context and not exactly one context")]
    NoContext,
    #[error("it has no context {0:?}, which current-context names")]
    UnknownContext(String),
    #[error("it has no {0} of the name that its context gives")]
    Unknown(&'static str),
    #[error("{field} is not allowed in the kubeconfig of a member: {instead}")]
    Forbidden { field: &'static str, instead: &'static str },
    #[error("{field} is wrong: {right}")]
    Wrong { field: &'static str, right: &'static str },
}

/// Makes a client configuration of a remote kubeconfig, without touching file or network.
pub fn sanitize(bytes: &[u8]) -> Result<kube::Config, Refused> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Refused::Wrong { field: "the kubeconfig", right: "it must be UTF-8 text" })?;
    if text.trim().is_empty() {
        return Err(Refused::Empty);
    }
    let given = Kubeconfig::from_yaml(text).map_err(|error| syntax(&error))?;
    let context = choose(&given)?;
    let cluster = given.clusters.iter().find(|named| named.name == context.cluster);
    let cluster = cluster.and_then(|named| named.cluster.as_ref());
    let cluster = rebuild_cluster(cluster.ok_or(Refused::Unknown("cluster"))?)?;
    // A context without a user is anonymous access, which kubectl allows too.
    let user = match context.user.as_deref().filter(|user| !user.is_empty()) {
        None => AuthInfo::default(),
        Some(name) => {
            let user = given.auth_infos.iter().find(|named| named.name == name);
            rebuild_user(user.and_then(|n| n.auth_info.as_ref()).ok_or(Refused::Unknown("user"))?)?
        }
    };
    if cluster.server.as_deref().is_some_and(|server| server.starts_with("http:"))
        && (user.token.is_some() || user.password.is_some())
    {
        return Err(Refused::Wrong {
            field: "clusters[].cluster.server",
            right: "credentials are sent to https:// only",
        });
    }
    config(cluster, user)
}

/// Where a kubeconfig is broken. kube's own message quotes the text around it.
pub(super) fn syntax(error: &KubeconfigError) -> Refused {
    let location = match error {
        KubeconfigError::Parse(error) => error.location(),
        _ => None,
    };
    let (line, column) = location.map_or((0, 0), |place| (place.line(), place.column()));
    Refused::Syntax { line, column }
}

fn choose(given: &Kubeconfig) -> Result<&Context, Refused> {
    let named = match given.current_context.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => given
            .contexts
            .iter()
            .find(|context| context.name == name)
            .ok_or_else(|| Refused::UnknownContext(name.to_owned()))?,
        None => match given.contexts.as_slice() {
            [only] => only,
            _ => return Err(Refused::NoContext),
        },
    };
    named.context.as_ref().ok_or(Refused::NoContext)
}

fn rebuild_cluster(given: &Cluster) -> Result<Cluster, Refused> {
    forbid(
        given.certificate_authority.is_some(),
        "certificate-authority",
        "put the certificate into certificate-authority-data",
    )?;
    forbid(given.proxy_url.is_some(), "proxy-url", "the API server is asked directly")?;
    forbid(
        given.insecure_skip_tls_verify == Some(true),
        "insecure-skip-tls-verify",
        "put the server's CA into certificate-authority-data",
    )?;
    let server = given.server.clone().unwrap_or_default();
    let right = "it must be https://HOST[:PORT], without a user";
    let wrong = || Refused::Wrong { field: "clusters[].cluster.server", right };
    let uri: http::Uri = server.parse().map_err(|_| wrong())?;
    let scheme_fits = matches!(uri.scheme_str(), Some("https" | "http"));
    if !scheme_fits || uri.authority().is_none_or(|authority| authority.as_str().contains('@')) {
        return Err(wrong());
    }
    Ok(Cluster {
        server: Some(server),
        certificate_authority_data: given.certificate_authority_data.clone(),
        tls_server_name: given.tls_server_name.clone(),
        ..Cluster::default()
    })
}

fn rebuild_user(given: &AuthInfo) -> Result<AuthInfo, Refused> {
    let inline = "put the data itself into the kubeconfig";
    let token = "use a token or a client certificate";
    let own = "use credentials of the identity itself";
    forbid(given.exec.is_some(), "exec", token)?;
    forbid(given.auth_provider.is_some(), "auth-provider", token)?;
    forbid(given.token_file.is_some(), "tokenFile", inline)?;
    forbid(given.client_certificate.is_some(), "client-certificate", inline)?;
    forbid(given.client_key.is_some(), "client-key", inline)?;
    forbid(given.impersonate.is_some(), "as", own)?;
    forbid(given.impersonate_uid.is_some(), "as-uid", own)?;
    forbid(given.impersonate_groups.is_some(), "as-groups", own)?;
    forbid(given.impersonate_user_extra.is_some(), "as-user-extra", own)?;
    Ok(AuthInfo {
        token: given.token.clone(),
        client_certificate_data: given.client_certificate_data.clone(),
        client_key_data: given.client_key_data.clone(),
        username: given.username.clone(),
        password: given.password.clone(),
        ..AuthInfo::default()
    })
}

fn forbid(is_set: bool, field: &'static str, instead: &'static str) -> Result<(), Refused> {
    if is_set { Err(Refused::Forbidden { field, instead }) } else { Ok(()) }
}

fn config(cluster: Cluster, user: AuthInfo) -> Result<kube::Config, Refused> {
    let wrong_ca = Refused::Wrong {
        field: "certificate-authority-data",
        right: "it must be base64 of PEM certificates",
    };
    let mut config = match built(of_one(cluster, user), &KubeConfigOptions::default()) {
        Err(
            KubeconfigError::LoadCertificateAuthority(_) | KubeconfigError::ParseCertificates(_),
        ) => return Err(wrong_ca),
        Err(_) => {
            let right = "it must hold a server and inline credentials";
            return Err(Refused::Wrong { field: "the kubeconfig", right });
        }
        Ok(config) => config,
    };
    // Data without any certificate would trust nobody; say it here and not at each connection.
    if config.root_cert.as_ref().is_some_and(Vec::is_empty) {
        return Err(wrong_ca);
    }
    // kube takes a proxy from the environment, which is meant for the operator's own kubeconfig.
    config.proxy_url = None;
    config.rustls_client_config().map_err(|_| Refused::Wrong {
        field: "client-certificate-data and client-key-data",
        right: "both must be base64 of PEM and belong together",
    })?;
    Ok(config)
}

/// The kubeconfig that has one cluster and one user, and a context that joins them.
pub(super) fn of_one(cluster: Cluster, user: AuthInfo) -> Kubeconfig {
    const NAME: &str = "only";
    let context = Context { cluster: NAME.into(), user: Some(NAME.into()), ..Context::default() };
    Kubeconfig {
        clusters: vec![NamedCluster {
            name: NAME.into(),
            cluster: Some(cluster),
            ..NamedCluster::default()
        }],
        auth_infos: vec![NamedAuthInfo {
            name: NAME.into(),
            auth_info: Some(user),
            ..NamedAuthInfo::default()
        }],
        contexts: vec![NamedContext {
            name: NAME.into(),
            context: Some(context),
            ..NamedContext::default()
        }],
        current_context: Some(NAME.into()),
        ..Kubeconfig::default()
    }
}

/// [`kube::Config::from_custom_kubeconfig`], which is async in name only.
pub(super) fn built(
    kubeconfig: Kubeconfig,
    options: &KubeConfigOptions,
) -> Result<kube::Config, KubeconfigError> {
    kube::Config::from_custom_kubeconfig(kubeconfig, options)
        .now_or_never()
        .expect("kube 5.0 reads a kubeconfig without awaiting anything")
}

#[cfg(test)]
#[path = "kubeconfig_tests.rs"]
mod tests;
