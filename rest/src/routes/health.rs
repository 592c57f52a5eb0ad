//! `GET /_cluster/health`: whether this server can do its work, in the words of a cluster.

use std::time::Duration;

use jeton_authority::Caller;
use jeton_authority::health::{Health, HealthReport};
use jeton_domain::limits::{HEALTH_STEP, HEALTH_WAIT_DEFAULT, HEALTH_WAIT_MAX};
use jeton_domain::privilege::action;

use crate::error::{ApiError, Verdict};
use crate::exchange::Exchange;
use crate::json::write::JsonWriter;
use crate::query::Query;
use crate::respond::Reply;
use crate::rest::Names;

/// Shows the state, after waiting for the one that is asked for.
pub(crate) async fn show(exchange: &Exchange<'_>, caller: Caller) -> Result<Reply, ApiError> {
    let wait = Wait::parse(&exchange.query)?;
    exchange.authorize(&caller, action::READ_HEALTH).await?;
    let report = || exchange.rest.authority.health();
    let waiting = async {
        while !wait.is_over(report().health) {
            tokio::time::sleep(HEALTH_STEP).await;
        }
    };
    let timed_out = tokio::time::timeout(wait.timeout, waiting).await.is_err();
    let verdict = if timed_out { Verdict::TimedOut } else { Verdict::Done };
    exchange.reply(verdict, |json| {
        print(json, &exchange.rest.settings.names, &report(), timed_out);
    })
}

/// What the caller waits for, and for how long.
#[derive(Debug, PartialEq, Eq)]
struct Wait {
    health: Option<Health>,
    timeout: Duration,
}

impl Wait {
    /// Reads the parameters.
    fn parse(query: &Query) -> Result<Self, ApiError> {
        let health = match query.value("wait_for_status").map(str::to_ascii_lowercase).as_deref() {
            None | Some("") => None,
            Some("green") => Some(Health::Green),
            Some("yellow") => Some(Health::Yellow),
            Some("red") => Some(Health::Red),
            Some(other) => {
                let reason = format!("unknown cluster health status [{other}]");
                return Err(ApiError::illegal_argument(reason));
            }
        };
        let timeout = query.time("timeout")?.unwrap_or(HEALTH_WAIT_DEFAULT);
        query.time("master_timeout")?;
        Ok(Self { health, timeout: timeout.min(HEALTH_WAIT_MAX) })
    }

    /// Whether `health` is what is waited for, or better.
    fn is_over(&self, health: Health) -> bool {
        self.health.is_none_or(|wanted| health >= wanted)
    }
}

/// Writes the state. There is one node and no index.
fn print(json: &mut JsonWriter, names: &Names, report: &HealthReport, timed_out: bool) {
    json.begin_object();
    json.name("cluster_name");
    json.text(&names.cluster);
    json.name("status");
    json.text(match report.health {
        Health::Green => "green",
        Health::Yellow => "yellow",
        Health::Red => "red",
    });
    json.name("timed_out");
    json.bool(timed_out);
    for (name, count) in COUNTS {
        json.name(name);
        json.count(count);
    }
    json.name("active_shards_percent_as_number");
    json.literal("100.0");
    if !report.trouble.is_empty() {
        json.name("jeton");
        json.begin_object();
        json.name("trouble");
        json.texts(report.trouble.iter().map(String::as_str));
        json.end_object();
    }
    json.end_object();
}

const COUNTS: [(&str, u64); 12] = [
    ("number_of_nodes", 1),
    ("number_of_data_nodes", 1),
    ("active_primary_shards", 0),
    ("active_shards", 0),
    ("relocating_shards", 0),
    ("initializing_shards", 0),
    ("unassigned_shards", 0),
    ("unassigned_primary_shards", 0),
    ("delayed_unassigned_shards", 0),
    ("number_of_pending_tasks", 0),
    ("number_of_in_flight_fetch", 0),
    ("task_max_waiting_in_queue_millis", 0),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::write::Layout;

    fn wait(query: &str) -> Result<Wait, ApiError> {
        Wait::parse(&Query::parse(Some(query)).unwrap())
    }

    #[test]
    fn a_wait_names_a_status_and_a_time() {
        assert_eq!(wait("").unwrap(), Wait { health: None, timeout: HEALTH_WAIT_DEFAULT });
        let found = wait("wait_for_status=YELLOW&timeout=50ms").unwrap();
        assert_eq!(found.timeout, Duration::from_millis(50));
        assert!(found.is_over(Health::Green));
        assert!(found.is_over(Health::Yellow));
        assert!(!found.is_over(Health::Red));
        assert!(wait("wait_for_status=blue").is_err());
        assert!(wait("timeout=soon").is_err());
        assert_eq!(wait("timeout=7d").unwrap().timeout, HEALTH_WAIT_MAX);
    }

    #[test]
    fn the_state_is_printed_as_a_cluster_of_one() {
        insta::assert_snapshot!(printed(Health::Green, &[]));
    }

    #[test]
    fn trouble_is_told_in_words() {
        let body = printed(Health::Yellow, &["no key is active", "the disk is full"]);
        assert!(body.ends_with(
            "  \"jeton\" : {\n    \"trouble\" : [\n      \"no key is active\",\n      \"the disk is full\"\n    ]\n  }\n}\n"
        ), "{body}");
    }

    fn printed(health: Health, trouble: &[&str]) -> String {
        let mut json = JsonWriter::new(Layout::Pretty);
        let names = Names { node: "n".into(), cluster: "c".into(), cluster_uuid: "u".into() };
        let trouble = trouble.iter().map(|text| (*text).to_owned()).collect();
        print(&mut json, &names, &HealthReport { health, trouble }, false);
        String::from_utf8(json.finish()).unwrap()
    }
}
