//! E-mail addresses and web addresses, in one normalized form.

use super::{
    fault::Fault,
    sql,
    text::{is_embedding, is_invisible, is_joiner},
};
use diesel::{
    deserialize::{FromSql, FromSqlRow},
    expression::AsExpression,
    serialize::{Output, ToSql},
};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};

/// Removes the invisible characters that other programs leave in and around a copied address.
fn without_invisible(text: &str) -> String {
    let seen = |c: &char| !is_invisible(*c) && !is_embedding(*c) && !is_joiner(*c);
    text.chars().filter(seen).collect::<String>().trim().to_owned()
}

/// An e-mail address in normalized form for storage and comparison: without surrounding spaces, in ASCII lower case. A
/// domain with other letters is stored in its ASCII form (UTS #46): `müller.example` is `xn--mller-kva.example`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::Text)]
pub struct Email(String);

/// In bytes, before the conversion to ASCII: a longer domain cannot have fewer than 255 characters after it.
const MAX_DOMAIN: usize = 1000;

impl Email {
    pub fn parse(text: &str) -> Result<Self, Fault> {
        // A joiner is part of some domains (UTS #46 defines where), but of no local part.
        let text: String = text.chars().filter(|c| !is_invisible(*c) && !is_embedding(*c)).collect();
        let fault = || Fault::new("invalid_email", "must be an e-mail address such as name@example.org");
        let (local, domain) = text.trim().split_once('@').ok_or_else(fault)?;
        if domain.len() > MAX_DOMAIN {
            return Err(fault());
        }
        // An invalid `xn--` label is refused too, because it would be displayed as something else.
        let ascii = |domain: &str| {
            let (list, hyphens, length) = (AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Ignore);
            Uts46::new().to_ascii(domain.as_bytes(), list, hyphens, length).map(|domain| domain.into_owned())
        };
        let without_joiners = |part: &str| part.chars().filter(|c| !is_joiner(*c)).collect::<String>();
        let domain = ascii(domain).or_else(|_| ascii(&without_joiners(domain))).map_err(|_| fault())?;
        let text = format!("{}@{domain}", without_joiners(local).to_ascii_lowercase());
        let local = text.split('@').next().unwrap_or_default();
        let local_ok = (1..=64).contains(&local.len())
            && local.split('.').all(|atom| {
                !atom.is_empty()
                    && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
            });
        let label_ok = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let domain_ok = domain.contains('.') && domain.split('.').all(label_ok);
        let is_good = local_ok && domain_ok && text.len() <= 254;
        is_good.then_some(Self(text)).ok_or_else(fault)
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…@…")
    }
}
impl Serialize for Email {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(d)?).map_err(Fault::serde)
    }
}
impl utoipa::PartialSchema for Email {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::Custom("idn-email".into())))
            .max_length(Some(254))
            .description(Some(
                "An e-mail address. It is kept in lower case, and a domain in other letters in its ASCII form.",
            ))
            .examples([serde_json::json!("ana@example.org")])
            .into()
    }
}
impl utoipa::ToSchema for Email {}
impl<DB> ToSql<sql::Text, DB> for Email
where
    DB: diesel::backend::Backend,
    str: ToSql<sql::Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> diesel::serialize::Result {
        self.0.as_str().to_sql(out)
    }
}
impl<DB> FromSql<sql::Text, DB> for Email
where
    DB: diesel::backend::Backend,
    String: FromSql<sql::Text, DB>,
{
    fn from_sql(raw: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
        Ok(Self(String::from_sql(raw)?))
    }
}

/// A web address: `http` or `https`, with a host, without credentials.
#[derive(Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::Text)]
pub struct Url(String);

impl Url {
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let fault = || Fault::new("invalid_url", "must be a web address such as https://example.org/page");
        let text = without_invisible(text);
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or_else(fault)?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (name, port) = host.split_once(':').unwrap_or((host, "80"));
        let host_ok = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
            && port.parse::<u16>().is_ok();
        let whole = text.len() <= 2000 && text.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&b));
        (host_ok && whole).then_some(Self(text)).ok_or_else(fault)
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl Serialize for Url {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(d)?).map_err(Fault::serde)
    }
}
impl utoipa::PartialSchema for Url {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(2000))
            .pattern(Some("^https?://[A-Za-z0-9.-]+(:[0-9]{1,4})?([/?#][A-Za-z0-9./?#=&_~%+-]*)?$"))
            .description(Some("A web address, `http` or `https`."))
            .examples([serde_json::json!("https://example.org")])
            .into()
    }
}
impl utoipa::ToSchema for Url {}
impl<DB> ToSql<sql::Text, DB> for Url
where
    DB: diesel::backend::Backend,
    str: ToSql<sql::Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> diesel::serialize::Result {
        self.0.as_str().to_sql(out)
    }
}
impl<DB> FromSql<sql::Text, DB> for Url
where
    DB: diesel::backend::Backend,
    String: FromSql<sql::Text, DB>,
{
    fn from_sql(raw: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
        Ok(Self(String::from_sql(raw)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn international_domain_is_stored_in_ascii_form() {
        for (typed, kept) in [
            ("Ana@Müller.example", "ana@xn--mller-kva.example"),
            ("ana@mu\u{308}ller.example", "ana@xn--mller-kva.example"),
            ("ana@XN--MLLER-KVA.example", "ana@xn--mller-kva.example"),
            ("ana@faß.example", "ana@xn--fa-hia.example"),
            ("ana@пример.рф", "ana@xn--e1afmkfd.xn--p1ai"),
            ("ana@例え。テスト", "ana@xn--r8jz45g.xn--zckzah"),
            ("ana@ﬁsh.example", "ana@fish.example"),
            ("ana@r3---sn.example", "ana@r3---sn.example"),
            ("a\u{200d}na@ex\u{200d}ample.org", "ana@example.org"),
            ("ana@نامه\u{200c}ای.example", "ana@xn--mgba3gch31f060k.example"),
        ] {
            assert_eq!(Email::parse(typed).map(|email| email.as_str().to_owned()).as_deref(), Ok(kept), "{typed}");
        }
        for bad in [
            "ana@xn--a.example",
            "ana@xn--.example",
            "ana@xn--zzzz-.example",
            "ana@xn--mller-kva-.example",
            "ana@-a.example",
            "ana@a-.example",
            "ana@-ä.example",
            "ana@ä-.example",
            "ana @example.org",
            "ana@ example.org",
            "ana@a_b.example",
            "ana@a..example",
            "ana@.a.example",
            "ana@example.org.",
            "ana@\u{661}a.example",
            "änä@example.org",
            "ana@bo@example.org",
            "ana@a\u{ad}",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad}");
        }
        assert!(Email::parse(&format!("ana@{}.example", "ä".repeat(60))).is_err(), "too long in ASCII");
        assert!(Email::parse(&format!("ana@{}", "ä.".repeat(50_000))).is_err());
    }

    #[test]
    fn email_is_normalized_and_invalid_ones_are_refused() {
        assert_eq!(Email::parse(" Ana@Example.ORG ").unwrap().as_str(), "ana@example.org");
        for bad in [
            "",
            "ana",
            "ana@",
            "@example.org",
            "a b@example.org",
            "ana@example",
            "ana@exa_mple.org",
            "\"ana\"@example.org",
            "ana@example.org\r\nBcc: x@y.z",
            "mıke@example.org",
            "a@b@example.org",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }
}
