//! The certificates that this service works with.

use jeton_authority::Caller;
use jeton_domain::privilege::action;

use crate::certificates::Certificate;
use crate::error::{ApiError, Verdict};
use crate::exchange::Exchange;
use crate::json::write::JsonWriter;
use crate::respond::Reply;

/// Lists the certificates in use; none without TLS.
pub(crate) async fn show(exchange: &Exchange<'_>, caller: Caller) -> Result<Reply, ApiError> {
    exchange.authorize(&caller, action::READ_CERTIFICATES).await?;
    let certificates = exchange.rest.certificates.in_use();
    exchange.reply(Verdict::Done, |json| {
        json.begin_array();
        certificates.iter().for_each(|certificate| print(json, certificate));
        json.end_array();
    })
}

fn print(json: &mut JsonWriter, certificate: &Certificate) {
    json.begin_object();
    json.name("path");
    json.text(&certificate.path);
    json.name("format");
    json.text(certificate.format);
    json.name("alias");
    json.text_or_null(certificate.alias.as_deref());
    json.name("subject_dn");
    json.text(&certificate.subject_dn);
    json.name("serial_number");
    json.text(&certificate.serial_number);
    json.name("has_private_key");
    json.bool(certificate.has_private_key);
    json.name("expiry");
    json.text(&certificate.expiry.to_string());
    json.name("issuer");
    json.text(&certificate.issuer);
    json.end_object();
}
