//! Translates serde's errors into plain sentences. Serde's own messages name types of this program and may repeat what
//! was sent (HT-09).

use crate::types::fault::{self, Fault};

/// The fault that an error message describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SerdeFault {
    /// A member or parameter that is unknown, missing, or given twice.
    Unknown(String),
    Missing(String),
    Repeated(String),
    Wrong(Fault),
}

/// Reads the message of a serde error. Every word of the result is written here or in a type of this crate; an
/// expectation that is not known here becomes a general sentence.
pub fn parse(message: &str) -> SerdeFault {
    if let Some((code, detail)) = fault::read(message) {
        // Only codes that are defined in this crate arrive here, so their set is closed.
        return SerdeFault::Wrong(Fault::new(known(code), detail));
    }
    let quoted = |start: &str| {
        message.strip_prefix(start).and_then(|rest| rest.split_once('`')).map(|(name, _)| name.to_owned())
    };
    if let Some(name) = quoted("unknown field `") {
        return SerdeFault::Unknown(name);
    }
    if let Some(name) = quoted("missing field `") {
        return SerdeFault::Missing(name);
    }
    if let Some(name) = quoted("duplicate field `") {
        return SerdeFault::Repeated(name);
    }
    let Some(expected) =
        message.rsplit_once(", expected ").map(|(_, rest)| rest.split(" at line ").next().unwrap_or(rest))
    else {
        return SerdeFault::Wrong(Fault::new("invalid", "is not a valid value here"));
    };
    if message.starts_with("unknown variant") {
        // Codes are between backticks.
        let codes: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let words = match codes.as_slice() {
            [] => "is not a valid value here".to_owned(),
            [only] => format!("must be {only}"),
            several => format!("must be one of {}", several.join(", ")),
        };
        return SerdeFault::Wrong(Fault::new("unknown_code", words));
    }
    SerdeFault::Wrong(Fault::new("wrong_type", kind(expected, message.starts_with("invalid value"))))
}

/// What a value must be, according to the type that serde expects. `in_range` is set if a value of the right type was
/// refused.
fn kind(expected: &str, in_range: bool) -> String {
    let whole = |least: i64, most: i64| {
        if in_range {
            format!("must be a whole number between {least} and {most}")
        } else {
            "must be a whole number".into()
        }
    };
    match expected {
        "u8" => whole(0, u8::MAX.into()),
        "u16" => whole(0, u16::MAX.into()),
        "u32" => whole(0, u32::MAX.into()),
        "i16" => whole(i16::MIN.into(), i16::MAX.into()),
        "i32" => whole(i32::MIN.into(), i32::MAX.into()),
        "i8" | "i64" | "i128" | "u64" | "u128" | "isize" | "usize" => "must be a whole number".into(),
        "f32" | "f64" => "must be a number".into(),
        "a boolean" => "must be true or false".into(),
        "a string" | "a borrowed string" | "string" | "a character" | "string or map" | "variant identifier" => {
            "must be a string".into()
        }
        "a map" => "must be an object".into(),
        "a sequence" => "must be a list".into(),
        other if other.starts_with("struct ") => "must be an object".into(),
        other if other.starts_with("enum ") => "must be a string".into(),
        other if other.starts_with("tuple ") || other.starts_with("an array") || other.starts_with("a tuple") => {
            "must be a list".into()
        }
        _ => "is not a valid value here".into(),
    }
}

/// The static form of a code that passed through serde as text.
fn known(code: &str) -> &'static str {
    const CODES: &[&str] = &[
        "invalid_id",
        "invalid_instant",
        "invalid_date",
        "out_of_range",
        "unknown_scope",
        "unknown_time_zone",
        "unknown_code",
        "too_long",
        "too_short",
        "forbidden_character",
        "blank",
        "duplicate",
        "empty",
        "wrong_type",
        "invalid_email",
        "invalid_url",
        "invalid",
    ];
    CODES.iter().find(|known| **known == code).copied().unwrap_or("invalid")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[test]
    fn serde_errors_become_plain_sentences() {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Way {
            Phone,
            InPerson,
        }
        #[derive(Debug, Deserialize)]
        struct Inner {
            #[expect(dead_code)]
            way: Way,
        }
        #[derive(Debug, Default, Deserialize)]
        #[serde(default)]
        struct Sample {
            _text: String,
            _small: u8,
            _number: i32,
            _share: f64,
            _flag: bool,
            _list: Vec<i32>,
            _inner: Option<Inner>,
        }
        for (json, words) in [
            (r#"{"_text":5}"#, "must be a string"),
            (r#"{"_text":null}"#, "must be a string"),
            (r#"{"_small":"a"}"#, "must be a whole number"),
            (r#"{"_small":256}"#, "must be a whole number between 0 and 255"),
            (r#"{"_number":-9999999999}"#, "must be a whole number between -2147483648 and 2147483647"),
            (r#"{"_number":1.5}"#, "must be a whole number"),
            (r#"{"_share":[]}"#, "must be a number"),
            (r#"{"_flag":0}"#, "must be true or false"),
            (r#"{"_list":{}}"#, "must be a list"),
            (r#"{"_inner":"x, expected struct"}"#, "must be an object"),
            (r#"{"_inner":{"way":"x, expected map"}}"#, "must be one of phone, in_person"),
            (r#"{"_inner":{"way":[]}}"#, "is not a valid value here"),
        ] {
            let message = serde_json::from_str::<Sample>(json).unwrap_err().to_string();
            let SerdeFault::Wrong(fault) = parse(&message) else { panic!("{json}") };
            assert_eq!(fault.detail, words, "{json}: {message}");
        }
    }
}
