//! Text with a bound, free of what would harm a screen, a terminal or a database.

use super::{fault::Fault, sql};
use diesel::{
    deserialize::{FromSql, FromSqlRow},
    expression::AsExpression,
    serialize::{Output, ToSql},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};

/// Bidirectional overrides and isolates: they make a text read as something that it is not.
const fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
/// Characters without a width: two names that look the same must be the same.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}' | '\u{AD}')
}

fn check(text: &str, most: usize, forbidden: impl Fn(char) -> bool, lines: bool) -> Result<(), Fault> {
    let count = text.chars().count();
    if count > most {
        return Err(Fault::new("too_long", format!("must be at most {most} characters")));
    }
    if text.chars().any(|c| forbidden(c) || is_bidi(c) || c.is_control() && !(lines && matches!(c, '\n' | '\t'))) {
        return Err(Fault::new("forbidden_character", "must hold no control, direction or invisible characters"));
    }
    if text.trim().is_empty() {
        return Err(Fault::new("blank", "must not be blank"));
    }
    Ok(())
}

macro_rules! bounded_text {
    ($(#[$doc:meta])* $name:ident, lines: $lines:literal, forbidden: $forbidden:expr, pattern: $pattern:literal, what: $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, AsExpression, FromSqlRow)]
        #[diesel(sql_type = sql::Text)]
        pub struct $name<const MAX: usize>(String);

        impl<const MAX: usize> $name<MAX> {
            pub fn parse(text: impl Into<String>) -> Result<Self, Fault> {
                let text = text.into();
                check(&text, MAX, $forbidden, $lines)?;
                Ok(Self(text))
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl<const MAX: usize> fmt::Display for $name<MAX> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        // What people write is never printed by accident.
        impl<const MAX: usize> fmt::Debug for $name<MAX> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "…{} bytes", self.0.len())
            }
        }
        impl<const MAX: usize> Serialize for $name<MAX> {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }
        impl<'de, const MAX: usize> Deserialize<'de> for $name<MAX> {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(d)?).map_err(Fault::serde)
            }
        }
        impl<const MAX: usize> utoipa::__dev::ComposeSchema for $name<MAX> {
            fn compose(_: Vec<utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>>) -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .min_length(Some(1))
                    .max_length(Some(MAX))
                    .pattern(Some($pattern))
                    .description(Some(format!(concat!($what, " of at most {} characters, not blank."), MAX)))
                    .into()
            }
        }
        impl<const MAX: usize> utoipa::ToSchema for $name<MAX> {
            fn name() -> std::borrow::Cow<'static, str> {
                format!(concat!(stringify!($name), "{}"), MAX).into()
            }
        }
        impl<const MAX: usize, DB> ToSql<sql::Text, DB> for $name<MAX>
        where
            DB: diesel::backend::Backend,
            str: ToSql<sql::Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> diesel::serialize::Result {
                self.0.as_str().to_sql(out)
            }
        }
        // What is stored was checked when it came in: a later, tighter bound must not make old records unreadable.
        impl<const MAX: usize, DB> FromSql<sql::Text, DB> for $name<MAX>
        where
            DB: diesel::backend::Backend,
            String: FromSql<sql::Text, DB>,
        {
            fn from_sql(raw: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                Ok(Self(String::from_sql(raw)?))
            }
        }
    };
}

