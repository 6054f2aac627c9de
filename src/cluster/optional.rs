//! Kinds that a cluster may not have, or not show: ServiceImports, ServiceExports, ServiceEntries,
//! ServiceCIDRs, Nodes.
//!
//! In: what an API server serves, and its objects. Out: those, in whichever version it prefers. Where the
//! kind is not there (its CRD is not installed), or optional and forbidden, it is waited for: until then
//! there are no such objects, and the cluster is synced without. Where it goes, what was known stays: an
//! API server tells of each object before.

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIGroup, APIResourceList};
use kube::Api;
use kube::core::{ApiResource, DynamicResourceScope};
use kube::runtime::watcher;
use serde::de::DeserializeOwned;
use tracing::instrument::WithSubscriber;
use tracing::{Dispatch, info, warn};

use super::backoff::Backoff;
use super::event::{Change, Update};
use super::failure::describe;
use super::kinds::{
    NodeObject, ServiceCidrObject, ServiceEntryObject, ServiceExportObject, ServiceImportObject,
};
use super::selection::Kind;
use super::watches::{Object, Watches, labelled};

/// What an API server says of a kind that it does not have.
const ABSENT: &[u16] = &[404];
/// The same, and what it says to those who lack a right.
const HIDDEN: &[u16] = &[403, 404];

/// How a kind is found.
struct Optional {
    kind: Kind,
    group: &'static str,
    /// Those that decode here; they say the same.
    versions: &'static [&'static str],
    singular: &'static str,
    plural: &'static str,
    /// What is no more than if there were none of it.
    absent_at: &'static [u16],
    /// What it means that it is not there, for the log.
    so: &'static str,
}

const SERVICE_IMPORTS: Optional = Optional {
    kind: Kind::ServiceImports,
    group: "multicluster.x-k8s.io",
    versions: &["v1beta1", "v1alpha1"],
    singular: "ServiceImport",
    plural: "serviceimports",
    // Whoever has no right to them has asked for a zone that cannot be answered.
    absent_at: ABSENT,
    so: "",
};

const SERVICE_EXPORTS: Optional = Optional {
    kind: Kind::ServiceExports,
    group: "multicluster.x-k8s.io",
    versions: &["v1beta1", "v1alpha1"],
    singular: "ServiceExport",
    plural: "serviceexports",
    absent_at: HIDDEN,
    so: ", so that the cluster exports nothing",
};

const SERVICE_ENTRIES: Optional = Optional {
    kind: Kind::ServiceEntries,
    group: "networking.istio.io",
    versions: &["v1", "v1beta1", "v1alpha3"],
    singular: "ServiceEntry",
    plural: "serviceentries",
    absent_at: HIDDEN,
    so: "",
};

const SERVICE_CIDRS: Optional = Optional {
    kind: Kind::ServiceCidrs,
    group: "networking.k8s.io",
    versions: &["v1", "v1beta1", "v1alpha1"],
    singular: "ServiceCIDR",
    plural: "servicecidrs",
    absent_at: HIDDEN,
    so: "",
};

const NODES: Optional = Optional {
    kind: Kind::Nodes,
    group: "",
    versions: &["v1"],
    singular: "Node",
    plural: "nodes",
    absent_at: HIDDEN,
    so: "",
};

impl Watches {
    /// Watches those of them that are wanted.
    pub(super) fn optional(&self) -> [BoxFuture<'_, ()>; 5] {
        // ServiceImports are selected like Namespaces, as in CoreDNS (plugin/kubernetes/controller.go).
        let selected = labelled(&[&self.selection.namespace_labels]);
        let imports =
            self.kind(SERVICE_IMPORTS, selected, |update: Update<ServiceImportObject>| {
                Change::ServiceImport(update.map(Into::into))
            });
        let all = watcher::Config::default;
        let exports = self.kind(SERVICE_EXPORTS, all(), |update: Update<ServiceExportObject>| {
            Change::ServiceExport(update.map(Into::into))
        });
        let exposed = labelled(&[&self.selection.exposed]);
        let entries = self.kind(SERVICE_ENTRIES, exposed, |update: Update<ServiceEntryObject>| {
            Change::ServiceEntry(update.map(Into::into))
        });
        let cidrs = self.kind(SERVICE_CIDRS, all(), |update: Update<ServiceCidrObject>| {
            Change::ServiceCidr(update.map(Into::into))
        });
        let nodes = self
            .kind(NODES, all(), |update: Update<NodeObject>| Change::Node(update.map(Into::into)));
        [imports.boxed(), exports.boxed(), entries.boxed(), cidrs.boxed(), nodes.boxed()]
    }

    async fn kind<O>(
        &self,
        optional: Optional,
        selected: watcher::Config,
        change: fn(Update<O>) -> Change,
    ) where
        O: Object<DynamicType = ApiResource, Scope = DynamicResourceScope>,
    {
        let places = self.selection.places(optional.kind).into_iter();
        join_all(places.map(|place| self.part(&optional, place, selected.clone(), change))).await;
    }

