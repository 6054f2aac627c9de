//! What a source of members says: which clusters there are.

use std::path::PathBuf;
use std::sync::Arc;

use super::id::ClusterId;
use super::kubeconfig::{Allowed, Refused, sanitize};
use super::member::Access;

/// One cluster of one source. A source states all its claims anew whenever one changes.
#[derive(Clone)]
pub struct Claim {
    pub id: ClusterId,
    /// Where it is written, for the log and to tell two claims of one ID apart.
    pub origin: String,
    /// A claim with the same content is not connected anew.
    pub content: Content,
    /// How the cluster is reached, or why the content leads to none.
    pub access: Result<Access, Unusable>,
}

/// What a claim was made from, to tell a change of it. Holds credentials, so it is not `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    Kubeconfig(Arc<[u8]>),
    Manifests(PathBuf),
    Unreadable(std::io::ErrorKind),
}

/// Why a claim leads to no member. Holds no credential.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unusable {
    #[error("the kubeconfig is refused: {0}")]
    Refused(#[from] Refused),
    #[error("the file cannot be read: {0}")]
    Unreadable(std::io::ErrorKind),
}

impl Claim {
    /// A member with a kubeconfig. `before` are the source's previous claims: the same bytes are not
    /// parsed again.
    pub fn kubeconfig(
        id: ClusterId,
        origin: String,
        bytes: &[u8],
        allowed: Allowed,
        before: &[Claim],
    ) -> Self {
        let same = before.iter().find(|claim| {
            claim.id == id
                && claim.origin == origin
                && matches!(&claim.content, Content::Kubeconfig(known) if **known == *bytes)
        });
        if let Some(same) = same {
            return same.clone();
        }
        let access = sanitize(bytes, allowed).map(|config| Access::Remote(Arc::new(config)));
        let access = access.map_err(Unusable::Refused);
        Claim { id, origin, content: Content::Kubeconfig(bytes.into()), access }
    }

    /// A member that is a directory.
    pub fn manifests(id: ClusterId, directory: PathBuf) -> Self {
        Claim {
            id,
            origin: format!("manifests {}", directory.display()),
            access: Ok(Access::Manifests(directory.clone())),
            content: Content::Manifests(directory),
        }
    }

    /// A member whose file is there and cannot be read.
    pub fn unreadable(id: ClusterId, origin: String, error: std::io::ErrorKind) -> Self {
        let access = Err(Unusable::Unreadable(error));
        Claim { id, origin, content: Content::Unreadable(error), access }
    }
}
