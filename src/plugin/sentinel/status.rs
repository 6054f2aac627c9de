//! What `fleetdns vip --collisions` asks of a running server.

use axum::Router;
use axum::routing::any;
use serde::{Deserialize, Serialize};

use super::Pools;
use crate::admin::json;
use crate::zone::sentinel::in_use::spelled;

/// The path, beside that of the metrics.
pub const COLLISIONS: &str = "/sentinel/collisions";

/// An address that several names in use have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// The network of the pool.
    pub pool: String,
    pub address: std::net::IpAddr,
    /// With their final dot, in the order of the alphabet. `*.SUFFIX.` is every name of a suffix with `answer`.
    pub names: Vec<String>,
}

/// The page with all of them, as JSON.
pub fn router(pools: Pools) -> Router {
    let page = move || async move {
        let shared = pools.collisions().into_iter().map(|(pool, collision)| {
            let mut names: Vec<String> = collision.names.iter().map(|name| spelled(name)).collect();
            names.sort();
            Shared { pool: pool.to_string(), address: collision.address, names }
        });
        json(&shared.collect::<Vec<_>>())
    };
    Router::new().route(COLLISIONS, any(page))
}
