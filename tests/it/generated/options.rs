//! The Corefiles that every question is asked under.

/// What the servers of a pair are configured with.
#[derive(Debug)]
pub struct OptionSet {
    pub title: &'static str,
    /// The zones of `kubernetes`, as the Corefile has them.
    pub zones: &'static [&'static str],
    /// The lines of `kubernetes`, besides where the cluster is.
    pub lines: &'static [&'static str],
    /// The other plugins.
    pub others: &'static [&'static str],
    /// Whether whole zones are compared instead of single questions.
    pub transfers: bool,
    /// What tells that a pair has seen everything: a kind that it does not watch never does.
    pub sees: Sees,
}

/// The kinds of objects that a pair can tell the last one of.
#[derive(Clone, Copy, Debug)]
pub struct Sees {
    pub namespaces: bool,
    pub slices: bool,
    pub pods: bool,
}

const REVERSE: &[&str] = &["cluster.local", "in-addr.arpa", "ip6.arpa"];
const FORWARD: &str = "forward . UPSTREAM";
pub const ALL: Sees = Sees { namespaces: true, slices: true, pods: false };

pub const OPTION_SETS: &[OptionSet] = &[
    OptionSet {
        title: "as kubeadm",
        zones: REVERSE,
        lines: &["pods insecure", "ttl 30", "fallthrough in-addr.arpa ip6.arpa"],
        others: &["errors", FORWARD],
        transfers: false,
        sees: ALL,
    },
    OptionSet {
        title: "defaults",
        zones: REVERSE,
        lines: &[],
        others: &[],
        transfers: false,
        sees: ALL,
    },
    OptionSet {
        title: "namespaces",
        zones: REVERSE,
        lines: &["namespaces gen-a gen-c gen-marker gen-gone", "ttl 0", "fallthrough"],
        others: &[FORWARD],
        transfers: false,
        sees: Sees { namespaces: false, ..ALL },
    },
    OptionSet {
        title: "endpoint_pod_names",
        zones: REVERSE,
        lines: &["endpoint_pod_names", "ttl 600"],
        others: &[FORWARD],
        transfers: false,
        sees: ALL,
    },
    OptionSet {
        title: "noendpoints",
        zones: REVERSE,
        lines: &["noendpoints", "pods insecure"],
        others: &[FORWARD],
        transfers: false,
        sees: Sees { slices: false, ..ALL },
    },
    OptionSet {
        title: "ignore empty_service",
        zones: REVERSE,
        lines: &["ignore empty_service", "fallthrough ip6.arpa"],
        others: &[FORWARD],
        transfers: false,
        sees: ALL,
    },
    OptionSet {
        title: "labels",
        zones: REVERSE,
        lines: &["labels tier in (keep, other),tier notin (other)", "pods verified"],
        others: &[FORWARD],
        transfers: false,
        sees: Sees { pods: true, ..ALL },
    },
    OptionSet {
        title: "namespace_labels",
        zones: REVERSE,
        lines: &["namespace_labels env=keep", "pods insecure"],
        others: &[FORWARD],
        transfers: false,
        sees: ALL,
    },
    OptionSet {
        title: "pods verified",
        zones: REVERSE,
        lines: &["pods verified", "ttl 3600"],
        others: &[FORWARD],
        transfers: false,
        sees: Sees { pods: true, ..ALL },
    },
    OptionSet {
        title: "zonal",
        zones: REVERSE,
        lines: &["zonal", "pods insecure"],
        others: &[FORWARD],
        transfers: false,
        sees: ALL,
    },
    OptionSet {
        title: "many zones",
        zones: &["10.in-addr.arpa", "example.org", "cluster.local", "a.cluster.local", "ip6.arpa"],
        lines: &["pods insecure", "endpoint_pod_names", "zonal", "ttl 1"],
        others: &[FORWARD],
        transfers: false,
        sees: ALL,
    },
    OptionSet {
        title: "the root",
        zones: &["."],
        lines: &["pods verified", "fallthrough example"],
        others: &[FORWARD],
        transfers: false,
        sees: Sees { pods: true, ..ALL },
    },
    OptionSet {
        title: "transfers",
        zones: REVERSE,
        lines: &["endpoint_pod_names", "namespaces gen-a gen-b gen-marker", "ttl 30"],
        others: &["transfer {", "    to *", "}"],
        transfers: true,
        sees: Sees { namespaces: false, ..ALL },
    },
];

impl OptionSet {
    /// The zone that pointers lead to.
    pub fn primary(&self) -> &'static str {
        let is_forward =
            |zone: &&&str| !zone.ends_with(".in-addr.arpa") && !zone.ends_with(".ip6.arpa");
        self.zones.iter().find(is_forward).expect("a zone that is not reverse")
    }

    /// The Corefile, in which `KUBECONFIG` and `UPSTREAM` are still to be replaced.
    pub fn corefile(&self) -> String {
        let indented = |lines: &[&str]| -> String {
            lines.iter().map(|line| format!("        {line}\n")).collect()
        };
        format!(
            ".:{{PORT}} {{\n    bind 127.0.0.1\n{}    kubernetes {} {{\n        kubeconfig KUBECONFIG\n{}    }}\n}}\n",
            indented(self.others),
            self.zones.join(" "),
            indented(self.lines),
        )
    }
}
