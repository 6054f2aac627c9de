//! What is asked, and as whom the servers are known.

/// A load: names of one sort, asked in one way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Addresses of Services.
    Hit,
    /// What clients with `ndots:5` ask for: an eighth each of A and AAAA of Services, and names of search lists
    /// that do not exist.
    Mix,
    Srv,
    Ptr,
    /// Names of a suffix that all have one address.
    Sentinel,
    /// Addresses of Services that only members have, of a fleet of one and of many.
    One,
    Many,
    /// Addresses outside of the cluster, which were forwarded before.
    Cached,
    /// Addresses of Services, many at once on each of several connections.
    Tcp,
}

impl Kind {
    pub const ALL: [Kind; 9] = [
        Kind::Hit,
        Kind::Mix,
        Kind::Srv,
        Kind::Ptr,
        Kind::Sentinel,
        Kind::One,
        Kind::Many,
        Kind::Cached,
        Kind::Tcp,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Hit => "hit",
            Kind::Mix => "mix",
            Kind::Srv => "SRV",
            Kind::Ptr => "PTR",
            Kind::Sentinel => "sentinel",
            Kind::One => "remote, 1 member",
            Kind::Many => "remote, many members",
            Kind::Cached => "cached",
            Kind::Tcp => "TCP",
        }
    }
}