    /// The objects of one namespace, or of all.
    async fn part<O>(
        &self,
        optional: &Optional,
        (place, space): (usize, Option<&str>),
        selected: watcher::Config,
        change: fn(Update<O>) -> Change,
    ) where
        O: Object<DynamicType = ApiResource, Scope = DynamicResourceScope>,
    {
        let mut backoff = Backoff::between(self.timing.retry_min, self.timing.discovery);
        let mut missing = Missing::default();
        loop {
            let resource = self.served(optional, place, &mut missing, &mut backoff).await;
            let api = |client| match space {
                Some(space) => Api::namespaced_with(client, space, &resource),
                None => Api::all_with(client, &resource),
            };
            let take = |update| {
                if missing.is_hidden {
                    self.say(optional, "may be listed now");
                    self.condition.set_missing(place, None);
                    missing.is_hidden = false;
                }
                self.tell(space, change(update));
            };
            let (name, ends_at) = (optional.kind.name(), optional.absent_at);
            let status = self.follow(place, name, api, selected.clone(), ends_at, take).await;
            if status == 403 {
                self.hidden(optional, place, &mut missing);
            }
            tokio::time::sleep(backoff.next()).await;
        }
    }

    /// Waits until a kind is served, and says how.
    async fn served(
        &self,
        optional: &Optional,
        place: usize,
        missing: &mut Missing,
        backoff: &mut Backoff,
    ) -> ApiResource {
        let (cluster, kind) = (&self.condition.id, optional.kind.name());
        let mut is_failing = false;
        loop {
            match self.discover(optional, place).with_subscriber(Dispatch::none()).await {
                Ok(Some(resource)) => {
                    if std::mem::take(&mut missing.is_absent) {
                        self.say(optional, "are served now");
                    }
                    return resource;
                }
                Ok(None) => {
                    if !std::mem::replace(&mut missing.is_absent, true) {
                        let so = optional.so;
                        self.say(
                            optional,
                            &format!("the CRD is not installed{so}; it is waited for"),
                        );
                    }
                    self.without(optional, place);
                }
                Err(error)
                    if status(&error).is_some_and(|code| optional.absent_at.contains(&code)) =>
                {
                    self.hidden(optional, place, missing);
                }
                Err(error) => {
                    let error = describe(&error);
                    if !std::mem::replace(&mut is_failing, true) {
                        warn!(%cluster, kind, %error, "whether there are any is not known; asked again");
                    }
                    self.condition.fails(place, format!("{kind}: {error}"));
                }
            }
            tokio::time::sleep(backoff.next()).await;
        }
    }

    /// Notes that the kind is forbidden, and says so once.
    fn hidden(&self, optional: &Optional, place: usize, missing: &mut Missing) {
        if !std::mem::replace(&mut missing.is_hidden, true) {
            let (cluster, kind, rule) =
                (&self.condition.id, optional.kind.name(), optional.kind.rule());
            warn!(%cluster, kind,
                "may not be listed{so}, and what was known of them stays: allow list and watch of {rule}",
                so = optional.so);
        }
        self.condition.set_missing(place, Some(optional.kind));
        self.without(optional, place);
    }

    /// Notes that nothing is known of the kind, and nothing waits for it.
    fn without(&self, optional: &Optional, place: usize) {
        if let (Some(exported), Kind::ServiceExports) = (&self.exported, optional.kind) {
            exported.know();
        }
        self.condition.set_synced(place);
        self.condition.works(place);
    }

    fn say(&self, optional: &Optional, what: &str) {
        info!(cluster = %self.condition.id, kind = optional.kind.name(), "{what}");
    }

    /// The version that the API server prefers of those that decode; `None` if it has none.
    async fn discover(
        &self,
        optional: &Optional,
        place: usize,
    ) -> Result<Option<ApiResource>, kube::Error> {
        let (group, versions) = (optional.group, optional.versions);
        let resource = |version: &str| ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: if group.is_empty() {
                version.into()
            } else {
                format!("{group}/{version}")
            },
            kind: optional.singular.to_owned(),
            plural: optional.plural.to_owned(),
        };
        if group.is_empty() {
            // Every API server has the kinds of the core.
            return Ok(versions.first().map(|version| resource(version)));
        }
        let Some(found) = self.get::<APIGroup>(place, &format!("/apis/{group}")).await? else {
            return Ok(None);
        };
        let preferred = found.preferred_version.iter();
        for offered in preferred.chain(&found.versions) {
            let version = offered.version.as_str();
            if !versions.contains(&version) {
                continue;
            }
            let path = format!("/apis/{group}/{version}");
            let Some(list) = self.get::<APIResourceList>(place, &path).await? else { continue };
            if list.resources.iter().any(|served| served.name == optional.plural) {
                return Ok(Some(resource(version)));
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
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What was said of a kind, to say it once.
#[derive(Default)]
struct Missing {
    is_absent: bool,
    is_hidden: bool,
}

fn status(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

#[cfg(test)]
#[path = "optional_tests.rs"]
mod tests;
