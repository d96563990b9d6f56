//! Extractors that prove that the caller was checked.

use super::{
    Actor, Origin, RequestId,
    policy::{self, Permission},
    secret_keys::SecretKeys,
    source::Sources,
    token::{Claims, Keys},
};
use crate::error::{ApiError, Code, Result};
use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest,
    dev::{Payload, ServiceRequest},
    http::header::AUTHORIZATION,
    web::Data,
};
use std::{
    future::{Future, Ready, ready},
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
};

/// Proof that the caller holds permission `P`. Only its extractor can create one.
#[derive(Debug)]
pub struct Allowed<P> {
    actor: Actor,
    origin: Origin,
    permission: PhantomData<fn() -> P>,
}

/// The same, and proof that the caller has entered their password within the last ten minutes. Calls that give others
/// access or change credentials require it (AU-13).
#[derive(Debug)]
pub struct RecentlyAuthenticated<P>(Allowed<P>);

impl<P> RecentlyAuthenticated<P> {
    pub const fn who(&self) -> Actor {
        self.0.who()
    }
}

/// A handler with this argument also serves callers who are not signed in.
#[derive(Debug)]
pub struct Anyone {
    origin: Origin,
}

/// The person at the server's own terminal. `clippy.toml` allows the constructor in the command line only.
#[derive(Debug)]
pub struct Operator {
    origin: Origin,
}

impl Operator {
    #[expect(clippy::new_without_default, reason = "an operator is never a default")]
    pub fn new() -> Self {
        Self { origin: Origin { request: RequestId::new(), source: "cli".into(), own_address: None } }
    }
}

mod sealed {
    pub trait Sealed {}
    impl<P> Sealed for super::Allowed<P> {}
    impl<P> Sealed for super::RecentlyAuthenticated<P> {}
    impl Sealed for super::Anyone {}
    impl Sealed for super::Operator {}
}

/// The proof that `Db` requires before it opens a transaction.
pub trait Caller: sealed::Sealed {
    fn actor(&self) -> Option<Actor>;
    fn origin(&self) -> Origin;
    /// Whether the caller may read all organizations. No caller over HTTP may.
    fn reads_all_organizations(&self) -> bool {
        false
    }
}
impl<P> Caller for Allowed<P> {
    fn actor(&self) -> Option<Actor> {
        Some(self.actor)
    }
    fn origin(&self) -> Origin {
        self.origin.clone()
    }
}
impl<P> Caller for RecentlyAuthenticated<P> {
    fn actor(&self) -> Option<Actor> {
        self.0.actor()
    }
    fn origin(&self) -> Origin {
        self.0.origin()
    }
}
impl Caller for Anyone {
    fn actor(&self) -> Option<Actor> {
        None
    }
    fn origin(&self) -> Origin {
        self.origin.clone()
    }
}
impl Caller for Operator {
    fn reads_all_organizations(&self) -> bool {
        true
    }
    fn actor(&self) -> Option<Actor> {
        None
    }
    fn origin(&self) -> Origin {
        self.origin.clone()
    }
}

impl<P> Allowed<P> {
    pub const fn who(&self) -> Actor {
        self.actor
    }
    /// The additional check of [`RecentlyAuthenticated`], for an operation that needs it only in some cases.
    pub fn require_recent_authentication(&self) -> Result<()> {
        match self.actor.is_recently_authenticated() {
            true => Ok(()),
            false => Err(ApiError::new(
                Code::ReauthenticationRequired,
                "Enter your password again: POST /auth/reauthenticate.",
            )),
        }
    }
}

/// The session lookup that `identity` provides for the guard. It reads the session, its user and their organization at
/// every request, so that a suspension, a changed role or a logout takes effect at once.
pub trait Sessions: Send + Sync {
    fn actor<'a>(&'a self, claims: &'a Claims) -> Pin<Box<dyn Future<Output = Result<Actor>> + 'a>>;

    /// Whether the audit log must record that a token was refused although it has not expired, because its session was
    /// ended, or its user or organization was suspended. At most one refusal per session and minute is recorded.
    fn should_log_refusal<'a>(&'a self, claims: &'a Claims) -> Pin<Box<dyn Future<Output = Result<bool>> + 'a>>;
}

