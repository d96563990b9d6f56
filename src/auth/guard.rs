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

/// A marker that the handler deliberately serves callers who are not signed in.
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
        Self { origin: Origin { request: RequestId::new(), source: "cli".into(), of_one: None } }
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
    fn keeps(&self) -> bool {
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
    fn keeps(&self) -> bool {
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
    pub fn fresh(&self) -> Result<()> {
        match self.actor.is_fresh() {
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

    /// For a token that has not expired but is refused: whether its session was ended, or its user or organization was
    /// locked out, and no such refusal was reported in the last minute.
    fn outlived<'a>(&'a self, claims: &'a Claims) -> Pin<Box<dyn Future<Output = Result<bool>> + 'a>>;
}

/// The dependencies of the guards, shared by all workers.
pub struct AuthContext {
    pub keys: Arc<Keys>,
    pub secrets: Arc<SecretKeys>,
    pub sessions: Arc<dyn Sessions>,
    pub calls: Arc<crate::http::operations::Calls>,
    pub sources: Sources,
}

/// The request's id, which `http::middleware` has stored in its extensions.
pub fn request_id(req: &HttpRequest) -> RequestId {
    req.extensions().get::<RequestId>().copied().unwrap_or_else(RequestId::new)
}

fn origin(req: &HttpRequest) -> Origin {
    let found = req.app_data::<Data<AuthContext>>().and_then(|gate| gate.sources.of(req));
    let source = found.map_or_else(|| "unknown".into(), |source| source.address.to_string().into());
    Origin {
        request: request_id(req),
        source,
        of_one: found.filter(|source| !source.everybodys).map(|source| source.address),
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
        Ok((gate, claims)) => {
            let actor = gate.sessions.actor(&claims).await;
            (Some(claims), actor)
        }
    };
    let holder = claims.map(|claims| Holder { claims, actor: actor.as_ref().ok().copied(), origin: origin.clone() });
    req.extensions_mut().insert(Identified(actor.map(|actor| (actor, origin))));
    holder
}

/// Whether the handler used the caller's identity.
pub fn was_asked(req: &HttpRequest) -> bool {
    !req.extensions().contains::<Identified>()
}

fn verified(req: &ServiceRequest) -> Result<(Data<AuthContext>, Claims)> {
    let gate = req.app_data::<Data<AuthContext>>().ok_or_else(|| ApiError::internal("no gate"))?;
    let bearer = req
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        // RFC 9110, section 11.4: any number of spaces.
        .map(|(_, token)| token.trim_start_matches(' '))
        .ok_or_else(ApiError::unauthenticated)?;
    Ok((gate.clone(), gate.keys.verify(bearer)?))
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
                let gate = req.app_data::<Data<AuthContext>>().ok_or_else(|| ApiError::internal("no gate"))?;
                gate.calls.check_query(req)?;
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
            allowed.fresh()?;
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
