//! One cluster: a kube-apiserver that keeps its objects in etcd below a prefix of its own.
//!
//! No controllers run: a test writes EndpointSlices, status and the like itself ([`super::manifests`]).

use std::fs;
use std::path::{Path, PathBuf};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::pki::Pki;
use super::process::{Process, command};
use super::{parts, ports, scratch};

/// May do everything.
pub const ADMIN: &str = "admin-token";
/// User `reader` of group `readers`, who may do what a test grants through RBAC.
pub const READER: &str = "reader-token";

/// A running kube-apiserver.
#[derive(Debug)]
pub struct ApiServer {
    name: String,
    port: u16,
    folder: PathBuf,
    etcd: String,
    prefix: String,
    services: String,
    process: Process,
}

impl ApiServer {
    /// Starts one on a free port, with ClusterIPs from `services` ("10.96.0.0/16,fd00:96::/112").
    ///
    /// Its objects stay apart from those of every other: the prefix in etcd is unique.
    pub async fn start(etcd: &str, name: &str, services: &str) -> Self {
        let folder = scratch::folder(&format!("cluster-{name}"));
        let prefix = format!("/{}", folder.file_name().expect("a folder").display());
        Self::start_in(folder, etcd, &prefix, name, services).await
    }

    /// Starts one whose objects are below this prefix, where another one may have left them.
    pub async fn start_below(etcd: &str, prefix: &str, name: &str, services: &str) -> Self {
        let folder = scratch::folder(&format!("cluster-{name}"));
        Self::start_in(folder, etcd, prefix, name, services).await
    }

    async fn start_in(
        folder: PathBuf,
        etcd: &str,
        prefix: &str,
        name: &str,
        services: &str,
    ) -> Self {
        let tokens =
            format!("{ADMIN},admin,admin,\"system:masters\"\n{READER},reader,reader,\"readers\"\n");
        fs::write(folder.join("tokens.csv"), tokens).expect("write the tokens");
        loop {
            let port = ports::free();
            let process = Self::launch(&folder, port, etcd, prefix, services);
            let mut server = Self {
                name: name.into(),
                port,
                folder: folder.clone(),
                etcd: etcd.into(),
                prefix: prefix.into(),
                services: services.into(),
                process,
            };
            let kubeconfig = server.kubeconfig_yaml();
            fs::write(server.kubeconfig(), kubeconfig).expect("write a kubeconfig");
            if server.is_up().await {
                return server;
            }
        }
    }

    /// The cluster's name, which is also the context of its kubeconfig.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port it listens on, at 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process, to freeze it (`stop`, `cont`) or to read its logs.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// A kubeconfig file of the administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig.yaml")
    }

    /// What that file says; it names no other file.
    pub fn kubeconfig_yaml(&self) -> String {
        self.kubeconfig_yaml_of(ADMIN)
    }

    /// A kubeconfig of whoever has this token.
    pub fn kubeconfig_yaml_of(&self, token: &str) -> String {
        format!(
            "apiVersion: v1\n\
             kind: Config\n\
             current-context: {name}\n\
             contexts:\n\
             - name: {name}\n  context: {{ cluster: {name}, user: {name} }}\n\
             clusters:\n\
             - name: {name}\n  cluster:\n    server: https://127.0.0.1:{port}\n    \
             certificate-authority-data: {ca}\n\
             users:\n\
             - name: {name}\n  user: {{ token: {token} }}\n",
            name = self.name,
            port = self.port,
            ca = Pki::shared().ca_base64(),
        )
    }

    /// A new client with the administrator's rights; it lives as long as the test's runtime.
    pub async fn client(&self) -> Client {
        self.client_of(ADMIN).await
    }

    /// A new client with the rights of whoever has this token.
    pub async fn client_of(&self, token: &str) -> Client {
        // The program's dependencies bring two providers of TLS; one must be chosen.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let kubeconfig = Kubeconfig::from_yaml(&self.kubeconfig_yaml_of(token));
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig.expect("a kubeconfig"), &options);
        Client::try_from(config.await.expect("a kubeconfig")).expect("a client")
    }

    /// Ends it at once (SIGKILL): connections break, its data stays in etcd.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same port after [`ApiServer::kill`], with its data, and waits for it.
    pub async fn restart(&mut self) {
        loop {
            let Self { folder, port, etcd, prefix, services, .. } = &*self;
            self.process = Self::launch(folder, *port, etcd, prefix, services);
            if self.is_up().await {
                return;
            }
        }
    }

    /// The same on another etcd, as when a cluster was made anew under its old address. It is empty.
    pub async fn restart_on(&mut self, etcd: &str) {
        self.etcd = etcd.into();
        self.restart().await;
    }

    async fn is_up(&mut self) -> bool {
        let client = self.client().await;
        let probe = async || {
            let request = http::Request::get("/readyz").body(Vec::new()).expect("a request");
            client.request_text(request).await
        };
        self.process.is_up(probe).await
    }

    fn launch(folder: &Path, port: u16, etcd: &str, prefix: &str, services: &str) -> Process {
        let pki = Pki::shared();
        let name = folder.file_name().expect("a folder").to_string_lossy();
        let tokens = folder.join("tokens.csv");
        let port = port.to_string();
        let text = |path: &PathBuf| path.to_str().expect("a UTF-8 path").to_owned();
        let args = [
            ("etcd-servers", etcd.to_owned()),
            ("etcd-prefix", prefix.to_owned()),
            ("bind-address", "127.0.0.1".into()),
            ("advertise-address", "127.0.0.1".into()),
            ("secure-port", port),
            ("tls-cert-file", text(&pki.cert)),
            ("tls-private-key-file", text(&pki.key)),
            ("service-account-issuer", "https://kubernetes.default.svc".into()),
            ("service-account-key-file", text(&pki.sa_public)),
            ("service-account-signing-key-file", text(&pki.sa_key)),
            ("client-ca-file", text(&pki.ca)),
            ("token-auth-file", text(&tokens)),
            ("authorization-mode", "RBAC".into()),
            ("service-cluster-ip-range", services.to_owned()),
            ("disable-admission-plugins", "ServiceAccount".into()),
        ];
        let args = args.map(|(flag, value)| format!("--{flag}={value}"));
        Process::start(&format!("apiserver-{name}"), &command(parts::kube_apiserver(), args))
    }
}
