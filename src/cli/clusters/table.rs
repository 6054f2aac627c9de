//! The clusters as text: a table, and below it what is wrong with each.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::cli::whom::Said;
use crate::plugin::kubernetes::status::{ClusterStatus, FleetStatus, Fleets, State};

const HEADER: [&str; 7] =
    ["CLUSTER", "STATE", "LAST CONTACT", "SERVICES", "ENDPOINTS", "REACH", "SOURCE"];

/// All fleets of a page. `now` is what ages are counted from.
pub fn text(said: &Said<Fleets>, now: SystemTime) -> String {
    let mut text = String::new();
    if let Some(reason) = &said.offline {
        // A String takes all that is written.
        let _ = writeln!(
            text,
            "Offline ({}): this is what the Corefile connects to from here.\n",
            plain(reason)
        );
    }
    if said.page.fleets.is_empty() {
        text.push_str("No clusters: there is no kubernetes in the Corefile.\n");
    }
    for (index, fleet) in said.page.fleets.iter().enumerate() {
        if said.page.fleets.len() > 1 {
            let gap = if index > 0 { "\n" } else { "" };
            let _ = writeln!(text, "{gap}{}", plain(&fleet.zones.join(" ")));
        }
        table(fleet, now, &mut text);
    }
    text
}

fn table(fleet: &FleetStatus, now: SystemTime, text: &mut String) {
    let mut rows = vec![HEADER.map(str::to_owned)];
    rows.extend(fleet.clusters.iter().map(|cluster| row(cluster, now)));
    let mut widths = [0; HEADER.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let mut notes: Vec<String> = fleet.clusters.iter().flat_map(notes).collect();
    notes.extend(fleet.unread_sources.iter().map(|source| format!("{source}: not read yet")));
    if !notes.is_empty() {
        text.push('\n');
    }
    for note in notes {
        let _ = writeln!(text, "{}", plain(&note));
    }
}

fn row(cluster: &ClusterStatus, now: SystemTime) -> [String; HEADER.len()] {
    let id = match cluster.local {
        true => format!("{} (local)", cluster.id),
        false => cluster.id.clone(),
    };
    let is_member = cluster.state != State::Refused;
    let services = cluster.objects.get("Services").filter(|_| is_member);
    let endpoints = cluster.objects.get("EndpointSlices").filter(|_| is_member);
    let cells = [
        id,
        cluster.state.to_string(),
        cluster.last_contact.map_or("never".to_owned(), |time| age(time, now)),
        services.map_or("-".to_owned(), usize::to_string),
        endpoints.map_or("-".to_owned(), |_| cluster.endpoints.to_string()),
        if cluster.reach.is_empty() { "-".to_owned() } else { cluster.reach.join(", ") },
        cluster.source.clone(),
    ];
    cells.map(|cell| plain(&cell))
}

/// What is to be known of a cluster besides its row.
fn notes(cluster: &ClusterStatus) -> Vec<String> {
    let id = &cluster.id;
    let problem = cluster.problem.iter().map(|problem| format!("{id}: {problem}"));
    let rules = cluster.missing_rules.iter();
    let rules = rules.map(|rule| format!("{id}: may not list {rule}: allow list and watch of it"));
    let claims = cluster.unused_claims.iter().map(|claim| format!("{id}: {}", claim.text));
    let successor = cluster.successor.iter().map(|of| match &of.problem {
        Some(problem) => format!("{id}: new credentials do not work yet: {problem}"),
        None => format!("{id}: new credentials are tried"),
    });
    problem.chain(rules).chain(claims).chain(successor).collect()
}

/// How long ago a Unix time was.
fn age(time: f64, now: SystemTime) -> String {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    // A clock that was set back is no reason to fail.
    let age = Duration::try_from_secs_f64(now.as_secs_f64() - time).unwrap_or_default().as_secs();
    match age {
        0..60 => format!("{age}s ago"),
        60..3600 => format!("{}m{}s ago", age / 60, age % 60),
        3600..86_400 => format!("{}h{}m ago", age / 3600, age / 60 % 60),
        _ => format!("{}d{}h ago", age / 86_400, age / 3600 % 24),
    }
}

/// One line: names of files must not shape the terminal.
fn plain(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
    line
}
