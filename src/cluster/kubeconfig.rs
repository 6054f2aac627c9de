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
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use thiserror::Error;

use super::identity::decoded;

/// What a kubeconfig may do besides, because the Corefile allows it by name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Allowed {
    /// `proxy-url`: the API server is reached through an HTTP proxy.
    pub proxy: bool,
    /// `as`, `as-uid`, `as-groups` and `as-user-extra`: requests are made in the name of another.
    pub impersonation: bool,
}

/// Why a kubeconfig is not used. Holds no value of it.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Refused {
    #[error("it is empty")]
    Empty,
    #[error("it is no YAML of a kubeconfig (line {line}, column {column})")]
    Syntax { line: u64, column: u64 },
    #[error("it has no current-context and not exactly one context")]
    NoContext,
    #[error("it has no context of the name that current-context gives")]
    UnknownContext,
    #[error("it has no {0} of the name that its context gives")]
    Unknown(&'static str),
    #[error("{field} is not allowed in the kubeconfig of a member: {instead}")]
    Forbidden { field: &'static str, instead: &'static str },
    #[error("{field} is wrong: {right}")]
    Wrong { field: &'static str, right: &'static str },
}

const WRONG_CA: Refused = Refused::Wrong {
    field: "certificate-authority-data",
    right: "it must be base64 of PEM certificates",
};

/// Makes a client configuration of a remote kubeconfig, without touching file or network.
pub fn sanitize(bytes: &[u8], allowed: Allowed) -> Result<kube::Config, Refused> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Refused::Wrong { field: "the kubeconfig", right: "it must be UTF-8 text" })?;
    if text.trim().is_empty() {
        return Err(Refused::Empty);
    }
    let given = Kubeconfig::from_yaml(text).map_err(|error| syntax(&error))?;
    let context = choose(&given)?;
    let cluster = given.clusters.iter().find(|named| named.name == context.cluster);
    let cluster = cluster.and_then(|named| named.cluster.as_ref());
    let cluster = rebuild_cluster(cluster.ok_or(Refused::Unknown("cluster"))?, allowed)?;
    // A context without a user is anonymous access, which kubectl allows too.
    let user = match context.user.as_deref().filter(|user| !user.is_empty()) {
        None => AuthInfo::default(),
        Some(name) => {
            let user = given.auth_infos.iter().find(|named| named.name == name);
            let user = user.and_then(|named| named.auth_info.as_ref());
            rebuild_user(user.ok_or(Refused::Unknown("user"))?, allowed)?
        }
    };
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
            .ok_or(Refused::UnknownContext)?,
        None => match given.contexts.as_slice() {
            [only] => only,
            _ => return Err(Refused::NoContext),
        },
    };
    named.context.as_ref().ok_or(Refused::NoContext)
}

fn rebuild_cluster(given: &Cluster, allowed: Allowed) -> Result<Cluster, Refused> {
    forbid(
        given.certificate_authority.is_some(),
        "certificate-authority",
        "put the certificate into certificate-authority-data",
    )?;
    forbid(
        given.proxy_url.is_some() && !allowed.proxy,
        "proxy-url",
        "the API server is asked directly, unless fleet says `kubeconfig_allow proxy-url`",
    )?;
    forbid(
        given.insecure_skip_tls_verify == Some(true),
        "insecure-skip-tls-verify",
        "put the server's CA into certificate-authority-data",
    )?;
    Ok(Cluster {
        server: given.server.clone(),
        certificate_authority_data: given.certificate_authority_data.clone(),
        tls_server_name: given.tls_server_name.clone(),
        proxy_url: given.proxy_url.clone(),
        ..Cluster::default()
    })
}

fn rebuild_user(given: &AuthInfo, allowed: Allowed) -> Result<AuthInfo, Refused> {
    let inline = "put the data itself into the kubeconfig";
    let token = "use a token or a client certificate";
    let own =
        "use credentials of the identity itself, or let fleet say `kubeconfig_allow impersonate`";
    forbid(given.exec.is_some(), "exec", token)?;
    forbid(given.auth_provider.is_some(), "auth-provider", token)?;
    forbid(given.token_file.is_some(), "tokenFile", inline)?;
    forbid(given.client_certificate.is_some(), "client-certificate", inline)?;
    forbid(given.client_key.is_some(), "client-key", inline)?;
    let as_another = [
        ("as", given.impersonate.is_some()),
        ("as-uid", given.impersonate_uid.is_some()),
        ("as-groups", given.impersonate_groups.is_some()),
        ("as-user-extra", given.impersonate_user_extra.is_some()),
    ];
    for (field, is_set) in as_another {
        forbid(is_set && !allowed.impersonation, field, own)?;
        if is_set && given.impersonate.as_deref().is_none_or(str::is_empty) {
            return Err(Refused::Wrong { field, right: "`as` must name the user beside it" });
        }
    }
    Ok(AuthInfo {
        token: given.token.clone(),
        client_certificate_data: given.client_certificate_data.clone(),
        client_key_data: given.client_key_data.clone(),
        username: given.username.clone(),
        password: given.password.clone(),
        impersonate: given.impersonate.clone(),
        impersonate_uid: given.impersonate_uid.clone(),
        impersonate_groups: given.impersonate_groups.clone(),
        impersonate_user_extra: given.impersonate_user_extra.clone(),
        ..AuthInfo::default()
    })
}

