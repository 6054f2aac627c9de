//! The files of a directory of manifests, with what each of them said last.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::Objects;
use super::parse::{File, parse};
use crate::cluster::exported::service_of;
use crate::cluster::kinds::{Namespace, ObjectKey, key_of};
use crate::cluster::selection::Selection;

/// The label that every API server gives to each Namespace.
const NAME: &str = "kubernetes.io/metadata.name";

/// Remembers each file, so that a broken one keeps the objects that it had.
pub(super) struct Tree {
    root: PathBuf,
    selection: Selection,
    files: BTreeMap<PathBuf, Manifest>,
    /// Objects that are in several files, so that each is told once.
    doubles: BTreeSet<String>,
}

struct Manifest {
    /// As last read, to tell a change. Empty where it could not be read.
    bytes: Vec<u8>,
    said: File,
    /// Why it could not be read, to tell it once.
    unreadable: Option<io::ErrorKind>,
}

/// What a directory holds.
pub(super) struct Scan {
    pub objects: Objects,
    /// For the log, each told once: files that do not read or parse, objects that are there twice.
    pub problems: Vec<String>,
}

impl Tree {
    pub fn new(root: PathBuf, selection: Selection) -> Self {
        Tree { root, selection, files: BTreeMap::new(), doubles: BTreeSet::new() }
    }

    /// Reads the whole directory. Blocks.
    ///
    /// Errors when the directory itself cannot be listed; then nothing is forgotten.
    pub fn scan(&mut self) -> io::Result<Scan> {
        let found = list(&self.root)?;
        self.files.retain(|path, _| found.contains(path));
        let mut problems = Vec::new();
        for path in found {
            if let Some(problem) = self.read(&path) {
                problems.push(format!("{}: {problem}", path.display()));
            }
        }
        let objects = self.merge(&mut problems);
        Ok(Scan { objects, problems })
    }

    /// Reads one file if it changed, and says what is wrong with it if that is new.
    fn read(&mut self, path: &Path) -> Option<String> {
        let read = fs::read(path);
        let manifest = self.files.entry(path.to_owned()).or_insert_with(|| Manifest {
            bytes: Vec::new(),
            said: File::default(),
            unreadable: None,
        });
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(error) => {
                let told = manifest.unreadable.replace(error.kind());
                return (told != Some(error.kind())).then(|| error.to_string());
            }
        };
        manifest.unreadable = None;
        if bytes == manifest.bytes {
            return None;
        }
        let parsed = std::str::from_utf8(&bytes)
            .map_err(|_| "it is not UTF-8 text".to_owned())
            .and_then(|text| parse(text, &self.selection));
        manifest.bytes = bytes;
        match parsed {
            Ok(said) => {
                manifest.said = said;
                None
            }
            Err(problem) => Some(problem),
        }
    }

    /// All files' objects, in the order of paths. The first of two with one name is taken.
    fn merge(&mut self, problems: &mut Vec<String>) -> Objects {
        let mut merged = Objects::default();
        let mut namespaces: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
        for manifest in self.files.values() {
            for (name, labels) in &manifest.said.namespaces {
                namespaces.entry(name).or_default().extend(labels.clone());
            }
        }
        // A namespace that is used exists, as it must in a cluster.
        for (name, mut labels) in namespaces {
            labels.insert(NAME.into(), name.into());
            if self.selection.namespace_labels.matches(&labels) {
                merged.namespaces.push(Namespace { key: ObjectKey::new("", name) });
            }
        }
        let mut doubles = BTreeSet::new();
        let mut all = Once { files: &self.files, doubles: &mut doubles };
        merged.services = all.of("Service", |said| &said.services, |of| (*of.key).clone());
        merged.slices = all.of("EndpointSlice", |said| &said.slices, |of| of.key.clone());
        merged.pods = all.of("Pod", |said| &said.pods, |of| key_of(&of.metadata));
        merged.imports = all.of("ServiceImport", |said| &said.imports, |of| of.key.clone());
        merged.exports = all.of("ServiceExport", |said| &said.exports, |of| of.key.clone());
        merged.entries = all.of("ServiceEntry", |said| &said.entries, |of| of.key.clone());
        merged.cidrs = all.of("ServiceCIDR", |said| &said.cidrs, |of| of.key.clone());
        merged.nodes = all.of("Node", |said| &said.nodes, |of| of.key.clone());
        merged.gateways = all.of("gateway", |said| &said.gateways, |of| of.key.clone());
        if self.selection.only_exported {
            let exports: HashSet<_> = merged.exports.iter().map(|export| &export.key).collect();
            merged.services.retain(|service| exports.contains(&*service.key));
            merged
                .slices
                .retain(|slice| service_of(slice).is_some_and(|key| exports.contains(&key)));
        }
        if !self.selection.endpoints {
            merged.slices.clear();
        }
        problems.extend(doubles.difference(&self.doubles).cloned());
        self.doubles = doubles;
        merged
    }
}

/// The objects of all files, each once.
struct Once<'a> {
    files: &'a BTreeMap<PathBuf, Manifest>,
    doubles: &'a mut BTreeSet<String>,
}

impl Once<'_> {
    fn of<T: Clone>(
        &mut self,
        kind: &str,
        objects: fn(&File) -> &Vec<T>,
        key: fn(&T) -> ObjectKey,
    ) -> Vec<T> {
        let (mut seen, mut once) = (HashSet::new(), Vec::new());
        for (path, manifest) in self.files {
            for object in objects(&manifest.said) {
                let key = key(object);
                if seen.insert(key.clone()) {
                    once.push(object.clone());
                } else {
                    let path = path.display();
                    self.doubles.insert(format!("{path}: {kind} {key} is there already"));
                }
            }
        }
        once
    }
}

/// The manifest files of a directory and of the directories in it.
fn list(root: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    let mut directories = Vec::new();
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        // Hidden ones are editors' and, in a ConfigMap volume, the data behind the links.
        if is_hidden(&path) {
            continue;
        }
        // Follows links, as the files of a ConfigMap volume are links.
        if path.is_dir() {
            directories.push(path);
        } else if is_manifest(&path) {
            files.insert(path);
        }
    }
    for directory in directories {
        let entries = match fs::read_dir(directory) {
            // Gone by now: there is nothing in it. Any other error must not look like that.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if !is_hidden(&path) && is_manifest(&path) && !path.is_dir() {
                files.insert(path);
            }
        }
    }
    Ok(files)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}