bounded_text! {
    /// Text of several lines, kept byte for byte.
    Text, lines: true, forbidden: |_| false,
    pattern: "^[^\\u0000-\\u0008\\u000B-\\u001F\\u007F-\\u009F\\u202A-\\u202E\\u2066-\\u2069]*[^\\s\\u0000-\\u0020\\u007F-\\u00A0\\u1680\\u2000-\\u200A\\u2028-\\u202F\\u205F\\u2066-\\u2069\\u3000][^\\u0000-\\u0008\\u000B-\\u001F\\u007F-\\u009F\\u202A-\\u202E\\u2066-\\u2069]*$",
    what: "Text"
}
bounded_text! {
    /// A name or another single line, without characters that cannot be seen.
    Line, lines: false, forbidden: is_invisible,
    pattern: "^[^\\u0000-\\u001F\\u007F-\\u009F\\u00AD\\u200B-\\u200F\\u2028-\\u202E\\u2060-\\u2069\\uFEFF]*[^\\s\\u0000-\\u0020\\u007F-\\u00A0\\u00AD\\u1680\\u2000-\\u200F\\u2028-\\u202F\\u205F-\\u2069\\u3000\\uFEFF][^\\u0000-\\u001F\\u007F-\\u009F\\u00AD\\u200B-\\u200F\\u2028-\\u202E\\u2060-\\u2069\\uFEFF]*$",
    what: "A single line"
}

/// An e-mail address in the one form in which it is kept and compared: no spaces around it, ASCII lower case. A domain in other letters is
/// kept in its ASCII form (UTS #46): `müller.example` is `xn--mller-kva.example`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::Text)]
pub struct Email(String);

/// In bytes, before it has its ASCII form: no longer one can have fewer than 255 characters then.
const LONGEST_DOMAIN: usize = 1000;