/// What the extractors of this module use. All workers share it.
pub struct AuthContext {
    pub keys: Arc<Keys>,
    pub secrets: Arc<SecretKeys>,
    pub sessions: Arc<dyn Sessions>,
    pub operations: Arc<crate::http::operations::Operations>,
    pub sources: Sources,
}

/// The request's id, which `http::middleware` has stored in its extensions.
pub fn request_id(req: &HttpRequest) -> RequestId {
    req.extensions().get::<RequestId>().copied().unwrap_or_else(RequestId::new)
}

fn origin(req: &HttpRequest) -> Origin {
    let found = req.app_data::<Data<AuthContext>>().and_then(|auth| auth.sources.of(req));
    let source = found.map_or_else(|| "unknown".into(), |source| source.address.to_string().into());
    Origin {
        request: request_id(req),
        source,
        own_address: found.filter(|source| !source.is_shared).map(|source| source.address),
    }
}

/// The result of authentication, stored before a handler's arguments are read. It is not part of the extractor, because
/// actix reads a handler's arguments concurrently, and an error in the body must not be reported before the caller is
/// authenticated.
struct Identified(Result<(Actor, Origin)>);

/// The owner of a request's token, for the audit log: a user who is signed in, or was until the session ended.
#[derive(Debug, Clone)]
pub struct Holder {
    pub claims: Claims,
    pub actor: Option<Actor>,
    pub origin: Origin,
}

/// Verifies the token and the session, and stores the result for [`Allowed`]. The middleware calls it once per request.
/// Returns the holder of a token that is valid and has not expired, even if its session has ended.
pub async fn identify(req: &ServiceRequest) -> Option<Holder> {
    if !req.headers().contains_key(AUTHORIZATION) {
        return None;
    }
    let origin = origin(req.request());
    let (claims, actor) = match verified(req) {
        Err(error) => (None, Err(error)),
        Ok((auth, claims)) => {
            let actor = auth.sessions.actor(&claims).await;
            (Some(claims), actor)
        }
    };
    let holder = claims.map(|claims| Holder { claims, actor: actor.as_ref().ok().copied(), origin: origin.clone() });
    req.extensions_mut().insert(Identified(actor.map(|actor| (actor, origin))));
    holder
}

/// Whether the handler used the caller's identity.
pub fn identity_was_used(req: &HttpRequest) -> bool {
    !req.extensions().contains::<Identified>()
}

fn verified(req: &ServiceRequest) -> Result<(Data<AuthContext>, Claims)> {
    let auth = req.app_data::<Data<AuthContext>>().ok_or_else(|| ApiError::internal("no AuthContext"))?;
    let bearer = req
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        // RFC 9110, section 11.4: any number of spaces.
        .map(|(_, token)| token.trim_start_matches(' '))
        .ok_or_else(ApiError::unauthenticated)?;
    Ok((auth.clone(), auth.keys.verify(bearer)?))
}

impl<P: Permission> FromRequest for Allowed<P> {
    type Error = ApiError;
    type Future = Ready<Result<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let identified = req.extensions_mut().remove::<Identified>();
        ready(identified.map_or_else(|| Err(ApiError::unauthenticated()), |Identified(found)| found).and_then(
            |(actor, origin)| {
                if !policy::allowed::<P>(actor.role, actor.scopes) {
                    return Err(ApiError::forbidden("Your role does not have this permission."));
                }
                if actor.awaits_factor && !P::BEFORE_FACTOR {
                    let message =
                        "Your role needs a second factor: set one up with POST /me/second-factor, and confirm it.";
                    return Err(ApiError::new(Code::SecondFactorRequired, message));
                }
                let auth = req.app_data::<Data<AuthContext>>().ok_or_else(|| ApiError::internal("no AuthContext"))?;
                auth.operations.check_query(req)?;
                Ok(Self { actor, origin, permission: PhantomData })
            },
        ))
    }
}

impl<P: Permission> FromRequest for RecentlyAuthenticated<P> {
    type Error = ApiError;
    type Future = Ready<Result<Self>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Allowed::<P>::from_request(req, payload).into_inner().and_then(|allowed| {
            allowed.require_recent_authentication()?;
            Ok(Self(allowed))
        }))
    }
}

impl FromRequest for Anyone {
    type Error = ApiError;
    type Future = Ready<Result<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self { origin: origin(req) }))
    }
}
