//! `GET /_jeton/live`: whether the process answers. For probes, so it needs no credentials.

use crate::json::write::JsonWriter;

/// Writes that it does.
pub(crate) fn print(json: &mut JsonWriter) {
    json.begin_object();
    json.name("live");
    json.bool(true);
    json.end_object();
}