impl Email {
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let fault = || Fault::new("invalid_email", "must be an e-mail address such as name@example.org");
        let (local, domain) = text.trim().split_once('@').ok_or_else(fault)?;
        if domain.len() > LONGEST_DOMAIN {
            return Err(fault());
        }
        // An `xn--` label that stands for no name is refused, too: it would be shown as something that it is not.
        let domain = idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::STD3).map_err(|_| fault())?;
        let text = format!("{}@{domain}", local.to_ascii_lowercase());
        let local = text.split('@').next().unwrap_or_default();
        let local_ok = (1..=64).contains(&local.len())
            && local
                .split('.')
                .all(|atom| !atom.is_empty() && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b)));
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
            .description(Some("An e-mail address. It is kept in lower case, and a domain in other letters in its ASCII form."))
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
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or_else(fault)?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (name, port) = host.split_once(':').unwrap_or((host, "80"));
        let host_ok =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-') && port.parse::<u16>().is_ok();
        let whole = text.len() <= 2000 && text.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&b));
        (host_ok && whole).then(|| Self(text.to_owned())).ok_or_else(fault)
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
    use proptest::prelude::*;

    proptest! {
        /// What is taken is kept byte for byte, and holds nothing that its kind must not.
        #[test]
        fn whatever_is_sent_a_text_is_kept_or_refused(text in "(\\PC|[\\x00-\\x20\u{7f}\u{ad}\u{200b}\u{202e}\u{2066}\u{feff}]){0,60}") {
            let count = text.chars().count();
            match Text::<50>::parse(text.clone()) {
                Ok(kept) => {
                    prop_assert_eq!(kept.as_str(), &text);
                    prop_assert!(count <= 50 && !text.trim().is_empty() && !text.chars().any(is_bidi));
                    prop_assert!(text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t')));
                    let json = serde_json::to_string(&kept).unwrap();
                    prop_assert_eq!(serde_json::from_str::<Text<50>>(&json).unwrap(), kept);
                }
                Err(fault) => prop_assert!(matches!(fault.code, "too_long" | "forbidden_character" | "blank")),
            }
            if let Ok(line) = Line::<50>::parse(text) {
                prop_assert!(line.as_str().chars().all(|c| !c.is_control() && !is_invisible(c) && !is_bidi(c)));
            }
        }

        /// Any text at all, with what is forbidden in it or at its edges.
        #[test]
        fn no_text_is_too_strange(text: String, strange in proptest::sample::select(vec!['\0', '\u{7f}', '\u{85}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}', '\u{200b}', '\u{200d}', '\u{200f}', '\u{2028}', '\u{2060}', '\u{feff}', '\u{ad}']), at: proptest::sample::Index) {
            let place = at.index(text.chars().count() + 1);
            let mut with: Vec<char> = text.chars().collect();
            with.insert(place, strange);
            let with: String = with.into_iter().collect();
            prop_assert!(Line::<300>::parse(with.clone()).is_err());
            prop_assert!(Text::<300>::parse(with.clone()).is_err() || !strange.is_control() && !is_bidi(strange));
            for text in [&text, &with] {
                let (line, several) = (Line::<300>::parse(text.clone()), Text::<300>::parse(text.clone()));
                prop_assert!(line.is_err() || several.is_ok(), "a line is a text");
                if let Ok(line) = line { prop_assert_eq!(line.as_str(), text); }
                if let Ok(email) = Email::parse(text) { prop_assert_eq!(Email::parse(email.as_str()).unwrap(), email); }
            }
        }

        /// A good address is taken, in whatever letters, up to the length that there is.
        #[test]
        fn a_good_address_is_taken(local in "[A-Za-z0-9_+'-]{1,20}(\\.[A-Za-z0-9]{1,20}){0,3}", domain in "([A-Za-z0-9]{1,60}\\.){1,5}[A-Za-z]{2,10}") {
            let text = format!("{local}@{domain}");
            let taken = Email::parse(&text);
            prop_assert_eq!(taken.is_ok(), local.len() <= 64 && text.len() <= 254, "{}", text);
            if let Ok(email) = taken { prop_assert_eq!(email.as_str(), text.to_lowercase()); }
        }

        /// An address has one form, which is that of the form itself; whoever types it in another is the same person.
        #[test]
        fn whatever_is_sent_an_email_has_one_form_or_none(text in "[ \\t]?[a-zA-Z0-9.+\u{131}\u{212a}'\"_-]{0,70}@{0,2}[a-zA-Z0-9.\\-\u{e9}]{0,70}[ \\r\\n]?") {
            if let Ok(email) = Email::parse(&text) {
                let kept = email.as_str();
                prop_assert!(kept.is_ascii() && kept.len() <= 254 && kept.matches('@').count() == 1);
                prop_assert!(kept.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase() && !b"\"(),:;<>[]\\".contains(&b)));
                for other in [kept.to_owned(), kept.to_uppercase(), format!(" {kept} ")] {
                    prop_assert_eq!(Email::parse(&other).unwrap(), email.clone());
                }
            }
        }
    }

    #[test]
    fn an_international_domain_is_kept_in_its_ascii_form() {
        for (typed, kept) in [
            ("Ana@Müller.example", "ana@xn--mller-kva.example"),
            ("ana@mu\u{308}ller.example", "ana@xn--mller-kva.example"),
            ("ana@XN--MLLER-KVA.example", "ana@xn--mller-kva.example"),
            ("ana@faß.example", "ana@xn--fa-hia.example"),
            ("ana@пример.рф", "ana@xn--e1afmkfd.xn--p1ai"),
            ("ana@例え。テスト", "ana@xn--r8jz45g.xn--zckzah"),
            ("ana@ﬁsh.example", "ana@fish.example"),
            ("ana@r3---sn.example", "ana@r3---sn.example"),
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
            "ana@ex\u{200d}ample.org",
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
    fn text_is_bounded_in_characters_and_kept_as_it_is() {
        assert_eq!(Text::<5>::parse(" añb\n").unwrap().as_str(), " añb\n");
        assert_eq!(Text::<5>::parse("123456").unwrap_err().code, "too_long");
        assert_eq!(Text::<5>::parse(" \n\t").unwrap_err().code, "blank");
        for bad in ["a\0", "a\u{1b}[31m", "a\u{202e}b", "a\r\n"] {
            assert_eq!(Text::<9>::parse(bad).unwrap_err().code, "forbidden_character", "{bad:?}");
        }
        assert_eq!(Line::<9>::parse("a\nb").unwrap_err().code, "forbidden_character");
        assert_eq!(Line::<9>::parse("a\u{200b}b").unwrap_err().code, "forbidden_character");
    }

    #[test]
    fn an_email_has_one_form() {
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
