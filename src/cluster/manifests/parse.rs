//! One manifest file: YAML or JSON documents to slim objects.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::Spanned;

use crate::cluster::kinds::{
    EndpointSlice, EndpointSliceObject, LoadBalancer, LoadBalancerObject, NamespaceObject,
    NodeObject, PodObject, Ranges, Service, ServiceCidrObject, ServiceEntry, ServiceEntryObject,
    ServiceExport, ServiceExportObject, ServiceImport, ServiceImportObject, ServiceObject,
};
use crate::cluster::labels::LabelSelector;
use crate::cluster::selection::Selection;

/// What one file says.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct File {
    /// Of these, those that are selected.
    pub services: Vec<Service>,
    pub slices: Vec<EndpointSlice>,
    pub pods: Vec<PodObject>,
    pub imports: Vec<ServiceImport>,
    pub exports: Vec<ServiceExport>,
    pub entries: Vec<ServiceEntry>,
    pub cidrs: Vec<Ranges>,
    pub nodes: Vec<Ranges>,
    pub gateways: Vec<LoadBalancer>,
    /// With their labels, and without any where an object is in a namespace that is not declared.
    pub namespaces: BTreeMap<Box<str>, BTreeMap<String, String>>,
}

/// Reads all documents of a file. The error names document, line and object.
///
/// Kinds that DNS does not need are left out. A missing `metadata.namespace` is `default`.
pub(super) fn parse(text: &str, selection: &Selection) -> Result<File, String> {
    let mut file = File::default();
    // The operator's own files may be large: no budget for them. A namespace may be called `n` or
    // `no`, which are booleans in YAML 1.1 only.
    let options = serde_saphyr::options! { budget: None, strict_booleans: true };
    let mut reader = text.as_bytes();
    let documents = serde_saphyr::read_with_options::<_, Spanned<Value>>(&mut reader, options);
    for (index, document) in documents.enumerate() {
        let number = index + 1;
        let document = document.map_err(|error| {
            let line = error.location().map_or(0, |place| place.line());
            // Without the snippet, which is of many lines.
            format!("document {number}, line {line}: {}", error.without_snippet())
        })?;
        let line = document.referenced.line();
        add(document.value, selection, &mut file)
            .map_err(|error| format!("document {number} (from line {line}): {error}"))?;
    }
    Ok(file)
}

fn add(value: Value, selection: &Selection, file: &mut File) -> Result<(), String> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    if value.is_null() {
        return Ok(());
    }
    if !value.is_object() {
        return Err("it is no Kubernetes object".to_owned());
    }
    let (version, kind) = (text("apiVersion"), text("kind"));
    // Other groups have Services of their own (Knative), which are not these.
    match (version.as_str(), kind.as_str()) {
        ("v1", "Service") => {
            if selection.gateway.is_some() {
                let object: LoadBalancerObject = decode(value.clone(), true)?;
                let found = Some(LoadBalancer::from(object));
                file.gateways
                    .extend(found.filter(|of| selection.gateway.as_ref() == Some(&of.key)));
            }
            let object: ServiceObject = decode(value, true)?;
            if file.takes(&object.metadata, selection)
                && selects(&selection.exposed, &object.metadata)
            {
                file.services.push(object.into());
            }
        }
        ("v1", "Namespace") => {
            let NamespaceObject { metadata } = decode(value, false)?;
            let (name, labels) = (metadata.name.unwrap_or_default(), metadata.labels);
            if selection.has_namespace(&name) {
                file.namespaces.insert(name.into(), labels.unwrap_or_default());
            }
        }
        ("v1", "Pod") => {
            let object: PodObject = decode(value, true)?;
            if file.takes(&object.metadata, selection) && selection.pods {
                file.pods.push(object);
            }
        }
        (group, "ServiceImport") if group.starts_with("multicluster.x-k8s.io/") => {
            let object: ServiceImportObject = decode(value, true)?;
            file.uses(&object.metadata);
            // Selected like Namespaces, as in CoreDNS.
            if selects(&selection.namespace_labels, &object.metadata) && selection.imports {
                file.imports.push(object.into());
            }
        }
        (group, "ServiceExport") if group.starts_with("multicluster.x-k8s.io/") => {
            let object: ServiceExportObject = decode(value, true)?;
            let space = object.metadata.namespace.as_deref().unwrap_or_default();
            if selection.has_namespace(space) {
                file.uses(&object.metadata);
                file.exports.extend(selection.exports.then(|| object.into()));
            }
        }
        (group, "ServiceEntry") if group.starts_with("networking.istio.io/") => {
            let object: ServiceEntryObject = decode(value, true)?;
            let is_exposed = selects(&selection.exposed, &object.metadata);
            if file.watches(&object.metadata, selection) && is_exposed && selection.entries {
                file.entries.push(object.into());
            }
        }
        (group, "ServiceCIDR") if group.starts_with("networking.k8s.io/") => {
            let object: ServiceCidrObject = decode(value, false)?;
            file.cidrs.extend(selection.ranges.then(|| object.into()));
        }
        ("v1", "Node") => {
            let object: NodeObject = decode(value, false)?;
            file.nodes.extend(selection.ranges.then(|| object.into()));
        }
        (group, "EndpointSlice") if group.starts_with("discovery.k8s.io/") => {
            let object: EndpointSliceObject = decode(value, true)?;
            if file.takes(&object.metadata, selection) {
                file.slices.push(object.slim(selection.keep));
            }
        }
        ("v1", "List") => {
            let items = value.get("items").and_then(Value::as_array);
            for (index, item) in items.into_iter().flatten().enumerate() {
                add(item.clone(), selection, file)
                    .map_err(|error| format!("item {}: {error}", index + 1))?;
            }
        }
        ("", _) | (_, "") => return Err("apiVersion or kind is missing".to_owned()),
        _ => tracing::debug!(version, kind, "a kind that DNS does not need"),
    }
    Ok(())
}

impl File {
    /// Whether an object is selected; its namespace exists in any case, if it is one that is watched.
    fn takes(&mut self, object: &ObjectMeta, selection: &Selection) -> bool {
        self.watches(object, selection) && selects(&selection.labels, object)
    }

    /// Whether an object is in a namespace that is watched, which exists then.
    fn watches(&mut self, object: &ObjectMeta, selection: &Selection) -> bool {
        let is_watched = selection.has_namespace(object.namespace.as_deref().unwrap_or_default());
        if is_watched {
            self.uses(object);
        }
        is_watched
    }

    fn uses(&mut self, object: &ObjectMeta) {
        self.namespaces.entry(object.namespace.clone().unwrap_or_default().into()).or_default();
    }
}

fn selects(labels: &LabelSelector, object: &ObjectMeta) -> bool {
    labels.matches(object.labels.as_ref().unwrap_or(&BTreeMap::new()))
}

fn decode<O: DeserializeOwned>(mut value: Value, namespaced: bool) -> Result<O, String> {
    let kind = value["kind"].as_str().unwrap_or_default().to_owned();
    let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) else {
        return Err(format!("the {kind} has no metadata"));
    };
    let name = metadata.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err(format!("the {kind} has no metadata.name"));
    }
    if namespaced {
        let namespace = metadata.entry("namespace").or_insert(Value::Null);
        if namespace.as_str().is_none_or(str::is_empty) {
            *namespace = Value::from("default");
        }
    }
    serde_json::from_value(value).map_err(|error| format!("{kind} {name}: {error}"))
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