fn forbid(is_set: bool, field: &'static str, instead: &'static str) -> Result<(), Refused> {
    if is_set { Err(Refused::Forbidden { field, instead }) } else { Ok(()) }
}

/// Not by kube's own reader, which would go by the variables of the environment for proxies.
fn config(cluster: Cluster, user: AuthInfo) -> Result<kube::Config, Refused> {
    let wrong = |right| Refused::Wrong { field: "clusters[].cluster.server", right };
    let server = url(cluster.server.as_deref().unwrap_or_default(), &["https", "http"]);
    let server =
        server.ok_or_else(|| wrong("it must be https://HOST[:PORT], without a user or a query"))?;
    let has_credentials = user.token.is_some() || user.password.is_some();
    if server.scheme_str() == Some("http") && has_credentials {
        return Err(wrong("credentials are sent to https:// only"));
    }
    let mut config = kube::Config::new(server);
    config.root_cert =
        cluster.certificate_authority_data.as_deref().map(authorities).transpose()?;
    config.tls_server_name = cluster.tls_server_name;
    if let Some(proxy) = cluster.proxy_url {
        config.proxy_url = Some(proxied(&proxy, &config.cluster_url)?);
    }
    // First without the user, to tell whose data is wrong.
    config.rustls_client_config().map_err(|_| WRONG_CA)?;
    config.auth_info = user;
    config.rustls_client_config().map_err(|_| Refused::Wrong {
        field: "client-certificate-data and client-key-data",
        right: "both must be base64 of PEM and belong together",
    })?;
    let of_a_header = "it must be text that can stand in an HTTP header";
    if !is_header(&config.auth_info) {
        return Err(Refused::Wrong { field: "token", right: of_a_header });
    }
    config.extra_headers_layer().map_err(|_| Refused::Wrong {
        field: "as, as-uid, as-groups or as-user-extra",
        right: of_a_header,
    })?;
    Ok(config)
}

/// Whether the token, if there is one, can be sent. kube 5.0 panics where it cannot.
fn is_header(user: &AuthInfo) -> bool {
    // The text of a secret shows only when it is written.
    let written = serde_json::to_value(user).unwrap_or_default();
    written["token"].as_str().is_none_or(|token| http::HeaderValue::from_str(token).is_ok())
}

/// The URL of a server, if it is one and says no more than where that is.
fn url(text: &str, schemes: &[&str]) -> Option<http::Uri> {
    let uri: http::Uri = text.parse().ok()?;
    let scheme_fits = uri.scheme_str().is_some_and(|scheme| schemes.contains(&scheme));
    let has_user = uri.authority().is_none_or(|authority| authority.as_str().contains('@'));
    (scheme_fits && !has_user && uri.query().is_none()).then_some(uri)
}

/// The URL of a proxy, to which a tunnel for TLS is opened (CONNECT).
fn proxied(proxy: &str, server: &http::Uri) -> Result<http::Uri, Refused> {
    let wrong = |right| Refused::Wrong { field: "proxy-url", right };
    // A user and a password are for the proxy, which asks for them.
    let bare = match (proxy.strip_prefix("http://"), proxy.split_once('@')) {
        (Some(_), Some((_, rest))) => format!("http://{rest}"),
        _ => proxy.to_owned(),
    };
    let uri = url(&bare, &["http"]).filter(|uri| matches!(uri.path(), "" | "/"));
    if server.scheme_str() != Some("https") {
        return Err(wrong("with it, the server must be https://"));
    }
    let whole = uri.and_then(|_| proxy.parse().ok());
    whole.ok_or_else(|| wrong("it must be http://[USER:PASSWORD@]HOST[:PORT]"))
}

/// The certificates of `certificate-authority-data`.
fn authorities(data: &str) -> Result<Vec<Vec<u8>>, Refused> {
    let pem = decoded(data).ok_or(WRONG_CA)?;
    let all =
        CertificateDer::pem_slice_iter(&pem).map(|read| Ok(read.map_err(|_| WRONG_CA)?.to_vec()));
    let all: Vec<Vec<u8>> = all.collect::<Result<_, Refused>>()?;
    // Data without any certificate would trust nobody; say it here and not at each connection.
    if all.is_empty() { Err(WRONG_CA) } else { Ok(all) }
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
