//! ServiceImports, whose kind a cluster may not have.
//!
//! In: what an API server serves, and its ServiceImports. Out: those, in whichever version it prefers.
//! Where the CRD is not installed, it is waited for: until then there are none, and the cluster is
//! synced without. Where it goes, what was known stays: an API server tells of each object before.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIGroup, APIResourceList};
use kube::Api;
use kube::core::ApiResource;
use serde::de::DeserializeOwned;
use tracing::instrument::WithSubscriber;
use tracing::{Dispatch, info, warn};

use super::backoff::Backoff;
use super::event::{Change, Update};
use super::kinds::{ServiceImportObject, service_import};
use super::selection::Kind;
use super::watch::describe;
use super::watches::{Watches, labelled};

const PLURAL: &str = "serviceimports";
/// What an API server says of a kind that it does not have.
const ABSENT: &[u16] = &[404];

impl Watches {
    /// Watches ServiceImports, if they are wanted.
    pub(super) async fn imports(&self) {
        let kind = Kind::ServiceImports;
        let Some(place) = self.selection.place(kind) else { return };
        let mut backoff = Backoff::between(self.timing.retry_min, self.timing.discovery);
        loop {
            let resource = self.served(place, &mut backoff).await;
            // They are selected like Namespaces, as in CoreDNS (plugin/kubernetes/controller.go).
            let selected = labelled(&self.selection.namespace_labels);
            let api = |client| Api::all_with(client, &resource);
            let take = |update: Update<ServiceImportObject>| {
                self.gate.apply(Change::ServiceImport(update.map(Into::into)));
            };
            self.follow(place, kind.name(), api, selected, ABSENT, take).await;
            tokio::time::sleep(backoff.next()).await;
        }
    }

    /// Waits until ServiceImports are served, and says how.
    async fn served(&self, place: usize, backoff: &mut Backoff) -> ApiResource {
        let cluster = &self.condition.id;
        let kind = Kind::ServiceImports.name();
        let (mut is_missing, mut is_failing) = (false, false);
        loop {
            match self.discover(place).with_subscriber(Dispatch::none()).await {
                Ok(Some(resource)) => {
                    if is_missing {
                        info!(%cluster, kind, version = resource.version, "are served now");
                    }
                    return resource;
                }
                Ok(None) => {
                    if !std::mem::replace(&mut is_missing, true) {
                        info!(%cluster, kind, "the CRD is not installed; it is waited for");
                    }
                    self.condition.set_synced(place);
                    self.condition.set_failing(place, false);
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_failing, true) {
                        let error = describe(&error);
                        warn!(%cluster, kind, %error, "whether there are any is not known; asked again");
                    }
                    self.condition.set_failing(place, true);
                }
            }
            tokio::time::sleep(backoff.next()).await;
        }
    }

    /// The version that the API server prefers of those that decode; `None` if it has none.
    async fn discover(&self, place: usize) -> Result<Option<ApiResource>, kube::Error> {
        let group = service_import::GROUP;
        let Some(found) = self.get::<APIGroup>(place, &format!("/apis/{group}")).await? else {
            return Ok(None);
        };
        let preferred = found.preferred_version.iter();
        for offered in preferred.chain(&found.versions) {
            let version = offered.version.as_str();
            if !service_import::VERSIONS.contains(&version) {
                continue;
            }
            let path = format!("/apis/{group}/{version}");
            let Some(list) = self.get::<APIResourceList>(place, &path).await? else { continue };
            if list.resources.iter().any(|resource| resource.name == PLURAL) {
                return Ok(Some(ApiResource {
                    group: group.to_owned(),
                    version: version.to_owned(),
                    api_version: format!("{group}/{version}"),
                    kind: "ServiceImport".to_owned(),
                    plural: PLURAL.to_owned(),
                }));
            }
        }
        Ok(None)
    }

    /// An object by its path; `None` if it is not there.
    async fn get<T: DeserializeOwned>(
        &self,
        place: usize,
        path: &str,
    ) -> Result<Option<T>, kube::Error> {
        let request = http::Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
        let client = self.client(self.condition.contact(place).clone());
        match client.request(request).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
#[path = "imports_tests.rs"]
mod tests;
