//! Which of the forms that a reply can take the caller wants (RFC 9110, 12.5.1).

use crate::error::{ApiError, Code, Result};
use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header};
use std::{
    convert::Infallible,
    future::{Ready, ready},
};

/// The `Accept` of a request; without one, anything will do.
#[derive(Debug, Clone, Default)]
pub struct Accept(String);

impl FromRequest for Accept {
    type Error = Infallible;
    type Future = Ready<std::result::Result<Self, Infallible>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let lines = req.headers().get_all(header::ACCEPT).map(|value| value.to_str().unwrap_or_default());
        ready(Ok(Self(lines.collect::<Vec<_>>().join(","))))
    }
}

impl Accept {
    /// How much a media type is wanted, from 0 to 1000: what is said of it by the narrowest range that it falls into.
    fn weight(&self, media: &str) -> u32 {
        let (kind, _) = media.split_once('/').unwrap_or((media, ""));
        let ranges = self.0.split(',').map(str::trim).filter(|range| !range.is_empty());
        let mut said: Option<(u8, u32)> = None;
        let mut any = false;
        for range in ranges {
            any = true;
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let narrow = match name.as_str() {
                "*/*" => 0,
                name if name == media => 2,
                name if name.strip_suffix("/*") == Some(kind) => 1,
                _ => continue,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            let weight = weight.map_or(1000, |q| q.parse::<f32>().map_or(0, |q| (q.clamp(0.0, 1.0) * 1000.0) as u32));
            if said.is_none_or(|(before, _)| narrow > before) {
                said = Some((narrow, weight));
            }
        }
        said.map_or(if any { 0 } else { 1000 }, |(_, weight)| weight)
    }

    /// The one of these that is wanted most, the first of equals; 406 where none is wanted.
    pub fn choose<T: Copy>(&self, offers: &[(&'static str, T)]) -> Result<T> {
        let mut best: Option<(u32, T)> = None;
        for (media, offer) in offers {
            let weight = self.weight(media);
            if weight > best.map_or(0, |(most, _)| most) {
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
    fn the_form_that_is_wanted_most_is_chosen() {
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
            assert_eq!(Accept(accept.into()).choose(OFFERS).ok(), chosen, "{accept}");
        }
    }
}
