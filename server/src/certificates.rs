//! What is shown of the certificates in use.
//!
//! Owns the reading of X.509 as far as it is shown. Must not decide which certificate is good.

use std::path::Path;

use jeton_domain::time::Timestamp;
use jeton_rest::certificates::Certificate;
use rustls_pki_types::CertificateDer;
use x509_parser::x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name};

/// Who the first certificate of a file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// This server, which has the key.
    Server,
    /// Somebody who is trusted.
    Trusted,
}

/// What is shown of the certificates of a PEM file, each once. One that cannot be read is left out
/// and logged.
pub(crate) fn describe(
    path: &Path,
    certificates: &[CertificateDer<'_>],
    holder: Holder,
) -> Vec<Certificate> {
    let mut described = Vec::with_capacity(certificates.len());
    for (place, der) in certificates.iter().enumerate() {
        let has_private_key = holder == Holder::Server && place == 0;
        if let Some(certificate) = one(path, der, has_private_key) {
            if !described.contains(&certificate) {
                described.push(certificate);
            }
        } else {
            tracing::warn!(path = %path.display(), place, "a certificate in use cannot be listed");
        }
    }
    described
}

fn one(path: &Path, der: &CertificateDer<'_>, has_private_key: bool) -> Option<Certificate> {
    let (_, read) = x509_parser::parse_x509_certificate(der).ok()?;
    let ends_s = read.validity().not_after.timestamp();
    Some(Certificate {
        path: path.display().to_string(),
        format: "PEM",
        alias: None,
        subject_dn: name(read.subject()),
        serial_number: number(read.tbs_certificate.raw_serial()),
        has_private_key,
        expiry: Timestamp::from_ms(ends_s.saturating_mul(1000)),
        issuer: name(read.issuer()),
    })
}

/// A number in hexadecimal, from its two's complement. Certificates of old have negative ones.
fn number(bytes: &[u8]) -> String {
    let is_negative = bytes.first().is_some_and(|first| *first >= 0x80);
    let mut carries = is_negative;
    let mut digits: Vec<u8> = Vec::with_capacity(bytes.len());
    for byte in bytes.iter().rev() {
        let byte = if is_negative { !byte } else { *byte };
        let (digit, overflows) = byte.overflowing_add(u8::from(carries));
        carries = overflows;
        digits.push(digit);
    }
    let text =
        digits.iter().rev().fold(String::new(), |text, digit| text + &format!("{digit:02x}"));
    let text = text.trim_start_matches('0');
    let text = if text.is_empty() { "0" } else { text };
    format!("{}{text}", if is_negative { "-" } else { "" })
}

/// A name as tools print it: the most special part first.
fn name(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> = name.iter_rdn().map(part).collect();
    parts.reverse();
    parts.join(", ")
}

fn part(part: &RelativeDistinguishedName<'_>) -> String {
    part.iter().map(attribute).collect::<Vec<_>>().join(" + ")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let number = attribute.attr_type().to_id_string();
    let known = KINDS.iter().find(|(known, _)| *known == number);
    let kind = known.map_or_else(|| format!("OID.{number}"), |(_, kind)| (*kind).to_owned());
    let value =
        attribute.as_str().map_or_else(|_| hexadecimal(attribute.attr_value().data), quoted);
    format!("{kind}={value}")
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold("#".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// The value, in quotation marks where it could be taken for more than a value.
fn quoted(value: &str) -> String {
    let is_plain = value.trim() == value && !value.contains(SPECIAL);
    if is_plain {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

const SPECIAL: [char; 9] = [',', '+', '=', '"', '<', '>', '#', ';', '\\'];

const KINDS: [(&str, &str); 13] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SURNAME"),
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "T"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "EMAILADDRESS"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{
        CertificateParams, DistinguishedName, DnType, KeyPair, SerialNumber, date_time_ymd,
    };

    #[test]
    fn a_certificate_is_shown_by_names_number_and_end() {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        let mut name = DistinguishedName::new();
        name.push(DnType::CountryName, "CH");
        name.push(DnType::OrganizationName, "Tokens, \"Inc\"");
        name.push(DnType::CustomDnType(vec![1, 2, 3]), "odd");
        name.push(DnType::CommonName, "node 1");
        params.distinguished_name = name;
        params.serial_number = Some(SerialNumber::from_slice(&[0x0a, 0xbc, 0xde]));
        params.not_after = date_time_ymd(2040, 2, 29);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let (path, read) = (Path::new("/etc/c.pem"), [certificate.der().clone()]);
        let wanted = Certificate {
            path: "/etc/c.pem".to_owned(),
            format: "PEM",
            alias: None,
            subject_dn: r#"CN=node 1, OID.1.2.3=odd, O="Tokens, \"Inc\"", C=CH"#.to_owned(),
            serial_number: "abcde".to_owned(),
            has_private_key: true,
            expiry: Timestamp::from_ms(2_214_086_400_000),
            issuer: r#"CN=node 1, OID.1.2.3=odd, O="Tokens, \"Inc\"", C=CH"#.to_owned(),
        };
        assert_eq!(describe(path, &read, Holder::Server), [wanted]);
        assert!(!describe(path, &read, Holder::Trusted)[0].has_private_key);
    }

    #[test]
    fn numbers_may_be_negative() {
        for (bytes, wanted) in [
            ([].as_slice(), "0"),
            (&[0], "0"),
            (&[0x0a, 0xbc], "abc"),
            (&[0, 0xff, 0x01], "ff01"),
            (&[0xfb], "-5"),
            (&[0x80], "-80"),
            (&[0xff, 0x00], "-100"),
        ] {
            assert_eq!(number(bytes), wanted, "{bytes:?}");
        }
    }

    #[test]
    fn a_certificate_that_stands_twice_in_a_file_is_shown_once() {
        let mut read = Vec::new();
        for name in ["a", "b"] {
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            read.extend([certificate.der().clone(), certificate.der().clone()]);
        }
        assert_eq!(describe(Path::new("c.pem"), &read, Holder::Trusted).len(), 2);
    }

    #[test]
    fn what_is_no_certificate_is_left_out() {
        let read = [CertificateDer::from(vec![1, 2, 3])];
        assert!(describe(Path::new("c.pem"), &read, Holder::Server).is_empty());
    }
}
