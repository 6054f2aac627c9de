//! The name servers of a file like /etc/resolv.conf.

use std::net::{AddrParseError, IpAddr, SocketAddr};

/// The addresses of all lines `nameserver ADDRESS`, with port 53. The zone of an IPv6 address
/// (`%eth0`) is dropped, as by CoreDNS. Other lines say nothing that concerns us.
///
/// # Errors
/// What stands behind a `nameserver` that is no address.
pub(super) fn name_servers(text: &str) -> Result<Vec<SocketAddr>, (String, AddrParseError)> {
    text.lines()
        .filter(|line| !line.starts_with([';', '#']))
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            (words.next() == Some("nameserver")).then(|| words.next()).flatten()
        })
        .map(|word| {
            let address = word.split('%').next().unwrap_or(word);
            let address: IpAddr = address.parse().map_err(|error| (word.to_owned(), error))?;
            Ok(SocketAddr::new(address, 53))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_name_servers() {
        let text = "# nameserver 10.0.0.9\n; x\nsearch a b\noptions ndots:5\n\
            nameserver 10.0.0.1\n  nameserver\t2001:db8::1 # comment\nnameserver fe80::1%eth0\n\
            nameserver\nnameservers 10.0.0.8\n";
        let found: Vec<String> =
            name_servers(text).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(found, ["10.0.0.1:53", "[2001:db8::1]:53", "[fe80::1]:53"]);
        assert_eq!(name_servers("nameserver dns.example").unwrap_err().0, "dns.example");
        assert!(name_servers("").unwrap().is_empty());
    }
}
