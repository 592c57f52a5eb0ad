//! Caches to clear: roles, realms, privileges of applications, keys.
//!
//! Owns the answer in the shape of several nodes, of which there is one.

use jeton_authority::Caller;
use jeton_authority::caches::Scope;

use crate::error::{ApiError, Verdict};
use crate::exchange::Exchange;
use crate::json::write::JsonWriter;
use crate::respond::Reply;
use crate::rest::Names;
use crate::router::Cache;

/// Clears a cache: of what the path names, or of everything.
pub(crate) async fn clear(
    exchange: &Exchange<'_>,
    caller: Caller,
    cache: Cache,
) -> Result<Reply, ApiError> {
    let authority = &exchange.rest.authority;
    let names = exchange.names("names");
    let names = scope(names.as_deref());
    let unknown_realm = match cache {
        Cache::Roles => authority.clear_role_cache(&caller, names).await.map(|()| None),
        Cache::Realms => {
            let users = exchange.query.value("usernames").filter(|users| !users.is_empty());
            let users: Option<Vec<String>> =
                users.map(|users| users.split(',').map(str::to_owned).collect());
            authority.clear_realm_cache(&caller, names, scope(users.as_deref())).await
        }
        Cache::Privileges => authority.clear_privilege_cache(&caller, names).await.map(|()| None),
        Cache::Keys => authority.clear_key_cache(&caller).await.map(|()| None),
    };
    let unknown_realm = unknown_realm.map_err(|error| exchange.refusal(error))?;
    exchange.reply(Verdict::Done, |json| {
        print(json, &exchange.rest.settings.names, unknown_realm.as_deref());
    })
}

/// What a list names: `*` alone is everything.
fn scope(names: Option<&[String]>) -> Scope<'_> {
    match names {
        None => Scope::All,
        Some([all]) if all == "*" => Scope::All,
        Some(names) => Scope::Named(names),
    }
}

/// Writes how the one node fared: well, unless it was to clear the cache of an unknown realm.
///
/// The node has the id of the cluster, for it is all of it.
fn print(json: &mut JsonWriter, names: &Names, unknown_realm: Option<&str>) {
    let failed = u64::from(unknown_realm.is_some());
    json.begin_object();
    json.name("_nodes");
    json.begin_object();
    for (name, count) in [("total", 1), ("successful", 1 - failed), ("failed", failed)] {
        json.name(name);
        json.count(count);
    }
    if let Some(realm) = unknown_realm {
        json.name("failures");
        json.begin_array();
        print_failure(json, &names.cluster_uuid, realm);
        json.end_array();
    }
    json.end_object();
    json.name("cluster_name");
    json.text(&names.cluster);
    json.name("nodes");
    json.begin_object();
    if unknown_realm.is_none() {
        json.name(&names.cluster_uuid);
        json.begin_object();
        json.name("name");
        json.text(&names.node);
        json.end_object();
    }
    json.end_object();
    json.end_object();
}

fn print_failure(json: &mut JsonWriter, node: &str, realm: &str) {
    json.begin_object();
    json.name("type");
    json.text("failed_node_exception");
    json.name("reason");
    json.text(&format!("Failed node [{node}]"));
    json.name("node_id");
    json.text(node);
    json.name("caused_by");
    json.begin_object();
    json.name("type");
    json.text("illegal_argument_exception");
    json.name("reason");
    json.text(&format!("could not find active realm [{realm}]"));
    json.end_object();
    json.end_object();
}
