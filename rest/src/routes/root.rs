//! `GET /`: the banner that clients check before their first call.

use jeton_authority::Caller;
use jeton_domain::privilege::action;

use crate::error::{ApiError, Verdict};
use crate::exchange::Exchange;
use crate::headers::{BUILD_HASH, VERSION};
use crate::json::write::JsonWriter;
use crate::respond::Reply;
use crate::rest::Names;

/// Shows the banner.
pub(crate) async fn show(exchange: &Exchange<'_>, caller: Caller) -> Result<Reply, ApiError> {
    exchange.authorize(&caller, action::READ_MAIN).await?;
    exchange.reply(Verdict::Done, |json| print(json, &exchange.rest.settings.names))
}

fn print(json: &mut JsonWriter, names: &Names) {
    json.begin_object();
    for (name, text) in [
        ("name", names.node.as_str()),
        ("cluster_name", &names.cluster),
        ("cluster_uuid", &names.cluster_uuid),
    ] {
        json.name(name);
        json.text(text);
    }
    json.name("version");
    json.begin_object();
    for (name, text) in [
        ("number", VERSION),
        ("build_flavor", "default"),
        ("build_type", "tar"),
        ("build_hash", BUILD_HASH),
        ("build_date", "2025-07-23T00:00:00.000000000Z"),
    ] {
        json.name(name);
        json.text(text);
    }
    json.name("build_snapshot");
    json.bool(false);
    for (name, text) in [
        ("lucene_version", "9.12.1"),
        ("minimum_wire_compatibility_version", "7.17.0"),
        ("minimum_index_compatibility_version", "7.0.0"),
    ] {
        json.name(name);
        json.text(text);
    }
    json.end_object();
    json.name("tagline");
    json.text("You Know, for Search");
    json.name("jeton");
    json.begin_object();
    json.name("version");
    json.text(env!("CARGO_PKG_VERSION"));
    json.end_object();
    json.end_object();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::write::Layout;

    /// Case 129 of the wire, the body.
    #[test]
    fn the_banner_has_what_clients_check() {
        let mut json = JsonWriter::new(Layout::Pretty);
        let names = Names { node: "n".into(), cluster: "c".into(), cluster_uuid: "u".into() };
        print(&mut json, &names);
        insta::assert_snapshot!(String::from_utf8(json.finish()).unwrap());
    }
}
