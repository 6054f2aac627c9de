//! A reply in one line, to state what a name must say and to wait until it does.
//!
//! `NOERROR` and the rdata of the answer, then `+` and the additional records; `NODATA`, `NXDOMAIN`
//! or `SERVFAIL` with the SOA's owner and TTL:
//!
//! ```text
//! NOERROR 10.244.0.5, 10.244.0.6
//! NOERROR 0 100 80 web.shop.svc.cluster.local. + web.shop.svc.cluster.local. 10.96.0.7
//! NODATA cluster.local. 30
//! ```

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;

use super::dns_server::DnsServer;
use super::eventually::{LONG, eventually};

impl DnsServer {
    /// What it says to a question written `NAME TYPE`; what went wrong if nothing.
    pub async fn says(&self, question: &str) -> String {
        let (name, kind) = parse(question);
        match self.try_ask(name, kind).await {
            Ok(reply) => brief(&reply),
            Err(why) => why,
        }
    }

    /// Waits until it says this.
    pub async fn comes_to_say(&self, question: &str, expected: &str) {
        let what = format!("{question} to say {expected:?}");
        eventually(&what, LONG, async || match self.says(question).await {
            said if said == expected => Ok(()),
            said => Err(said),
        })
        .await;
    }

    /// Waits until it has logged this.
    pub async fn comes_to_log(&self, text: &str) {
        eventually(&format!("{text:?} in the log"), LONG, async || {
            if self.logs().contains(text) { Ok(()) } else { Err(self.logs()) }
        })
        .await;
    }

    /// Fails the test unless it says each of these now.
    pub async fn must_say(&self, expected: &[(&str, &str)]) {
        for (question, expected) in expected {
            assert_eq!(self.says(question).await, *expected, "to {question}");
        }
    }

    /// Fails the test unless it says each of these, asked again and again, while `meanwhile` runs and
    /// at its end.
    pub async fn keeps_saying<T, Q: AsRef<str>, A: AsRef<str>>(
        &self,
        expected: &[(Q, A)],
        meanwhile: impl Future<Output = T>,
    ) -> T {
        let expected: Vec<(&str, &str)> =
            expected.iter().map(|(q, a)| (q.as_ref(), a.as_ref())).collect();
        let asking = async {
            loop {
                self.must_say(&expected).await;
            }
        };
        let value = tokio::select! {
            value = meanwhile => value,
            never = asking => never,
        };
        self.must_say(&expected).await;
        value
    }
}

/// A question written `NAME TYPE`.
pub fn parse(question: &str) -> (&str, RecordType) {
    let (name, kind) = question.split_once(' ').expect("NAME TYPE");
    (name, kind.parse().expect("a record type"))
}

/// The reply in one line.
pub fn brief(reply: &Message) -> String {
    let mut answers: Vec<String> = reply.answers.iter().map(|r| r.data.to_string()).collect();
    answers.sort();
    let mut glue: Vec<String> =
        reply.additionals.iter().map(|r| format!("{} {}", r.name, r.data)).collect();
    glue.sort();
    let soa = reply.authorities.iter().find(|r| r.record_type() == RecordType::SOA);
    let code = match reply.metadata.response_code {
        ResponseCode::NoError if answers.is_empty() && soa.is_some() => "NODATA".to_owned(),
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        other => format!("{other:?}"),
    };
    let mut words = vec![code];
    words.extend((!answers.is_empty()).then(|| answers.join(", ")));
    words.extend(soa.map(|soa| format!("{} {}", soa.name, soa.ttl)));
    words.extend((!glue.is_empty()).then(|| format!("+ {}", glue.join(", "))));
    words.join(" ")
}
