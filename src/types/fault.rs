//! The fault of a value: a stable code and a sentence for people, never the value itself.

/// Starts the message of every error that a type of this crate makes, so that `http` can distinguish it from a
/// library's message, which may repeat what was sent.
pub const MARK: char = '\u{1}';

/// One thing wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: &'static str,
    pub detail: String,
}

impl Fault {
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// The serde error that carries this fault to `http::body`.
    pub fn serde<E: serde::de::Error>(self) -> E {
        E::custom(format_args!("{MARK}{}{MARK}{}{MARK}", self.code, self.detail))
    }
}

/// The code and the detail in a message of [`Fault::serde`], wherever they are in it.
pub fn read(message: &str) -> Option<(&str, &str)> {
    let mut parts = message.split(MARK);
    let (_, code, detail) = (parts.next()?, parts.next()?, parts.next()?);
    Some((code, detail))
}
