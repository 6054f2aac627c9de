//! One line of an `acl`: which questions it is about, and what becomes of them.

use std::net::IpAddr;

use hickory_proto::rr::RecordType;
use ipnet::IpNet;

use crate::plugin::Request;

/// What becomes of a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// The next plugin answers it.
    Allow,
    /// It is REFUSED.
    Block,
    /// Its answer is NOERROR, without records.
    Filter,
    /// It gets no answer.
    Drop,
}

/// One line.
#[derive(Debug)]
pub struct Policy {
    pub action: Action,
    /// The types it is about; all where there are none.
    pub types: Option<Vec<RecordType>>,
    /// The clients it is about; all where there are none.
    pub sources: Option<Networks>,
}

impl Policy {
    /// Whether it is about this question.
    pub fn matches(&self, request: &Request) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&request.qtype()))
            && self.sources.as_ref().is_none_or(|sources| sources.contain(request.client.ip()))
    }
}

/// A set of networks. Lists of clients may be long, so that none is looked through.
#[derive(Debug)]
pub struct Networks {
    /// In the order of their addresses, none within another.
    sorted: Vec<IpNet>,
}

impl Networks {
    pub fn new(networks: &[IpNet]) -> Self {
        let mut sorted = IpNet::aggregate(&networks.to_vec());
        sorted.sort_by_key(IpNet::network);
        Networks { sorted }
    }

    fn contain(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        let after = self.sorted.partition_point(|network| network.network() <= client);
        after.checked_sub(1).is_some_and(|at| self.sorted[at].contains(&client))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_network_of_a_client() {
        let networks: Vec<IpNet> =
            ["10.1.0.0/16", "10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "10.128.0.0/9"]
                .map(|network| network.parse().unwrap())
                .into();
        let networks = Networks::new(&networks);
        for (client, expected) in [
            ("10.0.0.0", true),
            ("10.1.2.3", true),
            ("10.2.0.0", true),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("9.255.255.255", false),
            ("0.0.0.0", false),
            ("192.0.2.7", true),
            ("::ffff:192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8::1", true),
            ("2001:db9::1", false),
            ("::", false),
        ] {
            assert_eq!(networks.contain(client.parse().unwrap()), expected, "{client}");
        }
        assert!(!Networks::new(&[]).contain("::1".parse().unwrap()));
    }
}
