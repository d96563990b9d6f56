//! A service in the database and in the API.

use crate::{
    auth::OrganizationId,
    db::schema::services,
    directory::providers::model::ProviderId,
    error::Result,
    http::{Filter, OneOf, Resource},
    types::{Change, Id, Instant, Json, Line, Patch, ServiceType, Text, Url, code::ServiceStatus, fold},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type ServiceId = Id<ServiceRow>;

/// A row of `services`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = services, treat_none_as_default_value = false)]
pub struct ServiceRow {
    pub organization_id: OrganizationId,
    pub id: ServiceId,
    pub provider_id: ProviderId,
    pub name: Line<200>,
    pub status: ServiceStatus,
    pub description: Option<Text<4000>>,
    pub url: Option<Url>,
    pub service_type: Option<Json<ServiceType>>,
    pub eligibility_description: Option<Text<4000>>,
    pub application_process: Option<Text<4000>>,
    pub fees_description: Option<Text<2000>>,
    pub wait_time: Option<Line<200>>,
    pub accessibility: Option<Text<2000>>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
    /// The words that find it in a search, folded.
    pub words: String,
}

impl ServiceRow {
    pub fn new(organization_id: OrganizationId, new: &NewService) -> Self {
        let (now, new) = (Instant::now(), new.clone());
        Self {
            organization_id,
            id: Id::new(),
            provider_id: new.provider_id,
            name: new.name,
            status: new.status,
            description: new.description,
            url: new.url,
            service_type: new.service_type.map(Json),
            eligibility_description: new.eligibility_description,
            application_process: new.application_process,
            fees_description: new.fees_description,
            wait_time: new.wait_time,
            accessibility: new.accessibility,
            version: 1,
            created_at: now,
            updated_at: now,
            words: String::new(),
        }
    }

    /// Builds the words that find it from its name.
    pub fn update_words(&mut self) {
        self.words = fold::name_words([self.name.as_str()]);
    }

    pub fn apply(&mut self, patch: &ServicePatch) {
        let patch = patch.clone();
        patch.name.apply(&mut self.name);
        patch.status.apply(&mut self.status);
        patch.description.apply(&mut self.description);
        patch.url.apply(&mut self.url);
        let mut service_type = self.service_type.take().map(|kind| kind.0);
        patch.service_type.apply(&mut service_type);
        self.service_type = service_type.map(Json);
        patch.eligibility_description.apply(&mut self.eligibility_description);
        patch.application_process.apply(&mut self.application_process);
        patch.fees_description.apply(&mut self.fees_description);
        patch.wait_time.apply(&mut self.wait_time);
        patch.accessibility.apply(&mut self.accessibility);
    }

    /// Takes over the fields that this service lacks and its duplicate has, so that no information is lost.
    pub fn fill_missing_from(&mut self, duplicate: Self) {
        self.description = self.description.take().or(duplicate.description);
        self.url = self.url.take().or(duplicate.url);
        self.service_type = self.service_type.take().or(duplicate.service_type);
        self.eligibility_description = self.eligibility_description.take().or(duplicate.eligibility_description);
        self.application_process = self.application_process.take().or(duplicate.application_process);
        self.fees_description = self.fees_description.take().or(duplicate.fees_description);
        self.wait_time = self.wait_time.take().or(duplicate.wait_time);
        self.accessibility = self.accessibility.take().or(duplicate.accessibility);
    }
}

/// Checks that the code of a service type is valid, if a request body gives one.
pub fn check_type(service_type: Option<&ServiceType>) -> Result<()> {
    service_type.map_or(Ok(()), |kind| kind.check("/service_type"))
}

/// A service that a provider offers.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/service.json"))))]
pub struct Service {
    pub id: ServiceId,
    pub provider_id: ProviderId,
    pub name: Line<200>,
    pub status: ServiceStatus,
    pub description: Option<Text<4000>>,
    pub url: Option<Url>,
    pub service_type: Option<ServiceType>,
    /// Whom it is for.
    pub eligibility_description: Option<Text<4000>>,
    /// How to get it.
    pub application_process: Option<Text<4000>>,
    pub fees_description: Option<Text<2000>>,
    pub wait_time: Option<Line<200>>,
    pub accessibility: Option<Text<2000>>,
    /// Duplicates that were merged into this one. Their ids still refer to it.
    pub merged_ids: Vec<ServiceId>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}
impl From<ServiceRow> for Service {
    fn from(row: ServiceRow) -> Self {
        Self {
            id: row.id,
            provider_id: row.provider_id,
            name: row.name,
            status: row.status,
            description: row.description,
            url: row.url,
            service_type: row.service_type.map(|kind| kind.0),
            eligibility_description: row.eligibility_description,
            application_process: row.application_process,
            fees_description: row.fees_description,
            wait_time: row.wait_time,
            accessibility: row.accessibility,
            merged_ids: Vec::new(),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
impl Resource for Service {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/services/{}", self.id)
    }
}

/// A new service.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_service.json"))))]
pub struct NewService {
    pub name: Line<200>,
    /// The provider that offers it.
    pub provider_id: ProviderId,
    pub status: ServiceStatus,
    pub description: Option<Text<4000>>,
    pub url: Option<Url>,
    pub service_type: Option<ServiceType>,
    /// Whom it is for.
    pub eligibility_description: Option<Text<4000>>,
    /// How to get it.
    pub application_process: Option<Text<4000>>,
    pub fees_description: Option<Text<2000>>,
    pub wait_time: Option<Line<200>>,
    pub accessibility: Option<Text<2000>>,
}

/// Changes to a service. Its provider cannot change.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"status": "temporarily_closed", "wait_time": null}))]
pub struct ServicePatch {
    pub name: Change<Line<200>>,
    pub status: Change<ServiceStatus>,
    pub description: Patch<Text<4000>>,
    pub url: Patch<Url>,
    /// Replaces the service type as a whole.
    pub service_type: Patch<ServiceType>,
    pub eligibility_description: Patch<Text<4000>>,
    pub application_process: Patch<Text<4000>>,
    pub fees_description: Patch<Text<2000>>,
    pub wait_time: Patch<Line<200>>,
    pub accessibility: Patch<Text<2000>>,
}

/// Marks a service as a duplicate of another.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"into": "019ab3c4-0000-7000-8000-000000000061", "reason": "Entered twice."}))]
pub struct ServiceMerge {
    /// The surviving service, of the same provider. The id of a merged duplicate stands for its surviving service.
    pub into: ServiceId,
    pub reason: Option<Text<1000>>,
}

/// Which services to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ServiceFilter {
    pub provider: Option<ProviderId>,
    /// One or several, separated by commas.
    #[param(value_type = Option<OneOf<ServiceStatus>>, inline)]
    pub status: Option<OneOf<ServiceStatus>>,
    /// Parts of the name, in any order and spelling.
    pub q: Option<Line<100>>,
}
impl Filter for ServiceFilter {
    const SORTS: &'static [&'static str] = &["-created_at", "created_at"];
}
