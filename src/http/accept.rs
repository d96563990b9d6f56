//! Selects the media type of a reply that the caller prefers (RFC 9110, 12.5.1).

use crate::error::{ApiError, Code, Result};
use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header::{self, Header as _, Quality},
    mime,
};
use std::{
    convert::Infallible,
    future::{Ready, ready},
};

/// The `Accept` header of a request. Without one, every media type is accepted.
#[derive(Debug, Clone, Default)]
pub struct Accept(Option<header::Accept>);

impl FromRequest for Accept {
    type Error = Infallible;
    type Future = Ready<std::result::Result<Self, Infallible>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(req)))
    }
}

impl Accept {
    /// A header that cannot be parsed accepts nothing.
    fn of(message: &impl HttpMessage) -> Self {
        let given = message.headers().get_all(header::ACCEPT).any(|line| !line.as_bytes().trim_ascii().is_empty());
        Self(given.then(|| header::Accept::parse(message).unwrap_or(header::Accept(Vec::new()))))
    }

    /// The weight of a media type: the quality of the most specific range that matches it.
    fn weight(&self, media: &str) -> Quality {
        let Some(header::Accept(ranges)) = &self.0 else { return Quality::MAX };
        let kind = media.split('/').next().unwrap_or_default();
        let mut said: Option<(u8, Quality)> = None;
        for range in ranges {
            let narrow = match (range.item.type_(), range.item.subtype()) {
                (mime::STAR, mime::STAR) => 0,
                (main, mime::STAR) if main == kind => 1,
                _ if range.item.essence_str() == media => 2,
                _ => continue,
            };
            if said.is_none_or(|(before, _)| narrow > before) {
                said = Some((narrow, range.quality));
            }
        }
        said.map_or(Quality::ZERO, |(_, weight)| weight)
    }

    /// The offer with the highest weight, the first of equals; 406 if none is acceptable.
    pub fn choose<T: Copy>(&self, offers: &[(&'static str, T)]) -> Result<T> {
        let mut best: Option<(Quality, T)> = None;
        for (media, offer) in offers {
            let weight = self.weight(media);
            if weight > best.map_or(Quality::ZERO, |(most, _)| most) {
                best = Some((weight, *offer));
            }
        }
        let refusal = || {
            let names: Vec<&str> = offers.iter().map(|(media, _)| *media).collect();
            ApiError::new(Code::NotAcceptable, format!("This comes as {}.", names.join(" or ")))
        };
        best.map(|(_, offer)| offer).ok_or_else(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferred_media_type_is_chosen() {
        const OFFERS: &[(&str, u8)] = &[("text/html", 1), ("application/pdf", 2)];
        for (accept, chosen) in [
            ("", Some(1)),
            ("*/*", Some(1)),
            ("application/pdf", Some(2)),
            ("APPLICATION/PDF", Some(2)),
            ("application/*", Some(2)),
            ("text/html;q=0.5, application/pdf", Some(2)),
            ("text/html;q=0.5, */*;q=0.1", Some(1)),
            ("text/html;q=0, */*", Some(2)),
            ("application/json, text/html;level=1;q=0.2", Some(1)),
            ("application/json", None),
            ("*/*;q=0", None),
            ("text/html;q=much", None),
            ("nonsense", None),
        ] {
            let request =
                actix_web::test::TestRequest::default().append_header((header::ACCEPT, accept)).to_http_request();
            assert_eq!(Accept::of(&request).choose(OFFERS).ok(), chosen, "{accept}");
        }
    }
}
