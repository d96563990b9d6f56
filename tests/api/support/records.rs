//! One record of every kind that belongs to a client, all of them of one client.

use super::{TestServer, User, active_case};
use alongside::{auth::Role, types::Day};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The word that stands in every text of these records.
pub const WORD: &str = "zephyrine";

pub struct ClientRecords<'s> {
    pub lead: User<'s>,
    pub supervisor: User<'s>,
    /// The client themselves, signed in.
    pub client_user: User<'s>,
    /// Who is offered the case.
    pub colleague: User<'s>,
    pub client: String,
    pub case: String,
    /// The id of each record, by the name of its kind.
    pub ids: BTreeMap<&'static str, String>,
}

impl<'s> ClientRecords<'s> {
    pub async fn make(server: &'s TestServer) -> Self {
        let (lead, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
        let (client_user, colleague) = (server.user(Role::Client), server.user(Role::Advocate));
        let case = active_case(&lead, &supervisor).await;
        let client =
            lead.get(&format!("/cases/{case}")).await.expect(200).body["client_id"].as_str().unwrap().to_owned();
        client_user.link_to(&client);
        let name = json!({"preferred_name": format!("Sam {WORD}")});
        lead.patch(&format!("/clients/{client}"), "*", name).await.expect(200);
        lead.patch(&format!("/cases/{case}"), "*", json!({"client_goal": WORD})).await.expect(200);
        let made = |path: String, body: Value| {
            let lead = &lead;
            async move { lead.post(&path, body).await.expect(201).id() }
        };
        let today = Day::today(&server.org.time_zone);
        let (soon, yesterday) = (today.plus_days(2).to_string(), today.plus_days(-1).to_string());

        let provider = made("/providers".into(), json!({"name": WORD})).await;
        made("/me/interests".into(), json!({"provider_id": provider, "kind": "family"})).await;
        let barrier = json!({"type": "cost", "description": WORD, "provider_id": provider});
        let barrier = made(format!("/cases/{case}/barriers"), barrier).await;
        let action = json!({"type": "internal_appeal", "forum": WORD});
        let action = made(format!("/barriers/{barrier}/actions"), action).await;
        let deadline = json!({"due_on": soon, "time_zone": "America/Chicago", "source": "manual", "note": WORD});
        let deadline = made(format!("/actions/{action}/deadlines"), deadline).await;
        let note = made(format!("/cases/{case}/notes"), json!({"kind": "progress", "body": WORD})).await;
        let task = made(format!("/cases/{case}/tasks"), json!({"title": WORD, "due_on": today.to_string()})).await;
        let meeting = json!({
            "type": "discharge_planning", "mode": "phone", "starts_at": format!("{soon}T15:00:00Z"),
            "ends_at": format!("{soon}T16:00:00Z"), "time_zone": "America/Chicago", "purpose": WORD,
        });
        let meeting = made(format!("/cases/{case}/meetings"), meeting).await;
        let commitment = json!({"party": "provider", "text": WORD, "due_on": yesterday});
        let commitment = made(format!("/meetings/{meeting}/commitments"), commitment).await;
        let item = json!({"category": "documents", "text": WORD, "mandatory": true, "owner": "client"});
        let item = made(format!("/meetings/{meeting}/preparation"), item).await;
        let statement = json!({"sections": {"needs": WORD}});
        let statement = made(format!("/clients/{client}/statements"), statement).await;
        let approval = json!({"approved_by": "client", "method": "phone"});
        lead.post(&format!("/statements/{statement}/approve"), approval).await.expect(201);
        let feedback = client_user.post("/me/feedback", json!({"text": WORD, "case_id": case})).await.expect(201).id();
        let elsewhere = server.user_in(&server.org, &[], Role::Supervisor);
        let break_glass = json!({"case_id": case, "reason": format!("They ask for {WORD}.")});
        let break_glass = elsewhere.post("/break-glass", break_glass).await.expect(201).id();
        let first = |reply: super::Reply| reply.expect(200).body["items"][0]["id"].as_str().unwrap().to_owned();
        let assignment = first(lead.get(&format!("/cases/{case}/assignments")).await);
        let conflict_check = first(supervisor.get(&format!("/cases/{case}/conflict-checks")).await);
        let handover = json!({"to_user_id": colleague.id(), "note": WORD});
        let handover = made(format!("/cases/{case}/handovers"), handover).await;

        let ids = BTreeMap::from([
            ("client", client.clone()),
            ("case", case.clone()),
            ("barrier", barrier),
            ("action", action),
            ("deadline", deadline),
            ("note", note),
            ("task", task),
            ("meeting", meeting),
            ("commitment", commitment),
            ("preparation_item", item),
            ("statement", statement),
            ("feedback", feedback),
            ("break_glass", break_glass),
            ("assignment", assignment),
            ("conflict_check", conflict_check),
            ("handover", handover),
        ]);
        Self { lead, supervisor, client_user, colleague, client, case, ids }
    }
}
